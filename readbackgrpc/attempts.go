package readbackgrpc

import (
	"context"
	"sync"

	"google.golang.org/grpc"
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
	return c.mark(invoke(context.WithValue(ctx, attemptsKey{}, c), method, req, reply, cc, opts...))
}

func countStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if wire.From(ctx) == nil {
		return streamer(ctx, desc, cc, method, opts...)
	}
	c := &attempts{safe: changesNothing(method)}
	stream, err := streamer(context.WithValue(ctx, attemptsKey{}, c), desc, cc, method, opts...)
	return stream, c.mark(err)
}

// attempts is what is known of the attempts of one call, which come one after the
// other.
type attempts struct {
	safe bool // the method changes nothing: they are no tries

	mu      sync.Mutex
	begun   int  // attempts that the stats handler saw begin
	sent    bool // some attempt wrote a header
	written bool // the latest one has
	again   bool // the next header repeats an attempt that was not processed
}

type attemptsKey struct{}

// begin notes that an attempt begins. A transparent one proves that the one before
// it was not processed.
func (c *attempts) begin(transparent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun++
	c.again = transparent && (c.written || c.again)
	c.written = false
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

// mark returns err, and as one of a call that was never sent if that is proven.
func (c *attempts) mark(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil || c.begun == 0 || c.sent {
		return err
	}
	return &unsent{err}
}

// unsent is the error of a call of which nothing was sent.
type unsent struct{ err error }

func (e *unsent) Error() string              { return e.err.Error() }
func (e *unsent) Unwrap() error              { return e.err }
func (e *unsent) GRPCStatus() *status.Status { return status.Convert(e.err) }

// counter is the stats handler that sees each attempt.
type counter struct{}

func (counter) HandleRPC(ctx context.Context, s stats.RPCStats) {
	switch s := s.(type) {
	case *stats.Begin:
		if c, ok := ctx.Value(attemptsKey{}).(*attempts); ok {
			c.begin(s.IsTransparentRetryAttempt)
		}
	case *stats.OutHeader:
		if c, ok := ctx.Value(attemptsKey{}).(*attempts); ok && c.header() {
			consistency.CountTry(ctx)
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
