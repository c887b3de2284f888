package readbackgrpc

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/holding"
	"github.com/readback-go/readback/internal/limit"
	"github.com/readback-go/readback/internal/wire"
)

// Interceptor lets a client read what it wrote: it remembers recent writes, and
// holds a later read of what was just written, by the same caller, that answers
// NOT_FOUND or PERMISSION_DENIED, until the read model has caught up. Then it hands
// on the answer as the server gave it; if the window ends before, that is the last
// NOT_FOUND or PERMISSION_DENIED. Make it with [NewInterceptor], and put it into a
// client connection:
//
//	grpc.WithChainUnaryInterceptor(readbackgrpc.NewInterceptor(readbackgrpc.Options{}).Unary)
//
// # Writes
//
// No write is sent twice. A Create or Update that was carried out covers the
// resource that its response names, by its field name after AIP-122, and that alone.
// One that is answered with an [Operation] covers the operation's own name, and
// from the moment on when the caller sees, over the same interceptor, that it has
// ended well, the resource that its response names. After an ambiguous answer, such
// as UNAVAILABLE, it covers the resource that its request names, which a Create seldom
// does. A Delete that was not refused forgets its name, and all that lies below.
// Nothing is remembered of a write whose context was over before, unless it was seen
// to leave, nor of one that never left, as a connection with the options of [Counting]
// shows.
//
// The memory is bounded in number and time. It knows of a write by keyed hashes of
// target, caller and name: what one user writes does not hold up the reads of
// another.
//
// # Reads
//
// A Get that was not answered with an error costs nothing, unless Options.Version,
// Options.HoldDeleted or a [Hold] ask for more; no other NOT_FOUND is ever delayed.
// A poll is the same call again, and what intercepts calls beneath sees it too.
// One that fails in a way that says nothing of the resource, such as UNAVAILABLE,
// is not handed on. Options of the call that return something, such as grpc.Header,
// get it from the last poll.
//
// A held read ends a reserve, which is twice its slowest poll so far, before the
// deadline of its context: an honest NOT_FOUND does not become DEADLINE_EXCEEDED.
// If the context is cancelled, the error is CANCELED.
//
// Goroutines that wait for the same read share the waiting: one polls, and when it
// was answered, each of the others reads once for itself. Within a flow of package
// consistency nothing is held, for that reads by itself; its writes are remembered.
//
// An Interceptor may serve several connections, and is safe for concurrent use. A
// read that waits has no goroutine besides the caller's.
type Interceptor struct {
	options Options
	err     error // what is wrong with the options
	memory  *memory
	waiting holding.Waiting[struct{}] // no leader leaves anything to the next
	limits  limit.Limits[struct{}]    // all polls have one key
	counts  counts
}

// NewInterceptor returns an Interceptor. If an option is invalid, each call fails
// before it is sent, with an error that matches consistency.ErrInvalid.
func NewInterceptor(options Options) *Interceptor {
	i := &Interceptor{options: options}
	if i.err = options.validate(); i.err != nil {
		return i
	}
	i.options.fillIn()
	i.memory = newMemory(i.options.MaxWrites, i.options.Remember)
	i.limits.PerSecond = i.options.PollsPerSecond
	return i
}

// Unary is the grpc.UnaryClientInterceptor of i.
func (i *Interceptor) Unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if i.err != nil {
		return i.err
	}
	kind := i.options.Kind(method)
	if kind == Other || kind == Read && i.memory.empty() {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	return i.follow(ctx, kind, method, req, reply, cc, invoke, opts)
}

// follow makes a call that writes, or may read what was written. It is not in Unary, so that
// calls which pass through allocate nothing.
func (i *Interceptor) follow(ctx context.Context, kind Kind, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts []grpc.CallOption) error {
	if kind != Read {
		return i.write(ctx, kind, method, req, reply, cc, invoke, opts)
	}
	began := time.Now()
	err := invoke(ctx, method, req, reply, cc, opts...)
	request, response, ok := messages(req, reply)
	if !ok {
		return err
	}
	if err == nil {
		if op, ok := response.(Operation); ok && op.GetDone() && op.GetError() == nil {
			i.call(ctx, method, request, response, cc, invoke, opts).ended(op)
			return nil
		}
	}
	if !i.suspicious(ctx, err) || wire.From(ctx) != nil {
		return err
	}
	own := holdOf(ctx)
	if own.Off {
		return err
	}
	c := i.call(ctx, method, request, response, cc, invoke, opts)
	for _, name := range c.names(request) {
		if w, covered := i.memory.latest(c.place, c.readKind(), name); covered {
			return i.held(c, own, name, w, began).hold(err)
		}
	}
	return err
}

