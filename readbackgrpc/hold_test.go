package readbackgrpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackgrpc"
	"github.com/readback-go/readback/readbackgrpc/internal/things"
)

// What was just made is read as soon as it is shown.
func TestInterceptor_created(t *testing.T) {
	t.Parallel()
	bubble(t, "404, then 403, then there", func(t *testing.T) {
		hold, i := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Lag: 250 * ms, Forbidden: 300 * ms}, hold)
		made := c.create(t, "alpha")
		began := time.Now()
		got, err := c.GetThing(t.Context(), get(made.GetName()))
		require.NoError(t, err)
		assert.Equal(t, "alpha", got.GetTitle())
		assert.Equal(t, 600*ms, time.Since(began))
		assert.Equal(t, readbackgrpc.Stats{Remembered: 1, Held: 1, Shown: 1, Polls: 6}, i.Stats())
	})
	bubble(t, "an honest one elsewhere is not delayed", func(t *testing.T) {
		hold, i := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Lag: time.Second}, hold)
		made := c.create(t, "alpha")
		began := time.Now()
		for _, name := range []string{"shelves/1/things/77", made.GetName() + "/parts/1", "shelves/1", ""} {
			_, err := c.GetThing(t.Context(), get(name))
			assert.Equal(t, codes.NotFound, status.Code(err), name)
		}
		assert.Zero(t, time.Since(began))
		assert.Zero(t, i.Stats().Held)
	})
	bubble(t, "another caller's is an honest one", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Lag: time.Second}, hold)
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer a")
		made, err := c.CreateThing(ctx, &things.CreateThingRequest{Parent: "shelves/1"})
		require.NoError(t, err)
		began := time.Now()
		for _, other := range []context.Context{
			t.Context(), metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer b"),
		} {
			_, err = c.GetThing(other, get(made.GetName()))
			assert.Equal(t, codes.NotFound, status.Code(err))
		}
		assert.Zero(t, time.Since(began))
		_, err = c.GetThing(ctx, get(made.GetName()))
		assert.NoError(t, err)
		assert.Equal(t, time.Second, time.Since(began))
	})
	bubble(t, "the window ends", func(t *testing.T) {
		hold, i := holding(readbackgrpc.Options{Policy: consistency.Policy{Within: time.Second}})
		c := dial(t, &things.Service{Lag: time.Minute}, hold)
		made := c.create(t, "alpha")
		began := time.Now()
		var report readbackgrpc.Report
		_, err := c.GetThing(readbackgrpc.WithHold(t.Context(), readbackgrpc.Hold{Report: &report}), get(made.GetName()))
		assert.Equal(t, codes.NotFound, status.Code(err))
		assert.Equal(t, "no "+made.GetName(), status.Convert(err).Message(), "the server's own error")
		assert.Equal(t, time.Second, time.Since(began))
		assert.Equal(t, consistency.Unconfirmed, report.Outcome)
		assert.ErrorContains(t, report.Err, "404 NOT_FOUND")
		assert.Equal(t, uint64(0), i.Stats().Shown)
	})
	bubble(t, "a window of the call's own", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{Policy: consistency.Policy{Windows: consistency.Windows{NotFound: 200 * ms}}})
		c := dial(t, &things.Service{Lag: 450 * ms}, hold)
		made := c.create(t, "alpha")
		_, err := c.GetThing(readbackgrpc.WithHold(t.Context(), readbackgrpc.Hold{Within: time.Second}), get(made.GetName()))
		assert.NoError(t, err)
	})
	bubble(t, "the server asks for a pause", func(t *testing.T) {
		hold, i := holding(readbackgrpc.Options{})
		service := &things.Service{}
		c := dial(t, service, hold)
		made := c.create(t, "alpha")
		service.Next("GetThing", things.Fault{Code: codes.NotFound, Details: []protoadapt.MessageV1{&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)}}})
		began := time.Now()
		_, err := c.GetThing(t.Context(), get(made.GetName()))
		assert.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(began), time.Second)
		assert.Equal(t, uint64(1), i.Stats().Polls)
	})
	bubble(t, "long after it is an honest one", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Lag: time.Hour}, hold)
		made := c.create(t, "alpha")
		time.Sleep(2 * time.Minute)
		began := time.Now()
		_, err := c.GetThing(t.Context(), get(made.GetName()))
		assert.Equal(t, codes.NotFound, status.Code(err))
		assert.Zero(t, time.Since(began))
	})
	bubble(t, "a failure is not handed on while it is waited for", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		service := &things.Service{Lag: 300 * ms}
		c := dial(t, service, hold)
		made := c.create(t, "alpha")
		service.Next("GetThing", things.Fault{Code: codes.NotFound}, things.Fault{Code: codes.Unavailable}, things.Fault{Code: codes.ResourceExhausted})
		got, err := c.GetThing(t.Context(), get(made.GetName()))
		require.NoError(t, err)
		assert.Equal(t, "alpha", got.GetTitle())
	})
}

