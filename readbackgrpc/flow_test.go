package readbackgrpc_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/testing/port"
	"github.com/readback-go/readback/readbackgrpc"
	"github.com/readback-go/readback/readbackgrpc/internal/things"
)

// creation is a flow to make a thing of an id of the client's, which can be found
// again and proven by its title.
func creation(c client) consistency.Flow[string, *things.Thing] {
	flow := consistency.Create("create thing",
		func(ctx context.Context) (string, error) {
			made, err := c.CreateThing(ctx, &things.CreateThingRequest{Parent: "shelves/1", ThingId: "alpha", Thing: &things.Thing{Title: "mine"}})
			return made.GetName(), err
		},
		func(ctx context.Context, name string) (*things.Thing, error) { return c.GetThing(ctx, get(name)) })
	flow.Find = consistency.Known("shelves/1/things/alpha")
	flow.MineValue = func(_ string, thing *things.Thing) bool { return thing.GetTitle() == "mine" }
	return flow
}

// What comes of a creation that is answered with each code, and was carried out
// all the same or not.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	const confirmed, failed, unconfirmed = consistency.Confirmed, consistency.Failed, consistency.Unconfirmed
	for _, tt := range []struct {
		code            codes.Code
		not, carriedOut consistency.Outcome
	}{
		{codes.OK, confirmed, confirmed},

		// They prove nothing, and so it is read back.
		{codes.Canceled, unconfirmed, confirmed},
		{codes.Unknown, unconfirmed, confirmed},
		{codes.DeadlineExceeded, unconfirmed, confirmed},
		{codes.Internal, unconfirmed, confirmed},
		{codes.Unavailable, unconfirmed, confirmed},
		{codes.DataLoss, unconfirmed, confirmed},

		// They may be the echo of this very write, and so there is one look.
		{codes.AlreadyExists, failed, confirmed},
		{codes.Aborted, failed, confirmed},

		// They refuse it. A service that says so of what it has carried out is
		// taken at its word.
		{codes.InvalidArgument, failed, failed},
		{codes.NotFound, failed, failed},
		{codes.PermissionDenied, failed, failed},
		{codes.ResourceExhausted, failed, failed},
		{codes.FailedPrecondition, failed, failed},
		{codes.OutOfRange, failed, failed},
		{codes.Unimplemented, failed, failed},
		{codes.Unauthenticated, failed, failed},
	} {
		for _, executed := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%v, carried out: %v", tt.code, executed), func(t *testing.T) {
				service := &things.Service{Lag: 300 * ms}
				if tt.code == codes.AlreadyExists || tt.code == codes.Aborted {
					service.Lag = 0 // one look sees what is shown, and no more
				}
				c := dial(t, service, readbackgrpc.Counting()...)
				service.Next("CreateThing", things.Fault{Code: tt.code, Executed: executed})
				res, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, creation(c))
				want := tt.not
				if executed {
					want = tt.carriedOut
				}
				assert.Equal(t, want, res.Outcome, "%v", err)
				assert.Equal(t, 1, service.Calls("CreateThing"), "it is sent once")
				if want == failed {
					assert.Less(t, res.Elapsed, 11*time.Second)
				}
			})
		}
	}
}

// retrying is a service config that sends a creation up to three times.
var retrying = grpc.WithDefaultServiceConfig(`{"methodConfig": [{
	"name": [{"service": "readback.things.v1.Things"}],
	"retryPolicy": {
		"maxAttempts": 3, "initialBackoff": "0.01s", "maxBackoff": "0.01s", "backoffMultiplier": 1,
		"retryableStatusCodes": ["UNAVAILABLE"]
	}
}]}`)

