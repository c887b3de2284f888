package readbackgrpc

import (
	"context"
	"fmt"
	"math"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
)

// Options tune an [Interceptor]. The zero value is ready for use. Its functions
// must be safe for concurrent use.
type Options struct {
	// Policy says how reads are held: when polls begin (Schedule), how long after
	// the write's answer a NOT_FOUND or PERMISSION_DENIED is taken for lag (Within,
	// Windows), how long a poll may take (ReadTimeout), and what answers mean
	// (Rules; Answer, nil is that of this package). OnForbidden is called in a run
	// of PERMISSION_DENIED, for credentials that are added beneath the
	// interceptor. Observer and Logger get the polls and the end of each read
	// that is held: the event's flow is the method, its instance the name. The
	// rest is not used.
	//
	// The schedule's times count from the first answer of a read that is held. A
	// schedule that learns is not taught: reads that come after the lag do not show
	// up here, so it would learn of the long ones only.
	Policy consistency.Policy

	// Scope returns who makes a call. A write never delays the reads of others:
	// their NOT_FOUND may be an honest one. Nil means by the outgoing metadata
	// authorization and cookie, and by credentials given as an option of the call.
	// Set it where callers differ in something else, and where these differ from
	// call to call, as credentials that are made anew for each do: then nothing is
	// ever held. Where credentials belong to the connection, all calls look alike,
	// and are: connections to one target with different ones need an Interceptor each.
	Scope func(context.Context) string

	// Kind returns what a method such as "/library.v1.Library/PublishBook" does.
	// Nil means KindOf, by the verb that its name begins with.
	Kind func(method string) Kind

	// Fields are the fields, strings or numbers, that hold the name of a resource,
	// in requests and in responses; the first counts that a message has. A name
	// without a slash, such as an id, is taken to be one of the service and of what
	// the method's name says after its verb. A BatchDelete has them in a list, whose
	// name has an s more, or in its list of requests. Nil means the field name, after
	// AIP-122.
	Fields []protoreflect.Name

	// NameOf returns the names that a message of a call has, where they are in no
	// field of it. It is asked of the request of a read, an update or a deletion,
	// and of the response to a write. None means that there is none. Nil means by
	// Fields.
	NameOf func(method string, m proto.Message) []string

	// Version is the field by which an old value is known: a number that is less
	// than that in the write's response, or a text, such as an etag, that is not the
	// one there. A read that shows an old value is held as stale. A text suits
	// what nobody else changes: another's change has another etag, and is held too
	// until the window ends. Empty means that old values are handed on.
	Version protoreflect.Name

	// HoldDeleted holds a read that finds what was just deleted until it is gone.
	// Turn it on where something reads what it deleted and takes it for alive.
	HoldDeleted bool

	// PollsPerSecond limits the polls of all who wait, over one interceptor. A poll
	// that finds no place in its time is left out. Zero means no limit.
	PollsPerSecond float64

	// MaxWrites is how many names that were written are remembered; the oldest is
	// forgotten first. Zero means 10,000.
	MaxWrites int

	// Remember is how long a write is remembered at most, and with that how long
	// after it a read is held. Zero means 2 min.
	Remember time.Duration
}

const (
	defaultMaxWrites = 10_000
	defaultRemember  = 2 * time.Minute
)

func (o *Options) fillIn() {
	if o.Policy.Schedule == nil {
		o.Policy.Schedule = readback.Backoff{}
	}
	if o.Policy.Answer == nil {
		o.Policy.Answer = Answer
	}
	if o.Kind == nil {
		o.Kind = KindOf
	}
	if o.Fields == nil {
		o.Fields = aip122
	}
	if o.MaxWrites == 0 {
		o.MaxWrites = defaultMaxWrites
	}
	if o.Remember == 0 {
		o.Remember = defaultRemember
	}
}

func (o *Options) validate() error {
	switch {
	case o.MaxWrites < 0:
		return fmt.Errorf("%w: Options.MaxWrites is negative: %d", consistency.ErrInvalid, o.MaxWrites)
	case o.Remember < 0:
		return fmt.Errorf("%w: Options.Remember is negative: %v", consistency.ErrInvalid, o.Remember)
	case !(o.PollsPerSecond >= 0 && o.PollsPerSecond < math.Inf(1)):
		return fmt.Errorf("%w: Options.PollsPerSecond is not a rate: %v", consistency.ErrInvalid, o.PollsPerSecond)
	}
	return o.Policy.Validate()
}

// credentials is the default of Options.Scope, but for the call's options.
func credentials(ctx context.Context) string {
	md, ok := metadata.FromOutgoingContext(ctx)
	if !ok {
		return ""
	}
	who := ""
	for _, key := range [...]string{"authorization", "cookie"} {
		for _, value := range md[key] {
			who += key + "\n" + value + "\n"
		}
	}
	return who
}
