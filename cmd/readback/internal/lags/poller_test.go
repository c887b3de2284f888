package lags_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

// times returns when a poller reads whose reads take no time and show nothing.
func times(p lags.Poller, n int) (at []time.Duration) {
	begun, next := p.Begin(rand.New(rand.NewPCG(1, 1)))
	for i := range n {
		at = append(at, begun)
		begun = next(i+1, begun, begun)
	}
	return at
}

func named(t *testing.T, name string) lags.Poller {
	t.Helper()
	for _, p := range lags.Common() {
		if p.Name == name {
			return p
		}
	}
	require.FailNow(t, "there is no "+name)
	return lags.Poller{}
}

// What others read at was recorded of their own code.
func TestCommon_times(t *testing.T) {
	t.Parallel()
	s := func(seconds ...float64) (at []time.Duration) {
		for _, v := range seconds {
			at = append(at, time.Duration(v*1000)*ms)
		}
		return at
	}
	assert.Equal(t, s(0, 0.2, 0.6, 1.4, 3, 6.2, 12.6, 22.6, 32.6), times(named(t, "terraform StateChangeConf"), 9))
	assert.Equal(t, s(0, 1, 2, 3), times(named(t, "a read a second"), 4))
	assert.Equal(t, s(1, 2, 3, 4), times(named(t, "Kubernetes wait, 1 s"), 4))
}

// The waits of backoff/v4 lie within half of 500 ms × 1.5ⁿ on either side, as do
// those of a poller that the fitted schedules are compared with.
func TestCommon_backoffV4(t *testing.T) {
	t.Parallel()
	at := times(named(t, "backoff/v4 defaults"), 20)
	bound := 500 * ms
	spread := map[bool]int{}
	for i := 1; i < len(at); i++ {
		wait := at[i] - at[i-1]
		require.GreaterOrEqual(t, wait, bound/2)
		require.LessOrEqual(t, wait, bound*3/2)
		spread[wait > bound]++
		bound = min(bound*3/2, time.Minute)
	}
	assert.Greater(t, spread[true], 4)
	assert.Greater(t, spread[false], 4)
}

func TestOfBackoff(t *testing.T) {
	t.Parallel()
	tests := map[string]readback.Backoff{
		"zero":       {NoJitter: true},
		"first read": {FirstRead: 70 * ms, NoJitter: true},
		"initial":    {Initial: 30 * ms, NoJitter: true},
		"long":       {Initial: 7 * time.Second, NoJitter: true},
		"short":      {Max: 40 * ms, NoJitter: true},
		"slow":       {Initial: 20 * ms, Max: time.Second, Multiplier: 1.5, NoJitter: true},
	}
	for name, b := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, b.Validate())
			want := []time.Duration{b.First(time.Minute)}
			plan := b.Plan()
			for n := 1; n < 12; n++ {
				last := want[n-1]
				want = append(want, plan.Next(readback.Step{Reads: n, Settle: 1, Began: last, Ended: last, Deadline: time.Minute}))
			}
			assert.Equal(t, want, times(lags.OfBackoff("", b), 12))
		})
	}
}

// With jitter, waits are drawn as those of the real one: less or more by up to the
// share.
func TestOfBackoff_jitter(t *testing.T) {
	t.Parallel()
	const draws = 20000
	for _, b := range []readback.Backoff{{Initial: 100 * ms}, {Initial: 100 * ms, Jitter: 0.4}} {
		random := rand.New(rand.NewPCG(2, 2))
		var ours, real []time.Duration
		for range draws {
			_, next := lags.OfBackoff("", b).Begin(random)
			ours = append(ours, next(1, 0, 0))
			real = append(real, b.Plan().Next(readback.Step{Reads: 1, Settle: 1}))
		}
		for _, f := range []func([]time.Duration) float64{mean, least, most} {
			assert.InDelta(t, f(real), f(ours), 1.5, "milliseconds")
		}
	}
}

func mean(all []time.Duration) (sum float64) {
	for _, d := range all {
		sum += d.Seconds() * 1000 / float64(len(all))
	}
	return sum
}

func least(all []time.Duration) float64 {
	low := all[0]
	for _, d := range all {
		low = min(low, d)
	}
	return low.Seconds() * 1000
}

func most(all []time.Duration) float64 {
	high := all[0]
	for _, d := range all {
		high = max(high, d)
	}
	return high.Seconds() * 1000
}