// write makes a call that writes, and remembers it unless it is known not to be
// carried out.
func (i *Interceptor) write(ctx context.Context, kind Kind, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts []grpc.CallOption) error {
	over := ctx.Err() != nil
	sent, tries := ctx, new(attempts)
	if wire.From(ctx) == nil { // else its flow has Counting follow the attempts
		sent = context.WithValue(ctx, attemptsKey{}, tries)
	}
	err := invoke(sent, method, req, reply, cc, opts...)
	request, response, ok := messages(req, reply)
	if !ok {
		return err
	}
	c := i.call(ctx, method, request, response, cc, invoke, opts)
	proven := tries.failed(err)
	switch {
	case err != nil && over && !tries.left():
		c.over(kind)
	case kind == Delete:
		c.deleted(proven)
	default:
		c.wrote(proven)
	}
	return err
}

func messages(req, reply any) (request, response proto.Message, ok bool) {
	request, ok = req.(proto.Message)
	response, fine := reply.(proto.Message)
	return request, response, ok && fine
}

// suspicious reports whether an answer may come of lag. It is asked of every read.
func (i *Interceptor) suspicious(ctx context.Context, err error) bool {
	if err == nil {
		return i.options.Version != "" || i.options.HoldDeleted || i.judgesGood() || holdOf(ctx).Match != nil
	}
	a, ok := i.options.Policy.Answer(consistency.PhaseRead, nil, err)
	return ok && (a.Status == 404 || a.Status == 403 || len(i.options.Policy.Rules.Read) > 0)
}

func (i *Interceptor) judgesGood() bool { return len(i.options.Policy.Rules.Read) > 0 }

// call is one call of a method, which can be made again.
type call struct {
	i        *Interceptor
	ctx      context.Context
	method   string
	request  proto.Message
	response proto.Message
	cc       *grpc.ClientConn
	invoke   grpc.UnaryInvoker
	opts     []grpc.CallOption
	place    place
}

func (i *Interceptor) call(ctx context.Context, method string, req, reply proto.Message, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts []grpc.CallOption) *call {
	c := &call{i: i, ctx: ctx, method: method, request: req, response: reply, cc: cc, invoke: invoke, opts: opts}
	target := ""
	if cc != nil {
		target = cc.CanonicalTarget()
	}
	c.place = i.memory.place(target, c.who())
	return c
}

// who returns who makes the call.
func (c *call) who() string {
	if c.i.options.Scope != nil {
		return c.i.options.Scope(c.ctx)
	}
	who := credentials(c.ctx)
	for _, option := range c.opts {
		if own, ok := option.(grpc.PerRPCCredsCallOption); ok {
			who += fmt.Sprintf("%T %p\n", own.Creds, own.Creds) // only hashed, see memory
		}
	}
	return who
}

// kind is what a short name is one of: the service and the noun of its method.
func (c *call) kind() string {
	service, _, _ := splitMethod(c.method)
	_, noun := verb(c.method)
	return service + "/" + noun
}

// operations are one kind, whatever service they are read from.
const operations = "operation"

// readKind is what a short name is one of that the call reads.
func (c *call) readKind() string {
	if _, ok := c.response.(Operation); ok {
		return operations
	}
	return c.kind()
}

// names returns the names that a message of the call has.
func (c *call) names(m proto.Message) []string {
	if c.i.options.NameOf != nil {
		return c.i.options.NameOf(c.method, m)
	}
	if name := nameOfMessage(m, c.i.options.Fields); name != "" {
		return []string{name}
	}
	return nil
}