// What cannot come of lag ends a hold, and is handed on.
func TestInterceptor_otherwise(t *testing.T) {
	t.Parallel()
	bubble(t, "refused", func(t *testing.T) {
		hold, i := holding(readbackgrpc.Options{})
		service := &things.Service{Lag: time.Minute}
		c := dial(t, service, hold)
		made := c.create(t, "alpha")
		service.Next("GetThing", things.Fault{}, things.Fault{Code: codes.InvalidArgument})
		var report readbackgrpc.Report
		began := time.Now()
		_, err := c.GetThing(readbackgrpc.WithHold(t.Context(), readbackgrpc.Hold{Report: &report}), get(made.GetName()))
		assert.Equal(t, codes.InvalidArgument, status.Code(err))
		assert.Equal(t, 100*ms, time.Since(began))
		assert.ErrorContains(t, report.Err, "the answer does not show the write")
		assert.ErrorContains(t, report.Err, "400 INVALID_ARGUMENT")
		assert.Equal(t, readbackgrpc.Stats{Remembered: 1, Held: 1, Polls: 1}, i.Stats())
	})
}

// The deadline of a call is kept, and an honest answer is what it gets.
func TestInterceptor_deadline(t *testing.T) {
	t.Parallel()
	bubble(t, "the answer comes before the deadline", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Lag: time.Minute, Slow: 20 * ms}, hold)
		made := c.create(t, "alpha")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.GetThing(ctx, get(made.GetName()))
		assert.Equal(t, codes.NotFound, status.Code(err))
		assert.LessOrEqual(t, time.Since(began), time.Second)
		assert.GreaterOrEqual(t, time.Since(began), 900*ms)
	})
	bubble(t, "shown in the last moment", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{Policy: consistency.Policy{Schedule: every(time.Hour)}})
		c := dial(t, &things.Service{Lag: 900 * ms, Slow: 20 * ms}, hold)
		made := c.create(t, "alpha")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.GetThing(ctx, get(made.GetName()))
		assert.NoError(t, err)
	})
	bubble(t, "cancelled", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Lag: time.Minute}, hold)
		made := c.create(t, "alpha")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		_, err := c.GetThing(ctx, get(made.GetName()))
		assert.Equal(t, codes.Canceled, status.Code(err))
		assert.Equal(t, time.Second, time.Since(began))
	})
}

