package readbackgrpc_test

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
	"github.com/readback-go/readback/readbackgrpc"
	"github.com/readback-go/readback/readbackgrpc/internal/things"
)

func TestKindOf(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]readbackgrpc.Kind{
		"/library.v1.Library/GetBook":     readbackgrpc.Read,
		"/library.v1.Library/Get":         readbackgrpc.Read,
		"/library.v1.Library/Getaway":     readbackgrpc.Other,
		"/library.v1.Library/CreateBook":  readbackgrpc.Write,
		"/library.v1.Library/UpdateBook":  readbackgrpc.Write,
		"/library.v1.Library/DeleteBook":  readbackgrpc.Delete,
		"/library.v1.Library/ListBooks":   readbackgrpc.Other,
		"/library.v1.Library/ArchiveBook": readbackgrpc.Other,
		"/library.v1.Library/GetOrder":    readbackgrpc.Read,
		"/library.v1.Library/GetAnd":      readbackgrpc.Other,
		"/library.v1.Library/GetOrCreate": readbackgrpc.Other,
		"/l.L/GetOrCreateBook":            readbackgrpc.Other,
		"/l.L/GetAndDeleteBook":           readbackgrpc.Other,
		"/l.L/GetAndroidApp":              readbackgrpc.Read,
		"/l.L/CreateOrUpdateBook":         readbackgrpc.Write,
		"GetBook":                         readbackgrpc.Read,
		"":                                readbackgrpc.Other,
	} {
		assert.Equal(t, want, readbackgrpc.KindOf(method), method)
	}
}

// Invalid options fail each call before it is sent.
func TestOptions_invalid(t *testing.T) {
	t.Parallel()
	for _, o := range []readbackgrpc.Options{
		{MaxWrites: -1}, {Remember: -1}, {PollsPerSecond: -1}, {PollsPerSecond: math.NaN()}, {PollsPerSecond: math.Inf(1)},
		{Policy: consistency.Policy{Within: -1}},
	} {
		service := &things.Service{}
		c := dial(t, service, grpc.WithChainUnaryInterceptor(readbackgrpc.NewInterceptor(o).Unary))
		_, err := c.CreateThing(t.Context(), &things.CreateThingRequest{})
		assert.ErrorIs(t, err, consistency.ErrInvalid)
		assert.Zero(t, service.Calls("CreateThing"))
	}
}

// What has no resource names is known by other fields, by its kind.
func TestOptions_names(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		options readbackgrpc.Options
		held    bool
	}{
		{"nothing is said", readbackgrpc.Options{}, false},
		{"a field", readbackgrpc.Options{Fields: []protoreflect.Name{"name", "part_number"}}, true},
		{"a function", readbackgrpc.Options{NameOf: func(_ string, m proto.Message) []string {
			if p, ok := m.(interface{ GetPartNumber() int64 }); ok {
				return []string{fmt.Sprint(p.GetPartNumber())}
			}
			return nil
		}}, true},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			hold, i := holding(tt.options)
			c := dial(t, &things.Service{Lag: 250 * ms}, hold)
			parts := things.NewPartsClient(c.conn)
			part, err := parts.CreatePart(t.Context(), &things.CreatePartRequest{})
			require.NoError(t, err)
			began := time.Now()
			_, err = parts.GetPart(t.Context(), &things.GetPartRequest{PartNumber: part.GetPartNumber()})
			assert.Equal(t, tt.held, err == nil, "%v", err)
			assert.Equal(t, tt.held, time.Since(began) > 0)
			_, err = c.GetThing(t.Context(), get(fmt.Sprint(part.GetPartNumber())))
			assert.Equal(t, codes.NotFound, status.Code(err), "a thing of that name is another's")
			if !tt.held {
				assert.Equal(t, uint64(1), i.Stats().Unnamed)
			}
		})
	}
	bubble(t, "a method of the service's own", func(t *testing.T) {
		kinds := map[string]readbackgrpc.Kind{
			things.Things_ArchiveThing_FullMethodName: readbackgrpc.Write,
			things.Things_GetThing_FullMethodName:     readbackgrpc.Read,
		}
		hold, i := holding(readbackgrpc.Options{Kind: func(method string) readbackgrpc.Kind { return kinds[method] }})
		service := &things.Service{Lag: 250 * ms}
		c := dial(t, service, hold)
		made := c.create(t, "alpha")
		assert.Zero(t, i.Stats().Remembered, "a creation is none any more")
		_, err := c.ArchiveThing(t.Context(), get(made.GetName()))
		assert.Equal(t, codes.Unimplemented, status.Code(err))
		assert.Zero(t, i.Stats().Remembered, "refused")
	})
}

