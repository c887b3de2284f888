package readbackgrpc

import (
	"net/http"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/readback-go/readback/consistency"
)

// wrote remembers a write that ended with err, unless it was refused or never sent.
func (c *call) wrote(err error) {
	a, class := c.class(consistency.ToMatch, err)
	w := written{at: time.Now(), class: class}
	switch {
	case class == 0:
		c.tell(a, w, nil, "refused")
	case err != nil:
		c.coverAll(a, c.namesInside(), w)
	default:
		if op, ok := c.response.(Operation); ok {
			c.started(a, op, w)
			return
		}
		w.version = c.version(c.response)
		c.coverAll(a, c.names(c.response), w)
	}
}

// started remembers an operation that makes a resource, or the resource if it is
// there already.
func (c *call) started(a consistency.Answer, op Operation, w written) {
	switch {
	case op.GetDone() && op.GetError() != nil:
		c.tell(a, w, nil, "the operation failed")
	case op.GetDone():
		c.made(a, op, c.kind(), w)
	case op.GetName() == "":
		c.coverAll(a, nil, w)
	default:
		w.kind = c.kind()
		c.cover(operations, op.GetName(), w)
		c.tell(a, w, []string{op.GetName()}, "")
	}
}

// ended remembers what an operation has made that this caller started.
func (c *call) ended(op Operation) {
	started, known := c.i.memory.latest(c.place, operations, op.GetName())
	if !known || started.deleted || started.kind == "" {
		return
	}
	c.made(done, op, started.kind, written{at: time.Now(), class: consistency.Applied})
	started.kind = "" // the resource is remembered once, from now on
	c.i.memory.remember(c.i.memory.key(c.place, operations, op.GetName()), started)
}

// done is the answer of a call that ended well.
var done = consistency.Answer{Status: http.StatusOK, Code: "OK"}

// made covers what the response of an operation names.
func (c *call) made(a consistency.Answer, op Operation, kind string, w written) {
	packed := op.GetResponse()
	if packed == nil { // it makes nothing
		return
	}
	var names []string
	if m, err := packed.UnmarshalNew(); err == nil { // its type is linked in
		w.version = c.version(m)
		names = c.names(m)
	}
	c.coverAs(a, kind, names, w)
}

// deleted forgets what a deletion that ended with err names.
func (c *call) deleted(err error) {
	a, class := c.class(consistency.ToAbsent, err)
	w := written{at: time.Now(), class: class, deleted: true}
	if class == 0 {
		c.tell(a, w, nil, "refused")
		return
	}
	names, why := c.namesGone(), ""
	if len(names) == 0 {
		why = namesNothing
	}
	for _, name := range names {
		c.cover(c.kind(), name, w)
	}
	c.tell(a, w, names, why)
}

// namesGone returns the names of what is deleted: that of the request, or those of a
// batch, which has them in a list, as names, or in a list of requests.
func (c *call) namesGone() []string {
	names := c.names(c.request)
	if len(names) > 0 || c.i.options.NameOf != nil {
		return names
	}
	r := c.request.ProtoReflect()
	for _, field := range c.i.options.Fields {
		each(r, field+"s", protoreflect.StringKind, func(v protoreflect.Value) { names = append(names, v.String()) })
	}
	each(r, "requests", protoreflect.MessageKind, func(v protoreflect.Value) {
		if name := nameOfMessage(v.Message().Interface(), c.i.options.Fields); name != "" {
			names = append(names, name)
		}
	})
	return names
}

// each calls yield for each value of a list of that kind in m, if it has one.
func each(m protoreflect.Message, list protoreflect.Name, kind protoreflect.Kind, yield func(protoreflect.Value)) {
	fd := m.Descriptor().Fields().ByName(list)
	if fd == nil || !fd.IsList() || fd.Kind() != kind {
		return
	}
	for all, i := m.Get(fd).List(), 0; i < all.Len(); i++ {
		yield(all.Get(i))
	}
}

// over tells of a write whose context was over before, and which nobody saw leave.
func (c *call) over(kind Kind) {
	w := written{class: consistency.Ambiguous, deleted: kind == Delete}
	c.tell(consistency.Answer{}, w, nil, "its context was over before")
}

const namesNothing = "it names no resource"

// class returns what the answer to a write says and proves, and 0 if that is
// nothing worth remembering.
func (c *call) class(goal consistency.Goal, err error) (consistency.Answer, consistency.Class) {
	a := done
	if err != nil {
		var ok bool
		if a, ok = c.i.options.Policy.Answer(consistency.PhaseWrite, nil, err); !ok {
			return a, consistency.Ambiguous
		}
		if a.NotSent {
			return a, 0
		}
	}
	a.Phase = consistency.PhaseWrite
	switch class := c.i.options.Policy.Rules.ClassOf(goal, a); class {
	case consistency.Applied, consistency.Accepted, consistency.Ambiguous:
		return a, class
	}
	return a, 0
}

func (c *call) coverAll(a consistency.Answer, names []string, w written) {
	c.coverAs(a, c.kind(), names, w)
}

// coverAs covers the names of resources of that kind.
func (c *call) coverAs(a consistency.Answer, kind string, names []string, w written) {
	why := ""
	if len(names) == 0 {
		c.i.counts.unnamed.Add(1)
		why = namesNothing
	}
	for _, name := range names {
		c.cover(kind, name, w)
	}
	c.tell(a, w, names, why)
}

func (c *call) cover(kind, name string, w written) {
	if !w.deleted {
		c.i.counts.remembered.Add(1)
	}
	c.i.memory.remember(c.i.memory.key(c.place, kind, name), w)
}

// tell says what a write covers, or why nothing, to everyone who wants to know.
func (c *call) tell(a consistency.Answer, w written, names []string, why string) {
	if !c.i.observed() {
		return
	}
	note := "covers " + strings.Join(names, ", ")
	switch {
	case why != "" && w.deleted:
		note = "forgets nothing: " + why
	case why != "":
		note = "covers nothing: " + why
	case w.deleted:
		note = "forgets " + strings.Join(names, " and below, ") + " and below"
	}
	class := w.class
	if class == 0 {
		class = consistency.Refused
		if a.NotSent {
			class = consistency.NotExecuted
		}
	}
	c.i.options.Policy.Tell(consistency.Event{
		Context: c.ctx, Flow: c.method, Instance: strings.Join(names, ", "), Phase: consistency.PhaseWrite, N: 1,
		Status: a.Status, Code: a.Code, Class: class, Note: note,
	})
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