// Updates are held by their version, and only if that is asked for.
func TestInterceptor_stale(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		options readbackgrpc.Options
		hold    readbackgrpc.Hold
		want    string
		after   time.Duration
	}{
		{name: "not asked for", want: "old"},
		{name: "by a number", options: readbackgrpc.Options{Version: "version"}, want: "new", after: 300 * ms},
		{name: "by an etag", options: readbackgrpc.Options{Version: "etag"}, want: "new", after: 300 * ms},
		{name: "by a field that it has not", options: readbackgrpc.Options{Version: "generation"}, want: "old"},
		{name: "by a match", hold: readbackgrpc.Hold{Match: titled("new")}, want: "new", after: 300 * ms},
		{name: "switched off", options: readbackgrpc.Options{Version: "etag"}, hold: readbackgrpc.Hold{Off: true}, want: "old"},
		{name: "its window ends", options: readbackgrpc.Options{Version: "etag", Policy: consistency.Policy{Windows: consistency.Windows{Stale: 200 * ms}}}, want: "old", after: 200 * ms},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			hold, _ := holding(tt.options)
			c := dial(t, &things.Service{Lag: 250 * ms}, hold)
			made := c.create(t, "old")
			time.Sleep(time.Second)
			made.Title = "new"
			_, err := c.UpdateThing(t.Context(), &things.UpdateThingRequest{Thing: made})
			require.NoError(t, err)
			began := time.Now()
			got, err := c.GetThing(readbackgrpc.WithHold(t.Context(), tt.hold), get(made.GetName()))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got.GetTitle())
			assert.Equal(t, tt.after, time.Since(began))
		})
	}
	bubble(t, "a later version is as good", func(t *testing.T) {
		hold, i := holding(readbackgrpc.Options{Version: "version"})
		service := &things.Service{}
		c, other := dial(t, service, hold), dial(t, service)
		made := c.create(t, "old")
		for range 10 { // 11 is more than 9, also where they are texts
			_, err := other.UpdateThing(t.Context(), &things.UpdateThingRequest{Thing: made})
			require.NoError(t, err)
		}
		_, err := c.GetThing(t.Context(), get(made.GetName()))
		require.NoError(t, err)
		assert.Zero(t, i.Stats().Held)
	})
	bubble(t, "an update whose answer was lost", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		service := &things.Service{Lag: 250 * ms}
		c := dial(t, service, hold)
		name := dial(t, service).create(t, "another's").GetName()
		service.Next("UpdateThing", things.Fault{Code: codes.Unavailable, Executed: true})
		_, err := c.UpdateThing(t.Context(), &things.UpdateThingRequest{Thing: &things.Thing{Name: name}})
		assert.Equal(t, codes.Unavailable, status.Code(err))
		_, err = c.GetThing(t.Context(), get(name))
		assert.NoError(t, err)
	})
}

// Deletions forget, also what lies below, unless they are waited for.
func TestInterceptor_deleted(t *testing.T) {
	t.Parallel()
	bubble(t, "forgotten", func(t *testing.T) {
		hold, i := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Lag: 300 * ms}, hold)
		made := c.create(t, "alpha")
		below, err := c.CreateThing(t.Context(), &things.CreateThingRequest{Parent: made.GetName()})
		require.NoError(t, err)
		_, err = c.DeleteThing(t.Context(), &things.DeleteThingRequest{Name: made.GetName()})
		require.NoError(t, err)
		began := time.Now()
		for _, name := range []string{made.GetName(), below.GetName()} {
			_, err = c.GetThing(t.Context(), get(name))
			assert.Equal(t, codes.NotFound, status.Code(err), name)
		}
		assert.Zero(t, time.Since(began))
		assert.Zero(t, i.Stats().Held)
	})
	bubble(t, "refused, it forgets nothing", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		service := &things.Service{Lag: 300 * ms}
		c := dial(t, service, hold)
		made := c.create(t, "alpha")
		service.Next("DeleteThing", things.Fault{Code: codes.FailedPrecondition})
		_, err := c.DeleteThing(t.Context(), &things.DeleteThingRequest{Name: made.GetName()})
		require.Equal(t, codes.FailedPrecondition, status.Code(err))
		_, err = c.GetThing(t.Context(), get(made.GetName()))
		assert.NoError(t, err)
	})
	bubble(t, "while it is waited for", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Lag: time.Minute}, hold)
		made := c.create(t, "alpha")
		time.AfterFunc(450*ms, func() {
			_, err := c.DeleteThing(context.Background(), &things.DeleteThingRequest{Name: made.GetName()})
			assert.NoError(t, err)
		})
		began := time.Now()
		_, err := c.GetThing(t.Context(), get(made.GetName()))
		assert.Equal(t, codes.NotFound, status.Code(err))
		assert.Equal(t, 500*ms, time.Since(began), "the next poll sees that it is pointless")
	})
	bubble(t, "what is made below afterwards", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Lag: 300 * ms}, hold)
		made := c.create(t, "alpha")
		_, err := c.DeleteThing(t.Context(), &things.DeleteThingRequest{Name: made.GetName()})
		require.NoError(t, err)
		below, err := c.CreateThing(t.Context(), &things.CreateThingRequest{Parent: made.GetName()})
		require.NoError(t, err)
		_, err = c.GetThing(t.Context(), get(below.GetName()))
		assert.NoError(t, err)
	})
	bubble(t, "perhaps, and not waited for", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{HoldDeleted: true})
		service := &things.Service{Lag: 300 * ms}
		c := dial(t, service, hold)
		made := c.create(t, "alpha")
		time.Sleep(time.Second)
		service.Next("DeleteThing", things.Fault{Code: codes.Unavailable})
		_, err := c.DeleteThing(t.Context(), &things.DeleteThingRequest{Name: made.GetName()})
		require.Equal(t, codes.Unavailable, status.Code(err))
		began := time.Now()
		_, err = c.GetThing(t.Context(), get(made.GetName()))
		assert.NoError(t, err)
		assert.Zero(t, time.Since(began))
	})
	bubble(t, "waited for", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{HoldDeleted: true})
		c := dial(t, &things.Service{Lag: 250 * ms}, hold)
		made := c.create(t, "alpha")
		time.Sleep(time.Second)
		_, err := c.DeleteThing(t.Context(), &things.DeleteThingRequest{Name: made.GetName()})
		require.NoError(t, err)
		began := time.Now()
		_, err = c.GetThing(t.Context(), get(made.GetName()))
		assert.Equal(t, codes.NotFound, status.Code(err))
		assert.Equal(t, 300*ms, time.Since(began))
	})
}