// Callers are told apart by what they send, or by what the option says.
func TestOptions_scope(t *testing.T) {
	t.Parallel()
	token := func(text string) grpc.CallOption { return grpc.PerRPCCredentials(tokenOf(text)) }
	bubble(t, "credentials of the call", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Lag: 250 * ms}, hold)
		made, err := c.CreateThing(t.Context(), &things.CreateThingRequest{Parent: "shelves/1"}, token("a"))
		require.NoError(t, err)
		for _, option := range [][]grpc.CallOption{nil, {token("b")}} {
			_, err = c.GetThing(t.Context(), get(made.GetName()), option...)
			assert.Equal(t, codes.NotFound, status.Code(err))
		}
		_, err = c.GetThing(t.Context(), get(made.GetName()), token("a"))
		assert.NoError(t, err)
	})
	bubble(t, "by the option", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{Scope: func(ctx context.Context) string {
			md, _ := metadata.FromOutgoingContext(ctx)
			return strings.Join(md["tenant"], "")
		}})
		c := dial(t, &things.Service{Lag: 250 * ms}, hold)
		a := metadata.AppendToOutgoingContext(t.Context(), "tenant", "a", "authorization", "Bearer 1")
		made, err := c.CreateThing(a, &things.CreateThingRequest{Parent: "shelves/1"})
		require.NoError(t, err)
		_, err = c.GetThing(metadata.AppendToOutgoingContext(t.Context(), "tenant", "b"), get(made.GetName()))
		assert.Equal(t, codes.NotFound, status.Code(err))
		_, err = c.GetThing(metadata.AppendToOutgoingContext(t.Context(), "tenant", "a", "authorization", "Bearer 2"), get(made.GetName()))
		assert.NoError(t, err)
	})
}

// tokenOf is credentials of one call that nothing needs to be secret for.
type tokenOf string

func (t tokenOf) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": string(t)}, nil
}
func (tokenOf) RequireTransportSecurity() bool { return false }

var _ credentials.PerRPCCredentials = tokenOf("")

// The policy's rules, its observer and its callback are asked.
func TestOptions_policy(t *testing.T) {
	t.Parallel()
	bubble(t, "events", func(t *testing.T) {
		var events []consistency.Event
		hold, _ := holding(readbackgrpc.Options{Policy: consistency.Policy{Observer: func(e consistency.Event) { events = append(events, e) }}})
		c := dial(t, &things.Service{Lag: 250 * ms}, hold)
		made := c.create(t, "alpha")
		_, err := c.GetThing(t.Context(), get(made.GetName()))
		require.NoError(t, err)
		var texts []string
		for _, e := range events {
			assert.NotNil(t, e.Context)
			assert.Equal(t, made.GetName(), e.Instance)
			texts = append(texts, strings.TrimPrefix(e.String(), "/readback.things.v1.Things/"))
		}
		assert.Equal(t, []string{
			"CreateThing: write 1 at 0s for 0s: applied, OK, covers shelves/1/things/1, status 200",
			"GetThing: read 1 at 0s for 0s: pending, not found, NOT_FOUND, status 404: rpc error: code = NotFound desc = no shelves/1/things/1",
			"GetThing: read 2 at 100ms for 0s: pending, not found, NOT_FOUND, status 404: rpc error: code = NotFound desc = no shelves/1/things/1",
			"GetThing: read 3 at 200ms for 0s: pending, not found, NOT_FOUND, status 404: rpc error: code = NotFound desc = no shelves/1/things/1",
			"GetThing: read 4 at 300ms for 0s: ready, OK, status 200",
			"GetThing: end 4 at 0s for 300ms: confirmed, OK, status 200",
		}, texts)
	})
	bubble(t, "rules", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{Policy: consistency.Policy{Rules: consistency.Rules{
			Read: []consistency.ReadRule{{Code: "FAILED_PRECONDITION", Verdict: poll.Pending, Reason: consistency.Stale}},
		}}})
		service := &things.Service{}
		c := dial(t, service, hold)
		made := c.create(t, "alpha")
		service.Next("GetThing", things.Fault{Code: codes.FailedPrecondition}, things.Fault{Code: codes.FailedPrecondition})
		_, err := c.GetThing(t.Context(), get(made.GetName()))
		assert.NoError(t, err)
	})
	bubble(t, "new credentials", func(t *testing.T) {
		n := 0
		hold, _ := holding(readbackgrpc.Options{Policy: consistency.Policy{OnForbidden: func(context.Context) { n++ }}})
		c := dial(t, &things.Service{Forbidden: 250 * ms}, hold)
		_, err := c.GetThing(t.Context(), get(c.create(t, "alpha").GetName()))
		require.NoError(t, err)
		assert.Positive(t, n)
	})
	bubble(t, "the window of PERMISSION_DENIED", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Forbidden: time.Minute}, hold)
		made := c.create(t, "alpha")
		began := time.Now()
		_, err := c.GetThing(t.Context(), get(made.GetName()))
		assert.Equal(t, codes.PermissionDenied, status.Code(err))
		assert.Equal(t, 10*time.Second, time.Since(began))
	})
	bubble(t, "polls are limited", func(t *testing.T) {
		hold, i := holding(readbackgrpc.Options{PollsPerSecond: 1})
		c := dial(t, &things.Service{Lag: 3500 * ms}, hold)
		_, err := c.GetThing(t.Context(), get(c.create(t, "alpha").GetName()))
		require.NoError(t, err)
		assert.LessOrEqual(t, i.Stats().Polls, uint64(6))
	})
}

