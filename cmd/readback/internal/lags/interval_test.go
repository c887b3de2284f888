package lags_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

// numbered returns n lags of 10 ms, 20 ms and so on, between the read before
// and the one 5 ms later.
func numbered(n int) (s lags.Sample) {
	for i := range n {
		s = append(s, read(10*(i+1), 10*(i+1)+5))
	}
	return s
}

// rankSpan is what numbered knows of the lags with these ranks.
func rankSpan(lower, upper int) lags.Span {
	s := lags.Span{To: lags.Forever}
	if lower > 0 {
		s.From = time.Duration(10*lower) * ms
	}
	if upper > 0 {
		s.To = time.Duration(10*upper+7) * ms
	}
	return s
}

func TestInterval(t *testing.T) {
	t.Parallel()
	tests := []struct {
		n            int
		q            float64
		lower, upper int
	}{
		{0, 0.5, 0, 0},
		{4, 0.5, 0, 0},
		{5, 0.5, 1, 0},
		{6, 0.5, 1, 6},
		{10, 0.5, 2, 9},
		{50, 0.5, 18, 32},
		{100, 0.5, 40, 60},
		{28, 0.9, 22, 0},
		{29, 0.9, 21, 29},
		{50, 0.99, 48, 0},
		{100, 0.99, 97, 0},
		{298, 0.99, 292, 0},
		{299, 0.99, 289, 299},
	}
	for _, tt := range tests {
		got := numbered(tt.n).Interval(tt.q)
		assert.Equal(t, tt.lower > 0, got.Lower, "%d %v", tt.n, tt.q)
		assert.Equal(t, tt.upper > 0, got.Upper, "%d %v", tt.n, tt.q)
		assert.Equal(t, rankSpan(tt.lower, tt.upper), got.Span, "%d %v", tt.n, tt.q)
	}
}

// What was not seen to end takes the upper end away, and leaves the lower one.
func TestInterval_censored(t *testing.T) {
	t.Parallel()
	s := numbered(50)
	for i := range 12 {
		s[49-i] = missed(30_000)
	}
	got := s.Interval(0.5)
	assert.Equal(t, rankSpan(18, 32), got.Span)
	got = s.Interval(0.9)
	assert.True(t, got.Upper, "there are flows enough")
	assert.Equal(t, lags.Span{From: 30 * time.Second, To: lags.Forever}, got.Span)
}

// Of lags that were never seen to end, no more is known than that.
func TestInterval_unseen(t *testing.T) {
	t.Parallel()
	var s lags.Sample
	for i := range 60 {
		s = append(s, missed(1000+i))
	}
	got := s.Interval(0.5)
	lower := numbered(60).Interval(0.5).From / (10 * ms) // the rank
	assert.Equal(t, lags.Span{From: (1000 + lower - 1) * ms, To: lags.Forever}, got.Span)
	assert.True(t, got.Lower && got.Upper)
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []int{6, 29, 299, 2995}, []int{lags.Needs(0.5), lags.Needs(0.9), lags.Needs(0.99), lags.Needs(0.999)})
}

// The chance that an interval holds the quantile is that of a number of lags, out
// of n, between its ranks: at least 95 %, and from a hundred flows on at most
// 97.2 %. It is counted here from the binomial law alone.
func TestInterval_chance(t *testing.T) {
	t.Parallel()
	for n := 2; n <= 2000; n += 1 + n/40 {
		s := numbered(n)
		for _, q := range []float64{0.1, 0.5, 0.9, 0.95, 0.99} {
			got := s.Interval(q)
			lower, upper := int(got.From/(10*ms)), n+1
			if got.Upper {
				upper = int(got.To / (10 * ms))
			}
			if !got.Lower && !got.Upper {
				continue
			}
			chance := 0.0
			for below := lower; below < upper; below++ {
				a, _ := math.Lgamma(float64(n + 1))
				b, _ := math.Lgamma(float64(below + 1))
				c, _ := math.Lgamma(float64(n - below + 1))
				chance += math.Exp(a - b - c + float64(below)*math.Log(q) + float64(n-below)*math.Log(1-q))
			}
			require.GreaterOrEqual(t, chance, 0.95-1e-9, "n=%d q=%v", n, q)
			if n >= 100 && got.Lower && got.Upper {
				require.LessOrEqual(t, chance, 0.972, "n=%d q=%v", n, q)
			}
		}
	}
}
