package lags_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

const ms = time.Millisecond

// read returns a lag that reads saw between those times, in milliseconds; a
// read takes 2 ms.
func read(missed, hit int) lags.Lag {
	return lags.Lag{Missed: time.Duration(missed) * ms, Hit: time.Duration(hit) * ms, Seen: time.Duration(hit+2) * ms}
}

// missed returns a lag that was not seen to end.
func missed(missed int) lags.Lag { return lags.Lag{Missed: time.Duration(missed) * ms, Hit: -1} }

func TestQuantile(t *testing.T) {
	t.Parallel()
	many := func(n int) (s lags.Sample) {
		for i := range n {
			s = append(s, read(10*i, 10*i+5)) // 0…7, 10…17, …
		}
		return s
	}
	tests := []struct {
		name   string
		sample lags.Sample
		q      float64
		want   lags.Span
		ok     bool
	}{
		{"nothing", nil, 0.5, lags.Span{}, false},
		{"one flow is only its own longest", many(1), 0.5, lags.Span{}, false},
		{"two", many(2), 0.5, lags.Span{From: 0, To: 7 * ms}, true},
		{"no p90 of nine", many(9), 0.9, lags.Span{}, false},
		{"p90 of ten", many(10), 0.9, lags.Span{From: 80 * ms, To: 87 * ms}, true},
		{"no p99 of twenty", many(20), 0.99, lags.Span{}, false},
		{"no p99 of 99", many(99), 0.99, lags.Span{}, false},
		{"p99 of a hundred", many(100), 0.99, lags.Span{From: 980 * ms, To: 987 * ms}, true},
		{"the ends are ordered each for itself", lags.Sample{read(0, 100), read(40, 50), read(20, 30)}, 0.5, lags.Span{From: 20 * ms, To: 52 * ms}, true},
		{"visible at once", lags.Sample{{Missed: -1, Hit: 0, Seen: 2 * ms}, read(5, 9)}, 0.5, lags.Span{From: 0, To: 2 * ms}, true},
		{"not seen to end", lags.Sample{read(0, 10), missed(30), missed(5)}, 0.5, lags.Span{From: 5 * ms, To: lags.Forever}, true},
		{"a few that were not seen leave the median alone", lags.Sample{read(0, 10), read(10, 20), missed(5)}, 0.5, lags.Span{From: 5 * ms, To: 22 * ms}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := tt.sample.Quantile(tt.q)
			assert.Equal(t, tt.ok, ok)
			assert.Equal(t, tt.want, got)
		})
	}
}

// Whatever the lags are, and wherever reads fall, the quantile of the lags lies
// in the span that is told of it.
func TestQuantile_holdsTheTruth(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		n := 2 + random.IntN(150)
		var truth []time.Duration
		var sample lags.Sample
		for range n {
			lag := time.Duration(math.Exp(6*random.Float64()) * float64(ms))
			truth = append(truth, lag)
			l := lags.Lag{Missed: -1}
			for at := time.Duration(0); ; at += time.Duration(random.Int64N(int64(60 * ms))) {
				if at >= lag {
					l.Hit, l.Seen = at, at+ms
					break
				}
				l.Missed = at
				if random.IntN(50) == 0 { // given up
					l.Hit = -1
					break
				}
			}
			sample = append(sample, l)
		}
		slices.Sort(truth)
		for _, q := range []float64{0.1, 0.5, 0.9, 0.99} {
			span, ok := sample.Quantile(q)
			if !ok {
				continue
			}
			is := truth[int(math.Ceil(q*float64(n)-1e-9))-1]
			require.LessOrEqual(t, span.From, is)
			require.GreaterOrEqual(t, span.To, is)
		}
		longest := sample.Longest()
		require.LessOrEqual(t, longest.From, truth[n-1])
		require.GreaterOrEqual(t, longest.To, truth[n-1])
	}
}

func TestCurves(t *testing.T) {
	t.Parallel()
	most, least := lags.Sample{read(0, 10), read(20, 30), missed(40), read(-1, 0)}.Curves()
	assert.Equal(t, []lags.Step{{At: 0, Share: 0.25}, {At: 0, Share: 0.5}, {At: 20 * ms, Share: 0.75}, {At: 40 * ms, Share: 1}}, most)
	assert.Equal(t, []lags.Step{{At: 2 * ms, Share: 0.25}, {At: 12 * ms, Share: 0.5}, {At: 32 * ms, Share: 0.75}}, least)
}

// Of fifty lags that are none beyond it, a share of 5.8 % would have been met
// with 95 % confidence.
func TestBeyond(t *testing.T) {
	t.Parallel()
	assert.InDelta(t, 0.0582, lags.Beyond(50), 0.0001)
	assert.InDelta(t, 0.95, lags.Beyond(1), 0.0001)
	assert.InDelta(t, 0.05, math.Pow(1-lags.Beyond(300), 300), 1e-9)
}
