package readbackgrpc

import (
	"strconv"
	"strings"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// Ref refers to what a write made: W of a flow whose write may be answered with a
// long-running operation. Make it with [RefOf].
type Ref struct {
	Name      string `json:"name,omitempty"`      // of the resource; empty if not known yet
	Operation string `json:"operation,omitempty"` // to be followed, see [Monitor]; empty if there is none
}

// IsZero reports whether r refers to nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// Lacks is for Flow.Lacks: an operation that has ended without naming a resource
// leaves nothing to read.
func (r Ref) Lacks() error {
	if r.Name == "" {
		return errNoName
	}
	return nil
}

// Follows is for Flow.Follows: it reports whether there is an operation to follow.
func (r Ref) Follows() bool { return r.Operation != "" }

// Operation is what is asked of a google.longrunning.Operation, which its generated
// type, longrunningpb.Operation, has.
type Operation interface {
	proto.Message
	GetName() string
	GetDone() bool
	GetError() *statuspb.Status
	GetResponse() *anypb.Any
}

// RefOf returns what the response to a write refers to: an [Operation] by its name,
// unless it has ended well and its response has a resource name, and anything else
// by its field name, after AIP-122. It is zero if there is none.
//
// The type of an operation's response must be linked into the program.
func RefOf(response proto.Message) Ref {
	if op, ok := response.(Operation); ok {
		if op.GetDone() && op.GetError() == nil {
			if name := nameIn(op.GetResponse(), aip122); name != "" {
				return Ref{Name: name}
			}
		}
		return Ref{Operation: op.GetName()}
	}
	return Ref{Name: nameOfMessage(response, aip122)}
}

var aip122 = []protoreflect.Name{"name"}

// nameIn returns the resource name in what an Any holds.
func nameIn(packed *anypb.Any, fields []protoreflect.Name) string {
	if packed == nil {
		return ""
	}
	m, err := packed.UnmarshalNew()
	if err != nil {
		return ""
	}
	return nameOfMessage(m, fields)
}

// nameOfMessage returns the first of the fields that m has and that is set, as text.
func nameOfMessage(m proto.Message, fields []protoreflect.Name) string {
	if m == nil {
		return ""
	}
	r := m.ProtoReflect()
	for _, field := range fields {
		if text := scalar(r, field); text != "" {
			return text
		}
	}
	return ""
}

// scalar returns a field of m that is a string or a number as text, and nothing if
// m has no such field or its value is the zero one.
func scalar(m protoreflect.Message, field protoreflect.Name) string {
	fd := m.Descriptor().Fields().ByName(field)
	if fd == nil || fd.Cardinality() == protoreflect.Repeated || !m.Has(fd) {
		return ""
	}
	switch value := m.Get(fd); fd.Kind() {
	case protoreflect.StringKind:
		return value.String()
	case protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Sint32Kind, protoreflect.Sint64Kind,
		protoreflect.Sfixed32Kind, protoreflect.Sfixed64Kind:
		return strconv.FormatInt(value.Int(), 10)
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind:
		return strconv.FormatUint(value.Uint(), 10)
	}
	return ""
}

// parents calls yield for each name above name: for "shelves/1/books/2" those are
// "shelves", "shelves/1" and "shelves/1/books".
func parents(name string, yield func(string)) {
	for i := range len(name) {
		if name[i] == '/' {
			yield(name[:i])
		}
	}
}

// full reports whether a name says by itself what it is the name of.
func full(name string) bool { return strings.Contains(name, "/") }
