package readbackgrpc

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/wire"
)

// Counting returns the options of a client connection whose calls are counted in
// the flow that they belong to:
//
//	conn, err := grpc.NewClient(target, append(options, readbackgrpc.Counting()...)...)
//
// Every attempt that writes a header is a try, see consistency.CountTry: those of a
// retry policy of a service config, which nobody else sees, and transparent ones.
// Only an attempt that gRPC repeats because the server has not processed it is none.
// What each of them was answered is noted, for a call may end with another error: that
// of an attempt that could not be sent, or of an interceptor that answers by itself.
// A method whose descriptor says idempotency_level = NO_SIDE_EFFECTS is not counted.
// A call that failed before any of its attempts wrote a header was never sent:
// [Answer] says so of its error, which keeps its status, its text and its chain.
//
// A call outside of a flow costs what a stats handler costs that does nothing.
func Counting() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithStatsHandler(counter{}),
		grpc.WithChainUnaryInterceptor(countUnary),
		grpc.WithChainStreamInterceptor(countStream),
	}
}

func countUnary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if wire.From(ctx) == nil {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	c := &attempts{safe: changesNothing(method)}
	return c.failed(invoke(context.WithValue(ctx, attemptsKey{}, c), method, req, reply, cc, opts...))
}

func countStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if wire.From(ctx) == nil {
		return streamer(ctx, desc, cc, method, opts...)
	}
	c := &attempts{safe: changesNothing(method)}
	stream, err := streamer(context.WithValue(ctx, attemptsKey{}, c), desc, cc, method, opts...)
	return stream, c.failed(err)
}

// attempts is what is known of the attempts of one call, which come one after the
// other.
type attempts struct {
	safe bool // the method changes nothing: they are no tries

	mu       sync.Mutex
	begun    int  // attempts that the stats handler saw begin
	sent     bool // some attempt wrote a header
	written  bool // the latest one has
	again    bool // the next header repeats an attempt that was not processed
	answered bool // the server said something to the latest one
	message  bool // and it was a message
	vague    bool // the latest one has ended, and how is not known
}

type attemptsKey struct{}

// begin notes that an attempt begins. It reports whether that repeats one that was
// sent, and not processed: a transparent attempt proves that; and whether it is not
// known how the one before has ended.
func (c *attempts) begin(transparent bool) (repeats, vague bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun++
	repeats, vague = transparent && c.written, c.vague
	c.again = repeats || transparent && c.again
	c.written, c.answered, c.message, c.vague = false, false, false, false
	return repeats && !c.safe, vague
}

// header notes that the attempt has written its header, and reports whether that
// is a try more.
func (c *attempts) header() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := !c.again && !c.safe
	c.sent, c.written, c.again = true, true, false
	return counts
}

// left reports whether some attempt was seen to write a header.
func (c *attempts) left() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}

// answer notes that the server has said something, and whether it was a message.
func (c *attempts) answer(message bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered, c.message = true, c.message || message
}

// end returns err, by which an attempt ended, as mark does, and reports whether that
// was a try of which it tells the end. No error says nothing without a message: gRPC
// drops it where the answer comes before the request is written.
func (c *attempts) end(err error) (_ error, told bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	try := c.written && !c.safe
	c.vague = try && err == nil && !c.message
	return c.mark(err), try && !c.vague
}

// failed returns err, by which the call ended, as mark does.
func (c *attempts) failed(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mark(err)
}

// mark returns err, and with it what is proven by it: that the call was never sent, or
// that the client itself said so of the latest attempt.
func (c *attempts) mark(err error) error {
	switch {
	case err == nil || c.begun == 0:
		return err
	case !c.sent:
		return &marked{err, never}
	case !c.answered && status.Code(err) == codes.ResourceExhausted:
		return &marked{err, ownWord}
	}
	return err
}

// marked is the error of a call of which something is proven.
type marked struct {
	err error
	how mark
}

// mark is what is proven of a call that failed.
type mark uint8

const (
	never   mark = iota + 1 // nothing of it was sent
	ownWord                 // the error is the client's: the server has said nothing
)

func (e *marked) Error() string              { return e.err.Error() }
func (e *marked) Unwrap() error              { return e.err }
func (e *marked) GRPCStatus() *status.Status { return status.Convert(e.err) }

// counter is the stats handler that sees each attempt.
type counter struct{}

func (counter) HandleRPC(ctx context.Context, s stats.RPCStats) {
	c, ok := ctx.Value(attemptsKey{}).(*attempts)
	if !ok {
		return
	}
	switch s := s.(type) {
	case *stats.Begin:
		switch repeats, vague := c.begin(s.IsTransparentRetryAttempt); {
		case vague && !repeats: // it may have been carried out
			wire.From(ctx).Told(nil)
		case repeats && !vague:
			wire.From(ctx).Untold()
		}
	case *stats.OutHeader:
		if c.header() {
			consistency.CountTry(ctx)
		}
	case *stats.InHeader, *stats.InTrailer:
		c.answer(false)
	case *stats.InPayload:
		c.answer(true)
	case *stats.End:
		if err, told := c.end(s.Error); told {
			wire.From(ctx).Told(err)
		}
	}
}

func (counter) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (counter) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (counter) HandleConn(context.Context, stats.ConnStats)                       {}

// changesNothing reports whether the descriptor of a method, such as
// "/library.v1.Library/ListBooks", says that it has no side effects.
func changesNothing(fullMethod string) bool {
	service, method, ok := splitMethod(fullMethod)
	if !ok {
		return false
	}
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service + "." + method))
	if err != nil {
		return false
	}
	options, ok := found.Options().(*descriptorpb.MethodOptions)
	return ok && options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
}
