package readbackgrpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackgrpc"
	"github.com/readback-go/readback/readbackgrpc/internal/things"
)

// heavy is a flow to make a thing by an operation.
func heavy(c client) consistency.Flow[readbackgrpc.Ref, *things.Thing] {
	flow := consistency.Create("create heavy thing",
		func(ctx context.Context) (readbackgrpc.Ref, error) {
			op, err := c.CreateHeavyThing(ctx, &things.CreateThingRequest{Parent: "shelves/1", Thing: &things.Thing{Title: "mine"}})
			return readbackgrpc.RefOf(op), err
		},
		func(ctx context.Context, ref readbackgrpc.Ref) (*things.Thing, error) {
			return c.GetThing(ctx, get(ref.Name))
		})
	flow.Monitor = readbackgrpc.Monitor(func(ctx context.Context, name string) (*things.Operation, error) {
		return c.GetOperation(ctx, &things.GetOperationRequest{Name: name})
	})
	flow.Follows, flow.Lacks = readbackgrpc.Ref.Follows, readbackgrpc.Ref.Lacks
	return flow
}

func TestMonitor(t *testing.T) {
	t.Parallel()
	policy := consistency.Policy{Answer: readbackgrpc.Answer, Schedule: every(100 * ms)}
	for _, work := range []time.Duration{0, time.Minute} {
		bubble(t, "ends well after "+work.String(), func(t *testing.T) {
			service := &things.Service{Lag: 250 * ms, Work: work}
			service.Next("GetOperation", things.Fault{Code: codes.NotFound}, things.Fault{Code: codes.Unavailable}, things.Fault{Code: codes.Aborted})
			c := dial(t, service, readbackgrpc.Counting()...)
			res, err := consistency.Do(t.Context(), policy, heavy(c))
			require.NoError(t, err)
			assert.Equal(t, "mine", res.Value.GetTitle())
			assert.Equal(t, res.Value.GetName(), res.Written.Name)
			assert.Equal(t, work+300*ms, res.Elapsed)
		})
	}
	bubble(t, "fails", func(t *testing.T) {
		service := &things.Service{Work: time.Second, WorkFails: &statuspb.Status{Code: int32(codes.ResourceExhausted), Message: "no room on the shelf"}}
		c := dial(t, service, readbackgrpc.Counting()...)
		res, err := consistency.Do(t.Context(), policy, heavy(c))
		assert.ErrorIs(t, err, consistency.ErrFailed)
		assert.ErrorIs(t, err, consistency.ErrOperation)
		assert.ErrorContains(t, err, "no room on the shelf")
		assert.ErrorContains(t, err, "RESOURCE_EXHAUSTED to a look at the operation")
		assert.NotEmpty(t, res.Written.Operation, "what was written is kept")
		assert.Equal(t, time.Second, res.Elapsed)
	})
	bubble(t, "fails without a code", func(t *testing.T) {
		service := &things.Service{Work: time.Second, WorkFails: &statuspb.Status{}}
		_, err := consistency.Do(t.Context(), policy, heavy(dial(t, service)))
		assert.ErrorIs(t, err, consistency.ErrOperation)
		assert.ErrorIs(t, err, consistency.ErrFailed)
	})
	bubble(t, "had failed already", func(t *testing.T) {
		service := &things.Service{WorkFails: &statuspb.Status{Code: int32(codes.Internal), Message: "broken"}}
		_, err := consistency.Do(t.Context(), policy, heavy(dial(t, service)))
		assert.ErrorIs(t, err, consistency.ErrOperation)
	})
	bubble(t, "gone on with", func(t *testing.T) {
		service := &things.Service{Lag: 250 * ms, Work: time.Minute}
		c := dial(t, service)
		short := policy
		short.Within = 10 * time.Second
		res, err := consistency.Do(t.Context(), short, heavy(c))
		require.ErrorIs(t, err, consistency.ErrUnconfirmed)
		data, err := res.Pending.MarshalJSON()
		require.NoError(t, err)
		var handle consistency.Pending
		require.NoError(t, handle.UnmarshalJSON(data))
		res, err = consistency.Resume(t.Context(), policy, heavy(c), handle)
		require.NoError(t, err)
		assert.Equal(t, "mine", res.Value.GetTitle())
	})
}

// What a look at an operation may return.
func TestMonitor_looks(t *testing.T) {
	t.Parallel()
	named, err := anypb.New(&things.Thing{Name: "shelves/1/things/1"})
	require.NoError(t, err)
	nameless, err := anypb.New(&things.Thing{})
	require.NoError(t, err)
	done := func(packed *anypb.Any) *things.Operation {
		return &things.Operation{Done: true, Result: &things.Operation_Response{Response: packed}}
	}
	for _, tt := range []struct {
		name string
		op   *things.Operation
		err  error
		done bool
		want string // Ref.Name
		fail string
	}{
		{name: "goes on", op: &things.Operation{}},
		{name: "ended", op: done(named), done: true, want: "shelves/1/things/1"},
		{name: "ended without a response", op: &things.Operation{Done: true}, done: true, want: "before"},
		{name: "ended with a response that has no name", op: done(nameless), done: true, want: "before"},
		{name: "ended with a response of no known type", op: done(&anypb.Any{TypeUrl: "x/of.nobody"}), done: true, want: "before"},
		{name: "an error that is set before the end", op: &things.Operation{Result: &things.Operation_Error{Error: &statuspb.Status{Code: 5}}}},
		{name: "no answer", err: status.Error(codes.Unavailable, "x"), fail: "Unavailable"},
		{name: "nothing", fail: "returned nothing"},
	} {
		look := readbackgrpc.Monitor(func(_ context.Context, name string) (*things.Operation, error) {
			assert.Equal(t, "operations/1", name)
			return tt.op, tt.err
		})
		ref := readbackgrpc.Ref{Name: "before", Operation: "operations/1"}
		ended, err := look(t.Context(), &ref)
		assert.Equal(t, tt.done, ended, tt.name)
		if tt.fail != "" {
			assert.ErrorContains(t, err, tt.fail, tt.name)
			continue
		}
		assert.NoError(t, err, tt.name)
		if tt.want != "" {
			assert.Equal(t, tt.want, ref.Name, tt.name)
		}
	}
}

func TestRefOf(t *testing.T) {
	t.Parallel()
	assert.Equal(t, readbackgrpc.Ref{Name: "a/b"}, readbackgrpc.RefOf(&things.Thing{Name: "a/b"}))
	assert.True(t, readbackgrpc.RefOf(&things.Part{PartNumber: 1}).IsZero())
	assert.True(t, readbackgrpc.RefOf(nil).IsZero())
	assert.True(t, readbackgrpc.RefOf((*things.Thing)(nil)).IsZero(), "as after an error")
	assert.True(t, readbackgrpc.RefOf((*things.Operation)(nil)).IsZero())
	assert.Equal(t, readbackgrpc.Ref{Operation: "operations/1"}, readbackgrpc.RefOf(&things.Operation{Name: "operations/1"}))
	assert.Error(t, readbackgrpc.Ref{Operation: "operations/1"}.Lacks())
	assert.NoError(t, readbackgrpc.Ref{Name: "a/b"}.Lacks())
}
