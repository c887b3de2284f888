package readbackgrpc_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/readback-go/readback/consistency"
)

// received returns m as a client gets it: what protobuf keeps for itself is set.
func received[M proto.Message](t *testing.T, m, into M) M {
	t.Helper()
	wire, err := proto.Marshal(m)
	require.NoError(t, err)
	require.NoError(t, proto.Unmarshal(wire, into))
	_ = proto.Size(into)
	return into
}

// A message in which no field is set is empty, though protobuf keeps something
// of its own in it.
func TestDo_emptyMessage(t *testing.T) {
	t.Parallel()
	write := func(context.Context) (int, error) { return 1, nil }
	policy := consistency.Policy{Within: 10 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		empty := received(t, &wrapperspb.StringValue{}, &wrapperspb.StringValue{})
		full := received(t, wrapperspb.String("x"), &wrapperspb.StringValue{})
		began := time.Now()
		res, err := consistency.Do(t.Context(), policy, consistency.Create("create", write,
			func(context.Context, int) (*wrapperspb.StringValue, error) {
				if time.Since(began) < time.Second {
					return empty, nil
				}
				return full, nil
			}))
		require.NoError(t, err)
		assert.Same(t, full, res.Value)

		res, err = consistency.Do(t.Context(), policy, consistency.Create("create", write,
			func(context.Context, int) (*wrapperspb.StringValue, error) { return empty, nil }))
		assert.Equal(t, consistency.Unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrUnconfirmed)

		// A message without fields is judged by its status, as struct{} is.
		for _, none := range []*emptypb.Empty{{}, received(t, &emptypb.Empty{}, &emptypb.Empty{})} {
			_, err = consistency.Do(t.Context(), policy, consistency.Create("create", write,
				func(context.Context, int) (*emptypb.Empty, error) { return none, nil }))
			assert.NoError(t, err)
		}
	})
}
