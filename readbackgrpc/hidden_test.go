package readbackgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackgrpc"
	"github.com/readback-go/readback/readbackgrpc/internal/things"
)

// onceOnly are credentials that can be had once, as of a server of tokens that is
// gone.
type onceOnly struct{ asked *atomic.Int32 }

func (c onceOnly) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if c.asked.Add(1) > 1 {
		return nil, errors.New("no token")
	}
	return nil, nil
}

func (onceOnly) RequireTransportSecurity() bool { return false }

// An attempt that cannot be sent hides the answer of the one before it, which was
// carried out.
func TestCounting_retryThatIsNotSent(t *testing.T) {
	t.Parallel()
	for _, find := range []bool{false, true} {
		bubble(t, fmt.Sprint("a call, find: ", find), func(t *testing.T) {
			service := &things.Service{Lag: 300 * ms}
			service.Next("CreateThing", things.Fault{Code: codes.Unavailable, Executed: true})
			c := dial(t, service, append(readbackgrpc.Counting(), retrying, grpc.WithPerRPCCredentials(onceOnly{new(atomic.Int32)}))...)
			there := dial(t, service)
			flow := creation(c)
			flow.Read = func(ctx context.Context, name string) (*things.Thing, error) { return there.GetThing(ctx, get(name)) }
			want := consistency.Confirmed
			if !find {
				flow.Find, flow.MineValue = nil, nil
				want = consistency.Unconfirmed
			}
			res, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, flow)
			assert.Equal(t, want, res.Outcome, "%v", err)
			assert.Equal(t, 1, service.Made())
			if !find {
				assert.ErrorContains(t, err, "401 UNAUTHENTICATED")
				assert.ErrorContains(t, err, "a request of the write was counted")
			}
		})
	}
	bubble(t, "a stream", func(t *testing.T) {
		service := &things.Service{}
		service.Next("PourThings", things.Fault{Code: codes.Unavailable})
		c := dial(t, service, append(readbackgrpc.Counting(), retrying, grpc.WithPerRPCCredentials(onceOnly{new(atomic.Int32)}))...)
		flow := creation(c)
		flow.Find, flow.MineValue = nil, nil
		flow.Write = func(ctx context.Context) (string, error) {
			stream, err := c.PourThings(ctx)
			if err != nil {
				return "", err
			}
			if err := stream.Send(&things.CreateThingRequest{Parent: "shelves/1", ThingId: "alpha"}); err != nil {
				return "", err
			}
			_, err = stream.CloseAndRecv()
			return "shelves/1/things/alpha", err
		}
		res, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, flow)
		assert.Equal(t, consistency.Unconfirmed, res.Outcome, "%v", err)
		assert.Equal(t, 1, service.Made())
	})
}

// twice is what repeats calls by itself, and makes each a second time if it failed.
func twice(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if err := invoke(ctx, method, req, reply, cc, opts...); err == nil {
		return nil
	}
	return invoke(ctx, method, req, reply, cc, opts...)
}

// The second call of an interceptor that repeats them is never sent, or is answered
// beneath. That refuses nothing of the first one.
func TestCounting_repeatedCallThatIsNotSent(t *testing.T) {
	t.Parallel()
	var calls, above atomic.Int32
	second := func(calls *atomic.Int32) grpc.DialOption {
		return grpc.WithChainUnaryInterceptor(
			func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				if calls.Add(1) > 1 {
					return status.Error(codes.Unauthenticated, "no token")
				}
				return invoke(ctx, method, req, reply, cc, opts...)
			})
	}
	for name, way := range map[string][]grpc.DialOption{
		"no credentials":   append(readbackgrpc.Counting(), grpc.WithPerRPCCredentials(onceOnly{new(atomic.Int32)})),
		"answered beneath": append(readbackgrpc.Counting(), second(&calls)),
		"answered above":   append([]grpc.DialOption{second(&above)}, readbackgrpc.Counting()...),
	} {
		bubble(t, name, func(t *testing.T) {
			service := &things.Service{}
			service.Next("CreateThing", things.Fault{Code: codes.Unavailable, Executed: true})
			c := dial(t, service, append([]grpc.DialOption{grpc.WithChainUnaryInterceptor(twice)}, way...)...)
			flow := creation(c)
			flow.Find, flow.MineValue = nil, nil
			res, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, flow)
			assert.Equal(t, consistency.Unconfirmed, res.Outcome, "%v", err)
			assert.ErrorContains(t, err, "401 UNAUTHENTICATED")
			assert.Equal(t, 1, service.Made())
		})
	}
}

