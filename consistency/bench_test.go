package consistency_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/wire"
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

// escaped keeps contexts on the heap, where a flow needs them.
var escaped [2]context.Context

// A flow that is confirmed at once costs three allocations and its two contexts:
// that of the write, and that of the read with its timeout.
func TestDo_allocations(t *testing.T) {
	ctx := context.Background()
	contexts := testing.AllocsPerRun(100, func() {
		write := wire.Note(ctx)
		end, cancel := context.WithTimeout(ctx, time.Minute)
		read := wire.Note(end)
		escaped = [...]context.Context{write, read}
		cancel()
	})
	flow := atOnce()
	policy := consistency.Policy{SingleAttempt: true}
	var err error
	got := testing.AllocsPerRun(100, func() {
		_, err = consistency.Do(ctx, policy, flow)
	})
	require.NoError(t, err)
	assert.LessOrEqual(t, got, contexts+3)
}
