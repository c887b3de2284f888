package consistency_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

type row struct{ ID, Name string }

// atOnce returns a flow whose client and read model cost nothing.
func atOnce() consistency.Flow[string, *row] {
	value := &row{"1", "alpha"}
	return consistency.Create("create",
		func(context.Context) (string, error) { return "1", nil },
		func(context.Context, string) (*row, error) { return value, nil })
}

func BenchmarkDo(b *testing.B) {
	ctx := context.Background()
	flow := atOnce()
	for _, bm := range []struct {
		name   string
		policy consistency.Policy
	}{
		{"single-attempt", consistency.Policy{SingleAttempt: true}},
		{"traced", consistency.Policy{}},
	} {
		b.Run("confirmed-at-once/"+bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := consistency.Do(ctx, bm.policy, flow); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A flow that is confirmed at once costs three allocations and the context of
// its one read.
func TestDo_allocations(t *testing.T) {
	ctx := context.Background()
	timeout := testing.AllocsPerRun(100, func() {
		_, cancel := context.WithTimeout(ctx, time.Minute)
		cancel()
	})
	flow := atOnce()
	policy := consistency.Policy{SingleAttempt: true}
	var err error
	got := testing.AllocsPerRun(100, func() {
		_, err = consistency.Do(ctx, policy, flow)
	})
	require.NoError(t, err)
	assert.LessOrEqual(t, got, timeout+3)
}