// A retry policy hides an ambiguous attempt behind a later refusal.
func TestCounting_retryPolicy(t *testing.T) {
	t.Parallel()
	carriedOut, not := things.Fault{Code: codes.Unavailable, Executed: true}, things.Fault{Code: codes.Unavailable}
	for _, tt := range []struct {
		name     string
		counting bool
		faults   []things.Fault
		find     bool
		calls    int
		want     consistency.Outcome
		text     string
	}{
		{name: "carried out, then ALREADY_EXISTS, found", counting: true, find: true, faults: []things.Fault{carriedOut}, calls: 2, want: consistency.Confirmed},
		{name: "carried out, then ALREADY_EXISTS, no way to find it", counting: true, faults: []things.Fault{carriedOut}, calls: 2, want: consistency.Unconfirmed, text: "2 requests of the write were counted"},
		{name: "not carried out, then refused", counting: true, find: true, faults: []things.Fault{not, {Code: codes.InvalidArgument}}, calls: 2, want: consistency.Unconfirmed},
		{name: "not carried out, then done", counting: true, find: true, faults: []things.Fault{not, not}, calls: 3, want: consistency.Confirmed},
		{name: "refused at once", counting: true, find: true, faults: []things.Fault{{Code: codes.InvalidArgument}}, calls: 1, want: consistency.Failed},
		{name: "what nobody counts", faults: []things.Fault{carriedOut}, calls: 2, want: consistency.Failed},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			service := &things.Service{Lag: 300 * ms}
			options := []grpc.DialOption{retrying}
			if tt.counting {
				options = append(options, readbackgrpc.Counting()...)
			}
			c := dial(t, service, options...)
			service.Next("CreateThing", tt.faults...)
			flow := creation(c)
			if !tt.find {
				flow.Find, flow.MineValue = nil, nil
			}
			res, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, flow)
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
			assert.Equal(t, tt.calls, service.Calls("CreateThing"))
			if tt.text != "" {
				assert.ErrorContains(t, err, tt.text)
			}
		})
	}
}

// nowhere returns an address on which nobody listens.
func nowhere(t *testing.T) string {
	t.Helper()
	free, err := port.Free()
	require.NoError(t, err)
	return fmt.Sprint("127.0.0.1:", free)
}

// A call is known not to be sent only if its attempts were seen.
func TestCounting_neverSent(t *testing.T) {
	t.Parallel()
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		c := connect(t, nowhere(t), readbackgrpc.Counting()...)
		_, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, creation(c))
		assert.ErrorIs(t, err, consistency.ErrFailed)
		assert.ErrorContains(t, err, "503 UNAVAILABLE to the write")
	})
	t.Run("the time is up before there is a connection", func(t *testing.T) {
		t.Parallel()
		c := connect(t, nowhere(t), append(readbackgrpc.Counting(), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))...)
		flow := creation(c)
		write := flow.Write
		flow.Write = func(ctx context.Context) (string, error) {
			ctx, cancel := context.WithTimeout(ctx, 50*ms)
			defer cancel()
			return write(ctx)
		}
		_, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, flow)
		assert.ErrorIs(t, err, consistency.ErrFailed)
	})
	t.Run("nobody counts", func(t *testing.T) {
		t.Parallel()
		c := connect(t, nowhere(t))
		flow := creation(c)
		flow.Find, flow.MineValue = nil, nil
		_, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, flow)
		assert.ErrorIs(t, err, consistency.ErrUnconfirmed)
	})
	t.Run("an update that is not remembered", func(t *testing.T) {
		t.Parallel()
		hold, i := holding(readbackgrpc.Options{})
		c := connect(t, nowhere(t), append([]grpc.DialOption{hold}, readbackgrpc.Counting()...)...)
		flow := creation(c)
		flow.Write = func(ctx context.Context) (string, error) {
			_, err := c.UpdateThing(ctx, &things.UpdateThingRequest{Thing: &things.Thing{Name: "shelves/1/things/alpha"}})
			return "shelves/1/things/alpha", err
		}
		_, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, flow)
		assert.ErrorIs(t, err, consistency.ErrFailed)
		assert.Zero(t, i.Stats().Remembered)
	})
	t.Run("by another connection, from beneath", func(t *testing.T) {
		t.Parallel()
		service := &things.Service{}
		service.Next("CreateThing", things.Fault{Code: codes.Unavailable, Executed: true})
		there := connect(t, listen(t, service))
		c := connect(t, nowhere(t), append(readbackgrpc.Counting(), grpc.WithChainUnaryInterceptor(
			func(ctx context.Context, method string, req, reply any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, _ ...grpc.CallOption) error {
				return there.conn.Invoke(ctx, method, req, reply)
			}))...)
		flow := creation(c)
		flow.Find, flow.MineValue = nil, nil
		_, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, flow)
		assert.ErrorIs(t, err, consistency.ErrUnconfirmed)
	})
	t.Run("another call of the write was sent", func(t *testing.T) {
		t.Parallel()
		there, gone := connect(t, listen(t, &things.Service{}), readbackgrpc.Counting()...), connect(t, nowhere(t), readbackgrpc.Counting()...)
		flow := creation(gone)
		write := flow.Write
		flow.Write = func(ctx context.Context) (string, error) {
			if _, err := there.ArchiveThing(ctx, get("x")); err == nil {
				return "", nil
			}
			return write(ctx)
		}
		flow.Find, flow.MineValue = nil, nil
		_, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, flow)
		assert.ErrorIs(t, err, consistency.ErrUnconfirmed)
	})
	t.Run("sent again until somebody listens", func(t *testing.T) {
		t.Parallel()
		addr := nowhere(t)
		c := connect(t, addr, append(readbackgrpc.Counting(), grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second}))...)
		service := &things.Service{}
		var once sync.Once
		policy := consistency.Policy{Answer: readbackgrpc.Answer, Resend: consistency.Resend{OnNotSent: true}, Observer: func(e consistency.Event) {
			if e.Class != consistency.NotExecuted {
				return
			}
			once.Do(func() {
				l, err := net.Listen("tcp", addr)
				if assert.NoError(t, err) {
					serve(t, l, service)
				}
			})
		}}
		res, err := consistency.Do(t.Context(), policy, creation(c))
		require.NoError(t, err)
		assert.Equal(t, consistency.Confirmed, res.Outcome)
		assert.Equal(t, 1, service.Calls("CreateThing"))
	})
}

