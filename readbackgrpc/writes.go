package readbackgrpc

import (
	"net/http"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/readback-go/readback/consistency"
)

// wrote remembers a write that ended with err, unless it was refused or never sent.
func (c *call) wrote(err error) {
	class := c.class(consistency.ToMatch, err)
	w := written{at: time.Now(), class: class}
	switch {
	case class == 0:
	case err != nil:
		c.coverAll(c.namesInside(), w)
	default:
		if op, ok := c.response.(Operation); ok {
			c.started(op, w)
			return
		}
		w.version = c.version(c.response)
		c.coverAll(c.names(c.response), w)
	}
}

// started remembers an operation that makes a resource, or the resource if it is
// there already.
func (c *call) started(op Operation, w written) {
	switch {
	case op.GetDone() && op.GetError() != nil:
	case op.GetDone():
		c.made(op, c.kind(), w)
	case op.GetName() != "":
		w.kind = c.kind()
		c.cover(operations, op.GetName(), w)
	}
}

// ended remembers what an operation has made that this caller started.
func (c *call) ended(op Operation) {
	started, known := c.i.memory.latest(c.place, operations, op.GetName())
	if !known || started.deleted || started.kind == "" {
		return
	}
	c.made(op, started.kind, written{at: time.Now(), class: consistency.Applied})
	started.kind = "" // the resource is remembered once, from now on
	c.i.memory.remember(c.i.memory.key(c.place, operations, op.GetName()), started)
}

// made covers what the response of an operation names.
func (c *call) made(op Operation, kind string, w written) {
	packed := op.GetResponse()
	if packed == nil {
		return
	}
	m, err := packed.UnmarshalNew()
	if err != nil { // of a type that is not linked in
		c.i.counts.unnamed.Add(1)
		return
	}
	w.version = c.version(m)
	names := c.names(m)
	if len(names) == 0 {
		c.i.counts.unnamed.Add(1)
	}
	for _, name := range names {
		c.cover(kind, name, w)
	}
}

// deleted forgets what a deletion that ended with err names.
func (c *call) deleted(err error) {
	class := c.class(consistency.ToAbsent, err)
	if class == 0 {
		return
	}
	for _, name := range c.names(c.request) {
		c.cover(c.kind(), name, written{at: time.Now(), class: class, deleted: true})
	}
}

// class returns what the answer to a write proves, and 0 if that is nothing worth
// remembering.
func (c *call) class(goal consistency.Goal, err error) consistency.Class {
	a := consistency.Answer{Status: http.StatusOK, Code: "OK"}
	if err != nil {
		var ok bool
		if a, ok = c.i.options.Policy.Answer(consistency.PhaseWrite, nil, err); !ok {
			return consistency.Ambiguous
		}
		if a.NotSent {
			return 0
		}
	}
	a.Phase = consistency.PhaseWrite
	switch class := c.i.options.Policy.Rules.ClassOf(goal, a); class {
	case consistency.Applied, consistency.Accepted, consistency.Ambiguous:
		return class
	}
	return 0
}

func (c *call) coverAll(names []string, w written) {
	if len(names) == 0 {
		c.i.counts.unnamed.Add(1)
	}
	for _, name := range names {
		c.cover(c.kind(), name, w)
	}
}

func (c *call) cover(kind, name string, w written) {
	if name == "" {
		return
	}
	if !w.deleted {
		c.i.counts.remembered.Add(1)
	}
	c.i.memory.remember(c.i.memory.key(c.place, kind, name), w)
}

// namesInside returns the names that the request of a write has, in itself or in
// the resource that it carries: an Update's has one, and few of those of a Create.
func (c *call) namesInside() []string {
	if names := c.names(c.request); len(names) > 0 || c.i.options.NameOf != nil {
		return names
	}
	var names []string
	c.request.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.Kind() == protoreflect.MessageKind && fd.Cardinality() != protoreflect.Repeated {
			if name := nameOfMessage(v.Message().Interface(), c.i.options.Fields); name != "" {
				names = append(names, name)
			}
		}
		return true
	})
	return names
}

// version returns the version that a message shows, or "".
func (c *call) version(m proto.Message) string {
	if c.i.options.Version == "" {
		return ""
	}
	return scalar(m.ProtoReflect(), c.i.options.Version)
}