// What is answered well, and called a refusal by an interceptor, was carried out.
func TestCounting_answeredOtherwise(t *testing.T) {
	t.Parallel()
	for _, above := range []bool{false, true} {
		bubble(t, fmt.Sprint("above: ", above), func(t *testing.T) {
			service := &things.Service{}
			spoils := grpc.WithChainUnaryInterceptor(
				func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
					if err := invoke(ctx, method, req, reply, cc, opts...); err != nil {
						return err
					}
					return status.Error(codes.InvalidArgument, "the answer is not as it should be")
				})
			options := append(readbackgrpc.Counting(), spoils)
			if above {
				options = append([]grpc.DialOption{spoils}, readbackgrpc.Counting()...)
			}
			c := dial(t, service, options...)
			flow := creation(c)
			flow.Find, flow.MineValue = nil, nil
			res, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, flow)
			assert.Equal(t, consistency.Unconfirmed, res.Outcome, "%v", err)
		})
	}
}

// A rule that takes a code for a refusal is heeded, also where the error is another by
// then.
func TestCounting_rules(t *testing.T) {
	t.Parallel()
	for _, code := range []codes.Code{codes.Unavailable, codes.FailedPrecondition} {
		bubble(t, code.String(), func(t *testing.T) {
			service := &things.Service{}
			service.Next("CreateThing", things.Fault{Code: codes.Unavailable})
			c := dial(t, service, append(readbackgrpc.Counting(), grpc.WithChainUnaryInterceptor(
				func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
					if err := invoke(ctx, method, req, reply, cc, opts...); err != nil {
						return status.Error(code, "not today")
					}
					return nil
				}))...)
			policy := consistency.Policy{Answer: readbackgrpc.Answer}
			policy.Rules.Write = []consistency.WriteRule{{Code: "UNAVAILABLE", Class: consistency.Refused}}
			res, err := consistency.Do(t.Context(), policy, creation(c))
			assert.Equal(t, consistency.Failed, res.Outcome, "%v", err)
		})
	}
}

// A server says of an answer that is too long what a client says of a request: only
// of the latter it is known that nothing was carried out.
func TestCounting_tooLong(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		server []grpc.ServerOption
		client []grpc.DialOption
		want   error
		made   int
	}{
		{"the answer", []grpc.ServerOption{grpc.MaxSendMsgSize(1)}, readbackgrpc.Counting(), consistency.ErrUnconfirmed, 1},
		{"the answer, and nobody counts", []grpc.ServerOption{grpc.MaxSendMsgSize(1)}, nil, consistency.ErrUnconfirmed, 1},
		{"the request", nil, append(readbackgrpc.Counting(), grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(1))), consistency.ErrFailed, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			service := &things.Service{}
			c := connect(t, listen(t, service, tt.server...), tt.client...)
			flow := creation(c)
			flow.Find, flow.MineValue = nil, nil
			_, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, flow)
			assert.ErrorIs(t, err, tt.want)
			assert.ErrorContains(t, err, "RESOURCE_EXHAUSTED")
			assert.Equal(t, tt.made, service.Made())
		})
	}
}

// What a service says in its errors is shown without its secrets, and handed on as
// it is.
func TestInterceptor_secrets(t *testing.T) {
	t.Parallel()
	const text = "no thing for token=hunter2"
	bubble(t, "events and history", func(t *testing.T) {
		var told []string
		hold, _ := holding(readbackgrpc.Options{Policy: consistency.Policy{Within: 300 * ms, Observer: func(e consistency.Event) {
			if e.Err != nil {
				told = append(told, e.Err.Error())
			}
		}}})
		service := &things.Service{}
		c := dial(t, service, hold)
		made := c.create(t, "alpha")
		fault := things.Fault{Code: codes.NotFound, Message: text}
		service.Next("GetThing", fault, fault, fault, fault, fault, fault, fault, fault)
		var report readbackgrpc.Report
		_, err := c.GetThing(readbackgrpc.WithHold(t.Context(), readbackgrpc.Hold{Report: &report}), get(made.GetName()))
		assert.ErrorContains(t, err, text, "its caller gets what the service said")
		for read := range report.History.All() {
			told = append(told, read.Err.Error())
		}
		assert.Greater(t, len(told), 4)
		assert.NotContains(t, strings.Join(told, "\n"), "hunter2")
	})
}
