package lags_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	base := drawn(60, 400*ms, 0.3, 3)
	tests := []struct {
		name   string
		after  lags.Sample
		beyond bool
		change float64 // s, that the interval must hold
	}{
		{"the same API", drawn(60, 400*ms, 0.3, 4), false, 0},
		{"twice as slow", drawn(60, 800*ms, 0.3, 4), true, 0.4},
		{"twice as fast", drawn(60, 200*ms, 0.3, 4), true, -0.2},
		{"a little slower", drawn(60, 410*ms, 0.3, 4), false, 0.01},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := lags.Compare(base, tt.after, 0.5)
			require.True(t, ok)
			assert.Equal(t, tt.beyond, got.BeyondNoise(), "%+v", got)
			assert.LessOrEqual(t, got.Least, tt.change)
			assert.GreaterOrEqual(t, got.Most, tt.change)
			again, _ := lags.Compare(base, tt.after, 0.5)
			assert.Equal(t, got, again, "the same in each call")
		})
	}
}

// A difference that reads which are far apart can make is none.
func TestCompare_censoring(t *testing.T) {
	t.Parallel()
	var sharp, coarse lags.Sample
	for range 40 {
		sharp = append(sharp, read(410, 420))
		coarse = append(coarse, read(200, 1200))
	}
	got, ok := lags.Compare(sharp, coarse, 0.5)
	require.True(t, ok)
	assert.False(t, got.BeyondNoise())
	assert.InDelta(t, 0.2-0.422, got.Least, 1e-9)
	assert.InDelta(t, 1.202-0.41, got.Most, 1e-9)
}

func TestCompare_open(t *testing.T) {
	t.Parallel()
	var seen, unseen lags.Sample
	for range 20 {
		seen, unseen = append(seen, read(100, 110)), append(unseen, missed(5000))
	}
	got, ok := lags.Compare(seen, unseen, 0.5)
	require.True(t, ok)
	assert.True(t, got.BeyondNoise(), "over five seconds is more than 110 ms")
	assert.InDelta(t, 5-0.112, got.Least, 1e-9)
	assert.True(t, math.IsInf(got.Most, 1))

	back, _ := lags.Compare(unseen, seen, 0.5)
	assert.True(t, math.IsInf(back.Least, -1))
	assert.True(t, back.BeyondNoise())
}

func TestCompare_tooFew(t *testing.T) {
	t.Parallel()
	_, ok := lags.Compare(drawn(60, time.Second, 0.1, 1), drawn(9, time.Second, 0.1, 1), 0.9)
	assert.False(t, ok)
	_, ok = lags.CompareMeans([]float64{1}, []float64{1, 2})
	assert.False(t, ok)
}

func TestCompareMeans(t *testing.T) {
	t.Parallel()
	got, ok := lags.CompareMeans([]float64{1, 1, 1}, []float64{2, 2, 2})
	require.True(t, ok)
	assert.Equal(t, lags.Change{Least: 1, Most: 1}, got)
	same, _ := lags.CompareMeans([]float64{0, 1, 0, 1, 1, 0}, []float64{1, 0, 1, 0, 0, 1})
	assert.False(t, same.BeyondNoise())
}

// All of twenty is not more than 94 of a hundred, and all of sixty is more than
// none.
func TestCompareShares(t *testing.T) {
	t.Parallel()
	share := func(ones, n int) (all []float64) {
		for i := range n {
			all = append(all, map[bool]float64{true: 1}[i < ones])
		}
		return all
	}
	got, ok := lags.CompareShares(share(94, 100), share(20, 20))
	require.True(t, ok)
	assert.False(t, got.BeyondNoise(), "%+v", got)
	got, _ = lags.CompareShares(share(0, 60), share(60, 60))
	assert.True(t, got.BeyondNoise())
	got, _ = lags.CompareShares(share(0, 50), share(0, 50))
	assert.Less(t, got.Least, 0.0)
	assert.Greater(t, got.Most, 0.0)
	_, ok = lags.CompareShares(share(0, 1), share(5, 9))
	assert.False(t, ok, "too few")
}
