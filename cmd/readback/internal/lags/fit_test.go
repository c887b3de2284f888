package lags_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

// drawn returns n lags of a median, read to a sixteenth.
func drawn(n int, median time.Duration, spread float64, seed uint64) (s lags.Sample) {
	random := rand.New(rand.NewPCG(seed, seed))
	for range n {
		lag := time.Duration(float64(median) * math.Exp(spread*random.NormFloat64()))
		missed := lag - time.Duration(random.Float64()*float64(lag)/16)
		s = append(s, lags.Lag{Missed: missed, Hit: missed + lag/16, Seen: missed + lag/16 + 2*ms})
	}
	return s
}

func TestFit(t *testing.T) {
	t.Parallel()
	const within = 10 * time.Second
	for _, median := range []time.Duration{20 * ms, 400 * ms, 2 * time.Second} {
		for _, spread := range []float64{0.05, 0.4, 1} {
			s := drawn(80, median, spread, 1)
			b := s.Fit(within, 2*ms)
			require.NoError(t, b.Validate())
			assert.GreaterOrEqual(t, b.Max, within/20, "a lag longer than all must not cost a read each few milliseconds")
			got := s.Overshoot(lags.OfBackoff("", b), 2*ms)
			assert.LessOrEqual(t, got.Reads, lags.Budget, "%v %v: %+v", median, spread, b)
			for _, p := range lags.Common() {
				other := s.Overshoot(p, 2*ms)
				assert.False(t, other.Reads <= got.Reads && other.Mean < got.Mean*9/10, "%v %v: %s is better than %+v: %+v", median, spread, p.Name, b, got)
			}
			assert.Equal(t, b, s.Fit(within, 2*ms), "the same lags, the same schedule")
		}
	}
	assert.Equal(t, readback.Backoff{}, lags.Sample{missed(100)}.Fit(within, ms))
}

// Where everything is visible at once, nothing is to be waited for.
func TestFit_atOnce(t *testing.T) {
	t.Parallel()
	s := lags.Sample{read(-1, 0), read(-1, 0), read(-1, 0)}
	assert.Zero(t, s.Fit(time.Second, ms).FirstRead)
	assert.InDelta(t, 1, s.Overshoot(lags.OfBackoff("", s.Fit(time.Second, ms)), ms).Reads, 0)
}

func TestJudge(t *testing.T) {
	t.Parallel()
	s := drawn(60, 400*ms, 0.3, 2)
	got := s.Judge(5*time.Second, 2*ms)
	require.Len(t, got, 2+len(lags.Common()))
	for i, o := range got {
		assert.Equal(t, i < 2, o.Fitted, o.Name)
		assert.Equal(t, 60, o.Flows, o.Name)
		if i >= 2 {
			assert.Less(t, got[0].Mean, o.Mean/2, o.Name)
			assert.Less(t, got[1].Mean, o.Mean/2, o.Name)
		}
		if i >= 3 {
			assert.GreaterOrEqual(t, o.Mean, got[i-1].Mean, "in order")
		}
	}
	assert.InDelta(t, lags.Budget, got[1].Reads, 0.7, "reads of a Learned")
	assert.Equal(t, got, s.Judge(5*time.Second, 2*ms), "the same in each call")
}

// What was fitted is judged on lags that it was not fitted to.
func TestRecommended_isFair(t *testing.T) {
	t.Parallel()
	s := lags.Sample{read(100, 101), read(200, 201), read(400, 401), read(800, 801), read(3000, 3001)}
	var want float64
	for i := range s {
		others := append(append(lags.Sample{}, s[:i]...), s[i+1:]...)
		own := lags.Sample{s[i]}
		want += own.Overshoot(lags.OfBackoff("", others.Fit(10*time.Second, ms)), ms).Mean.Seconds() / 5
	}
	fair := s.Recommended(10*time.Second, ms)[0]
	assert.InEpsilon(t, want, fair.Mean.Seconds(), 0.15)
	known := s.Overshoot(lags.OfBackoff("", s.Fit(10*time.Second, ms)), ms)
	assert.Greater(t, fair.Mean, known.Mean*5/4, "or this test tells nothing")
	few := s[:3].Recommended(10*time.Second, ms)
	assert.Equal(t, 3, few[0].Flows, "too few to split")
}

func TestRound(t *testing.T) {
	t.Parallel()
	for give, want := range map[time.Duration]time.Duration{
		0: 0, -ms: 0, 1: ms, ms: ms, 1100 * time.Microsecond: 1200 * time.Microsecond,
		3 * ms: 3 * ms, 31 * ms: 40 * ms, 99 * ms: 100 * ms, 101 * ms: 120 * ms, 1440 * ms: 1500 * ms,
		1990 * ms: 2 * time.Second, 8100 * ms: 10 * time.Second, 9 * time.Second: 10 * time.Second,
		11 * time.Second: 12 * time.Second, 31 * time.Second: 40 * time.Second, 61 * time.Second: 90 * time.Second,
		9 * time.Minute: 10 * time.Minute, 11 * time.Minute: 15 * time.Minute,
	} {
		assert.Equal(t, want, lags.Round(give), "%v", give)
	}
}
