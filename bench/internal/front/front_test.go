package front_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/bench/internal/front"
	"github.com/readback-go/readback/internal/testing/laws"
)

func TestOf(t *testing.T) {
	f := front.Of([]front.Point{{3, 3}, {1, 5}, {2, 6}, {4, 3}, {1, 7}, {5, 1}})
	assert.Equal(t, front.Front{{1, 5}, {3, 3}, {5, 1}}, f)
	assert.Empty(t, front.Of(nil))
}

func TestFront_At(t *testing.T) {
	f := front.Front{{1, 5}, {3, 3}, {5, 1}}
	tests := []struct {
		reads, want float64
		ok          bool
	}{
		{0.9, 0, false}, {1, 5, true}, {1.5, 4.5, true}, {3, 3, true}, {4, 2, true}, {5, 1, true}, {9, 1, true},
	}
	for _, tt := range tests {
		late, ok := f.At(tt.reads)
		assert.Equal(t, tt.ok, ok, "%v reads", tt.reads)
		assert.InDelta(t, tt.want, late, 1e-12, "%v reads", tt.reads)
	}
	_, ok := front.Front(nil).At(1)
	assert.False(t, ok)
}

// For a memoryless lag the best gap is constant: with the rate l and the price c
// it solves e^(lg) - 1 - lg = lc.
func TestOracle_exponential(t *testing.T) {
	const mean, price = 0.1, 0.01
	gap := 0.0
	for low, high := 0.0, 1.0; high-low > 1e-9; {
		gap = (low + high) / 2
		if x := gap / mean; math.Exp(x)-1-x < price/mean {
			low = gap
		} else {
			high = gap
		}
	}
	reads := 1 / (1 - math.Exp(-gap/mean))
	want := price*reads + reads*gap - mean
	got, at := front.Oracle(laws.Exponential(mean).Within(60), 0, 60).Least(price)
	// Prices are tried in steps, and the cost is flat at the best one.
	assert.InEpsilon(t, want, got, 0.01)
	assert.InEpsilon(t, reads, at.Reads, 0.15)
}

// Reads that take time cannot be as dense.
func TestOracle_trip(t *testing.T) {
	law := laws.Uniform(0, 1).Within(60)
	quick, slow := front.Oracle(law, 0, 60), front.Oracle(law, 0.1, 60)
	for _, reads := range []float64{1.5, 2, 3, 5} {
		a, ok := quick.At(reads)
		require.True(t, ok)
		b, ok := slow.At(reads)
		require.True(t, ok)
		assert.LessOrEqual(t, a, b*1.001, "%v reads", reads)
	}
	assert.Less(t, slow[len(slow)-1].Reads, 12., "in a second")
}
