//go:build !race

// Arithmetic on one goroutine each, and much of it: nothing that could race.

package measure

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

// campaign returns the lags of n flows that a tick makes visible, each watched
// for a second and then taken back.
func campaign(random *rand.Rand, p spreader, tick time.Duration, n int) (s lags.Sample, gaps []float64) {
	now := time.Duration(random.Int64N(int64(tick)))
	for range n {
		wait := p.next(random)
		now += wait
		lag := tick - now%tick
		s = append(s, lags.Lag{Missed: lag - 1, Hit: lag, Seen: lag})
		gaps = append(gaps, wait.Seconds())
		p.saw(lag)
		now += lag + time.Second + 7*time.Millisecond
	}
	return s, gaps
}

// outcome is what many campaigns tell of one tick.
type outcome struct {
	held50, held90 float64 // shares of the intervals that hold the quantile
	related        float64 // share of the campaigns in which lags go with the waits
}

// many runs campaigns of n flows each.
func many(p spreader, tick time.Duration, n int) (o outcome) {
	const campaigns, tested = 1000, 100
	random := rand.New(rand.NewPCG(uint64(tick), uint64(n)))
	holds := func(s lags.Sample, q float64) float64 {
		if got, truth := s.Interval(q), time.Duration(q*float64(tick)); got.From <= truth && truth <= got.To {
			return 1
		}
		return 0
	}
	for c := range campaigns {
		own := p
		own.lags = nil
		s, waits := campaign(random, own, tick, n)
		o.held50 += holds(s, 0.5) / campaigns
		o.held90 += holds(s, 0.9) / campaigns
		if c >= tested {
			continue
		}
		seen := make([]float64, n)
		for i := range seen {
			seen[i] = s[i].Hit.Seconds()
		}
		if r, _ := lags.Relate(waits, seen); r.Beyond() {
			o.related += 1.0 / tested
		}
	}
	return o
}

var ticks = []time.Duration{50 * time.Millisecond, 700 * time.Millisecond, 1100 * time.Millisecond, 2 * time.Second, 5 * time.Second, 10 * time.Second, 25 * time.Second}

// Whatever the tick, the intervals hold the quantiles of its lags, which are even
// over it, and nothing says that flows were in step.
func TestSpread_tick(t *testing.T) {
	t.Parallel()
	for _, tick := range ticks {
		for _, n := range []int{20, 50, 200} {
			o := many(spreader{least: leastSpread, most: 30 * time.Second}, tick, n)
			t.Logf("tick %v, %d flows: p50 %.1f %%, p90 %.1f %%, told %.0f %%", tick, n, o.held50*100, o.held90*100, o.related*100)
			assert.GreaterOrEqual(t, o.held50, 0.93, "tick %v, %d flows", tick, n)
			assert.GreaterOrEqual(t, o.held90, 0.93, "tick %v, %d flows", tick, n)
			assert.LessOrEqual(t, o.related, 0.08, "tick %v, %d flows", tick, n)
		}
	}
}

// With waits of half a second at most, flows are in step with a slow tick. That
// is wrong, and told.
func TestSpread_inStep(t *testing.T) {
	t.Parallel()
	for _, tick := range []time.Duration{2 * time.Second, 5 * time.Second} {
		o := many(spreader{fixed: leastSpread}, tick, 50)
		t.Logf("tick %v: p50 %.1f %%, p90 %.1f %%, told %.0f %%", tick, o.held50*100, o.held90*100, o.related*100)
		assert.Less(t, o.held50, 0.2)
		assert.GreaterOrEqual(t, o.related, 0.99)
	}
}
