package readbackgrpc_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackgrpc"
	"github.com/readback-go/readback/readbackgrpc/internal/things"
)

func update(name string) *things.UpdateThingRequest {
	return &things.UpdateThingRequest{Thing: &things.Thing{Name: name}}
}

// Of a write that never left nothing is remembered: a NOT_FOUND after it is an honest
// one.
func TestInterceptor_neverLeft(t *testing.T) {
	t.Parallel()
	bubble(t, "its context was over before", func(t *testing.T) {
		var told []consistency.Event
		hold, i := holding(readbackgrpc.Options{Policy: consistency.Policy{Observer: func(e consistency.Event) { told = append(told, e) }}})
		c := dial(t, &things.Service{}, hold)
		over, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.UpdateThing(over, update("shelves/1/things/7"))
		assert.Equal(t, codes.Canceled, status.Code(err))
		began := time.Now()
		_, err = c.GetThing(t.Context(), get("shelves/1/things/7"))
		assert.Equal(t, codes.NotFound, status.Code(err))
		assert.Zero(t, time.Since(began))
		assert.Zero(t, i.Stats().Remembered)
		require.Len(t, told, 1)
		assert.Equal(t, "covers nothing: its context was over before", told[0].Note)
		assert.Equal(t, consistency.Ambiguous, told[0].Class)
	})
	for _, counted := range []bool{false, true} {
		name := "no connection"
		if counted {
			name += ", counted"
		}
		bubble(t, name, func(t *testing.T) {
			hold, i := holding(readbackgrpc.Options{})
			l := bufconn.Listen(1 << 20)
			srv := grpc.NewServer(grpc.WaitForHandlers(true))
			(&things.Service{}).Register(srv)
			go func() { _ = srv.Serve(l) }()
			defer srv.Stop()
			var up atomic.Bool
			options := []grpc.DialOption{hold, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				if !up.Load() {
					return nil, errors.New("connection refused")
				}
				return l.DialContext(ctx)
			})}
			if counted {
				options = append(options, readbackgrpc.Counting()...)
			}
			c := connect(t, "passthrough:///things", options...)
			_, err := c.UpdateThing(t.Context(), update("shelves/1/things/7"))
			require.Equal(t, codes.Unavailable, status.Code(err))
			assert.False(t, errors.Is(err, consistency.ErrUnconfirmed))
			up.Store(true)
			time.Sleep(10 * time.Second)
			began := time.Now()
			_, err = c.GetThing(t.Context(), get("shelves/1/things/7"))
			assert.Equal(t, codes.NotFound, status.Code(err))
			assert.Equal(t, counted, time.Since(began) == 0, "without counting, nobody knows")
			assert.Equal(t, counted, i.Stats().Remembered == 0)
		})
	}
	bubble(t, "what was sent is remembered, counted too", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		service := &things.Service{}
		service.Next("UpdateThing", things.Fault{Code: codes.Unavailable})
		c := dial(t, service, append(readbackgrpc.Counting(), hold)...)
		_, err := c.UpdateThing(t.Context(), update("shelves/1/things/7"))
		require.Equal(t, codes.Unavailable, status.Code(err))
		began := time.Now()
		_, err = c.GetThing(t.Context(), get("shelves/1/things/7"))
		assert.Equal(t, codes.NotFound, status.Code(err))
		assert.NotZero(t, time.Since(began))
	})
}

// What was deleted and is there again, by an Undelete, is not waited for to be gone.
func TestInterceptor_undeleted(t *testing.T) {
	bubble(t, "held deletions", func(t *testing.T) {
		i := readbackgrpc.NewInterceptor(readbackgrpc.Options{HoldDeleted: true, Policy: consistency.Policy{Schedule: every(100 * ms)}})
		call := func(method string, req, reply proto.Message, err error) error {
			return i.Unary(t.Context(), "/things.v1.Things/"+method, req, reply, nil,
				func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return err })
		}
		require.NoError(t, call("DeleteThing", get("shelves/1/things/7"), new(emptypb.Empty), nil))
		require.NoError(t, call("UndeleteThing", get("shelves/1/things/7"), &things.Thing{Name: "shelves/1/things/7"}, nil))
		began := time.Now()
		require.NoError(t, call("GetThing", get("shelves/1/things/7"), &things.Thing{Name: "shelves/1/things/7"}, nil))
		assert.Zero(t, time.Since(began))
	})
}

// What was deleted in a batch is forgotten.
func TestInterceptor_batchDeleted(t *testing.T) {
	bubble(t, "names in a list", func(t *testing.T) {
		i := readbackgrpc.NewInterceptor(readbackgrpc.Options{Fields: []protoreflect.Name{"name", "path"}, Policy: consistency.Policy{Schedule: every(100 * ms)}})
		call := func(method string, req, reply proto.Message, err error) error {
			return i.Unary(t.Context(), "/things.v1.Things/"+method, req, reply, nil,
				func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return err })
		}
		names := []string{"shelves/1/things/7", "shelves/1/things/8"}
		for _, name := range names {
			require.NoError(t, call("CreateThing", get(""), &things.Thing{Name: name}, nil))
		}
		require.NoError(t, call("BatchDeleteThings", &fieldmaskpb.FieldMask{Paths: names}, new(emptypb.Empty), nil))
		began := time.Now()
		for _, name := range names {
			err := call("GetThing", get(name), new(things.Thing), status.Error(codes.NotFound, "none"))
			assert.Equal(t, codes.NotFound, status.Code(err))
		}
		assert.Zero(t, time.Since(began))
	})
}

// Each write is told of once, whatever it names.
func TestInterceptor_toldOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		method string
		names  []string
		note   string
	}{
		{"CreateThing", nil, "covers nothing: it names no resource"},
		{"CreateThing", []string{"a/1"}, "covers a/1"},
		{"CreateThing", []string{"a/1", "b/2"}, "covers a/1, b/2"},
		{"DeleteThing", nil, "forgets nothing: it names no resource"},
		{"DeleteThing", []string{"a/1", "b/2"}, "forgets a/1 and below, b/2 and below"},
	} {
		bubble(t, tt.note, func(t *testing.T) {
			var notes []string
			i := readbackgrpc.NewInterceptor(readbackgrpc.Options{
				Policy: consistency.Policy{Observer: func(e consistency.Event) { notes = append(notes, e.Note) }},
				NameOf: func(string, proto.Message) []string { return tt.names },
			})
			err := i.Unary(t.Context(), "/things.v1.Things/"+tt.method, get(""), new(things.Thing), nil,
				func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil })
			require.NoError(t, err)
			assert.Equal(t, []string{tt.note}, notes)
		})
	}
}
