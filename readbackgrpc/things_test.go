package readbackgrpc_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/internal/testing/inbubble"
	"github.com/readback-go/readback/readbackgrpc"
	"github.com/readback-go/readback/readbackgrpc/internal/things"
)

const ms = time.Millisecond

// bubble runs a parallel subtest with a clock of its own.
var bubble = inbubble.Run

// every is a schedule that reads at once, and then every d.
type every time.Duration

func (e every) First(time.Duration) time.Duration     { return 0 }
func (e every) Plan() readback.Plan                   { return e }
func (e every) Next(step readback.Step) time.Duration { return step.Ended + time.Duration(e) }

// client is a client of things, and the connection that it has.
type client struct {
	things.ThingsClient
	conn *grpc.ClientConn
}

// dial serves a service over pipes, which bubbles need, and connects to it.
func dial(t testing.TB, service *things.Service, options ...grpc.DialOption) client {
	t.Helper()
	l := bufconn.Listen(1 << 20)
	srv := grpc.NewServer(grpc.WaitForHandlers(true))
	service.Register(srv)
	go func() { _ = srv.Serve(l) }()
	options = append(options, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	conn, err := grpc.NewClient("passthrough:///things", options...)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, conn.Close())
		srv.Stop()
	})
	return client{things.NewThingsClient(conn), conn}
}

// listen serves a service on loopback and returns its address.
func listen(t testing.TB, service *things.Service, options ...grpc.ServerOption) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return serve(t, l, service, options...)
}

func serve(t testing.TB, l net.Listener, service *things.Service, options ...grpc.ServerOption) string {
	t.Helper()
	srv := grpc.NewServer(append(options, grpc.WaitForHandlers(true))...)
	service.Register(srv)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() {
		srv.Stop()
		<-done
	})
	return l.Addr().String()
}

func connect(t testing.TB, target string, options ...grpc.DialOption) client {
	t.Helper()
	conn, err := grpc.NewClient(target, append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, conn.Close()) })
	return client{things.NewThingsClient(conn), conn}
}

func (c client) create(t testing.TB, title string) *things.Thing {
	t.Helper()
	thing, err := c.CreateThing(t.Context(), &things.CreateThingRequest{Parent: "shelves/1", Thing: &things.Thing{Title: title}})
	require.NoError(t, err)
	return thing
}

func get(name string) *things.GetThingRequest { return &things.GetThingRequest{Name: name} }

// holding returns the interceptor of o as an option, and the interceptor.
func holding(o readbackgrpc.Options) (grpc.DialOption, *readbackgrpc.Interceptor) {
	if o.Policy.Schedule == nil {
		o.Policy.Schedule = every(100 * ms)
	}
	i := readbackgrpc.NewInterceptor(o)
	return grpc.WithChainUnaryInterceptor(i.Unary), i
}