// What an operation makes is covered when the caller sees that it has ended.
func TestInterceptor_operation(t *testing.T) {
	t.Parallel()
	for _, work := range []time.Duration{0, 500 * ms} {
		bubble(t, "after "+work.String(), func(t *testing.T) {
			hold, i := holding(readbackgrpc.Options{})
			service := &things.Service{Lag: 250 * ms, Work: work}
			c := dial(t, service, hold)
			op, err := c.CreateHeavyThing(t.Context(), &things.CreateThingRequest{Parent: "shelves/1"})
			require.NoError(t, err)
			service.Next("GetOperation", things.Fault{Code: codes.NotFound})
			for !op.GetDone() {
				time.Sleep(100 * ms)
				op, err = c.GetOperation(t.Context(), &things.GetOperationRequest{Name: op.GetName()})
				require.NoError(t, err, "its record lags too")
			}
			var made things.Thing
			require.NoError(t, op.GetResponse().UnmarshalTo(&made))
			began := time.Now()
			_, err = c.GetThing(t.Context(), get(made.GetName()))
			assert.NoError(t, err)
			assert.Equal(t, 300*ms, time.Since(began))
			assert.NotZero(t, i.Stats().Held)
		})
	}
	bubble(t, "what it made was deleted since", func(t *testing.T) {
		hold, i := holding(readbackgrpc.Options{})
		c := dial(t, &things.Service{Lag: 250 * ms, Work: 100 * ms}, hold)
		op, err := c.CreateHeavyThing(t.Context(), &things.CreateThingRequest{Parent: "shelves/1"})
		require.NoError(t, err)
		time.Sleep(time.Second)
		op, err = c.GetOperation(t.Context(), &things.GetOperationRequest{Name: op.GetName()})
		require.NoError(t, err)
		var made things.Thing
		require.NoError(t, op.GetResponse().UnmarshalTo(&made))
		time.Sleep(time.Second)
		_, err = c.DeleteThing(t.Context(), &things.DeleteThingRequest{Name: made.GetName()})
		require.NoError(t, err)
		time.Sleep(time.Second)
		_, err = c.GetOperation(t.Context(), &things.GetOperationRequest{Name: op.GetName()})
		require.NoError(t, err)
		_, err = c.GetThing(t.Context(), get(made.GetName()))
		assert.Equal(t, codes.NotFound, status.Code(err))
		assert.Zero(t, i.Stats().Held)
	})
	bubble(t, "another's operation", func(t *testing.T) {
		hold, _ := holding(readbackgrpc.Options{})
		service := &things.Service{Lag: 250 * ms, Work: 100 * ms}
		c := dial(t, service, hold)
		c.create(t, "so that the memory is not empty")
		op, err := dial(t, service).CreateHeavyThing(t.Context(), &things.CreateThingRequest{Parent: "shelves/1"})
		require.NoError(t, err)
		time.Sleep(100 * ms)
		op, err = c.GetOperation(t.Context(), &things.GetOperationRequest{Name: op.GetName()})
		require.NoError(t, err)
		var made things.Thing
		require.NoError(t, op.GetResponse().UnmarshalTo(&made))
		_, err = c.GetThing(t.Context(), get(made.GetName()))
		assert.Equal(t, codes.NotFound, status.Code(err))
	})
}

func titled(want string) func(m proto.Message) bool {
	return func(m proto.Message) bool { return m.(*things.Thing).GetTitle() == want }
}