// What declares that it has no side effects is no try: a refusal after it is one.
// What does not declare it is one.
func TestCounting_lookUps(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		first func(context.Context, client) error
		want  consistency.Outcome
	}{
		{"declared", func(ctx context.Context, c client) error {
			_, err := c.ListThings(ctx, &things.ListThingsRequest{Parent: "shelves/1"})
			return err
		}, consistency.Failed},
		{"not declared", func(ctx context.Context, c client) error {
			_, err := c.CreateHeavyThing(ctx, &things.CreateThingRequest{Parent: "shelves/2"})
			return err
		}, consistency.Unconfirmed},
		{"a stream", func(ctx context.Context, c client) error {
			stream, err := c.PourThings(ctx)
			if err != nil {
				return err
			}
			_, err = stream.CloseAndRecv()
			return err
		}, consistency.Unconfirmed},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			service := &things.Service{}
			c := dial(t, service, readbackgrpc.Counting()...)
			service.Next("CreateThing", things.Fault{Code: codes.InvalidArgument})
			flow := creation(c)
			write := flow.Write
			flow.Write = func(ctx context.Context) (string, error) {
				if err := tt.first(ctx, c); err != nil {
					return "", err
				}
				return write(ctx)
			}
			res, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, flow)
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
		})
	}
}

// cutting serves on loopback a service whose connections are cut when a creation
// was carried out, before it is answered.
func cutting(t *testing.T, service *things.Service, times int) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	cut := &cutter{Listener: l}
	return serve(t, cut, service, grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		resp, err := handler(ctx, req)
		if info.FullMethod == things.Things_CreateThing_FullMethodName && times > 0 {
			times--
			cut.cut()
		}
		return resp, err
	}))
}

type cutter struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (c *cutter) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.mu.Lock()
		c.conns = append(c.conns, conn)
		c.mu.Unlock()
	}
	return conn, err
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

// A connection that is cut before the answer leaves a write that may be carried
// out, and here was; with a retry policy it was sent again, and refused.
func TestCounting_cutConnections(t *testing.T) {
	t.Parallel()
	for _, policy := range []bool{false, true} {
		t.Run(fmt.Sprintf("retry policy: %v", policy), func(t *testing.T) {
			t.Parallel()
			service := &things.Service{Lag: 50 * ms}
			options := readbackgrpc.Counting()
			if policy {
				options = append(options, retrying)
			}
			c := connect(t, cutting(t, service, 1), options...)
			res, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, creation(c))
			require.NoError(t, err)
			assert.Equal(t, consistency.Confirmed, res.Outcome)
			assert.Equal(t, 1, service.Made())
		})
	}
}