// The memory is bounded in number and time.
func TestOptions_memory(t *testing.T) {
	t.Parallel()
	bubble(t, "the oldest is forgotten first", func(t *testing.T) {
		hold, i := holding(readbackgrpc.Options{MaxWrites: 2})
		c := dial(t, &things.Service{Lag: 250 * ms}, hold)
		var names []string
		for range 3 {
			names = append(names, c.create(t, "alpha").GetName())
		}
		_, err := c.GetThing(t.Context(), get(names[0]))
		assert.Equal(t, codes.NotFound, status.Code(err))
		for _, name := range names[1:] {
			_, err = c.GetThing(t.Context(), get(name))
			assert.NoError(t, err)
		}
		assert.Equal(t, uint64(1), i.Stats().Held, "the other was shown by then")
	})
	bubble(t, "and what is old", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{Remember: time.Second})
		c := dial(t, &things.Service{Lag: time.Minute}, hold)
		made := c.create(t, "alpha")
		began := time.Now()
		_, err := c.GetThing(t.Context(), get(made.GetName()))
		assert.Equal(t, codes.NotFound, status.Code(err))
		assert.Equal(t, time.Second, time.Since(began))
	})
}

// What is not a message of protobuf is passed through.
func TestInterceptor_otherMessages(t *testing.T) {
	t.Parallel()
	i := readbackgrpc.NewInterceptor(readbackgrpc.Options{})
	for _, method := range []string{"/x/Get", "/x/Create", "/x/Delete"} {
		err := i.Unary(t.Context(), method, 1, new(int), nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
			return status.Error(codes.NotFound, "x")
		})
		assert.Equal(t, codes.NotFound, status.Code(err))
	}
}

// Within a flow nothing is held: the flow reads by itself.
func TestInterceptor_inAFlow(t *testing.T) {
	t.Parallel()
	bubble(t, "reads", func(t *testing.T) {
		hold, i := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Lag: 250 * ms}, append(readbackgrpc.Counting(), hold)...)
		res, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer, Schedule: every(100 * ms)}, creation(c))
		require.NoError(t, err)
		assert.Equal(t, 4, res.History.Reads())
		assert.Equal(t, readbackgrpc.Stats{Remembered: 1}, i.Stats())
	})
	bubble(t, "writes whose answer is lost", func(t *testing.T) {
		hold, i := holding(readbackgrpc.Options{})
		service := &things.Service{Lag: 250 * ms}
		c := dial(t, service, append([]grpc.DialOption{hold}, readbackgrpc.Counting()...)...)
		name := dial(t, service).create(t, "old").GetName()
		service.Next("UpdateThing", things.Fault{Code: codes.Unavailable, Executed: true})
		flow := consistency.Update("update", func(ctx context.Context) (string, error) {
			_, err := c.UpdateThing(ctx, &things.UpdateThingRequest{Thing: &things.Thing{Name: name, Title: "new"}})
			return name, err
		}, func(ctx context.Context, name string) (*things.Thing, error) { return c.GetThing(ctx, get(name)) },
			func(_ string, thing *things.Thing) bool { return thing.GetTitle() == "new" })
		flow.Find = consistency.Known(name)
		_, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, flow)
		require.NoError(t, err)
		assert.Equal(t, readbackgrpc.Stats{Remembered: 1}, i.Stats())
	})
}

// A name takes less than 400 bytes. Not in parallel: it looks at the heap.
func TestOptions_memorySize(t *testing.T) {
	hold, i := holding(readbackgrpc.Options{})
	c := dial(t, &things.Service{}, hold)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const n = 20_000
	ctx := t.Context()
	for k := range n {
		err := i.Unary(ctx, things.Things_CreateThing_FullMethodName, &things.CreateThingRequest{}, &things.Thing{Name: fmt.Sprintf("shelves/1/things/%d", k)}, c.conn,
			func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil })
		require.NoError(t, err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	assert.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(10_000*400))
}
