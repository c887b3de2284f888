package readback_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
)

// waits returns the first n waits of plan, for reads that take a second.
func waits(plan readback.Plan, n int) []time.Duration {
	ds := make([]time.Duration, n)
	for i := range ds {
		ended := time.Duration(i+1) * time.Second
		ds[i] = plan.Next(readback.Step{Reads: i + 1, Began: ended - time.Second, Ended: ended}) - ended
	}
	return ds
}

func TestBackoff_waits(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	tests := []struct {
		name string
		give readback.Backoff
		want []time.Duration
	}{
		{"zero means 60 ms, each half as long again", readback.Backoff{}, []time.Duration{60 * ms, 90 * ms, 135 * ms, 202500 * time.Microsecond}},
		{"up to 5 s", readback.Backoff{Initial: 3 * time.Second}, []time.Duration{3000 * ms, 4500 * ms, 5000 * ms, 5000 * ms}},
		{"initial", readback.Backoff{Initial: 4 * ms}, []time.Duration{4 * ms, 6 * ms, 9 * ms}},
		{"max", readback.Backoff{Max: 100 * ms}, []time.Duration{60 * ms, 90 * ms, 100 * ms, 100 * ms}},
		{"max below the default initial", readback.Backoff{Max: 30 * ms}, []time.Duration{30 * ms, 30 * ms}},
		{"initial above the default max", readback.Backoff{Initial: time.Minute}, []time.Duration{time.Minute, time.Minute}},
		{"initial is max", readback.Backoff{Initial: ms, Max: ms}, []time.Duration{ms, ms, ms}},
		{"multiplier", readback.Backoff{Multiplier: 2}, []time.Duration{60 * ms, 120 * ms, 240 * ms}},
		{"no growth", readback.Backoff{Multiplier: 1}, []time.Duration{60 * ms, 60 * ms, 60 * ms}},
		{"largest multiplier", readback.Backoff{Multiplier: 1e6}, []time.Duration{60 * ms, 5000 * ms, 5000 * ms}},
		{"no max to speak of", readback.Backoff{Max: math.MaxInt64, Multiplier: 1e6}, []time.Duration{60 * ms, 6e4 * time.Second, 1 << 62}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.give.NoJitter = true
			require.NoError(t, tt.give.Validate())
			assert.Equal(t, tt.want, waits(tt.give.Plan(), len(tt.want)))
		})
	}
}

// A wait of d lies between (1-Jitter)·d and (1+Jitter)·d, and fills that range.
func TestBackoff_jitter(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		give  readback.Backoff
		bound []time.Duration
		share float64
	}{
		{"zero is 0.3", readback.Backoff{}, []time.Duration{60 * time.Millisecond, 90 * time.Millisecond, 135 * time.Millisecond}, .3},
		{"full", readback.Backoff{Jitter: 1, Initial: time.Second}, []time.Duration{time.Second, 1500 * time.Millisecond, 2250 * time.Millisecond, 2500 * time.Millisecond}, 1},
		{"half", readback.Backoff{Jitter: .5, Initial: time.Second, Multiplier: 2}, []time.Duration{time.Second, 2 * time.Second, 5 * time.Second * 2 / 3}, .5},
		{"never beyond the maximum", readback.Backoff{Initial: time.Second, Max: time.Second, Jitter: .25}, []time.Duration{800 * time.Millisecond, 800 * time.Millisecond}, .25},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const draws = 2000
			shortest, longest := make([]time.Duration, len(tt.bound)), make([]time.Duration, len(tt.bound))
			for d := range draws {
				for i, wait := range waits(tt.give.Plan(), len(tt.bound)) {
					least := time.Duration(float64(tt.bound[i]) * (1 - tt.share))
					require.GreaterOrEqual(t, wait, least-1, "rounded")
					require.LessOrEqual(t, wait, time.Duration(float64(tt.bound[i])*(1+tt.share))+1)
					if d == 0 {
						shortest[i] = wait
					}
					shortest[i], longest[i] = min(shortest[i], wait), max(longest[i], wait)
				}
			}
			for i, bound := range tt.bound {
				// That none of 2,000 draws falls into the outer hundredth of the
				// range happens once in 500 million times.
				margin := time.Duration(float64(bound) * tt.share / 50)
				assert.Less(t, shortest[i], time.Duration(float64(bound)*(1-tt.share))+margin)
				assert.Greater(t, longest[i], time.Duration(float64(bound)*(1+tt.share))-margin)
			}
		})
	}
}

func TestBackoff_First(t *testing.T) {
	t.Parallel()
	assert.Zero(t, readback.Backoff{}.First(time.Minute))
	assert.Equal(t, 3*time.Second, readback.Backoff{FirstRead: 3 * time.Second}.First(time.Minute))
}

// Waits stop growing in a streak, and go on growing after it.
func TestBackoff_streak(t *testing.T) {
	t.Parallel()
	plan := readback.Backoff{Initial: time.Second, Max: time.Minute, Multiplier: 2, NoJitter: true}.Plan()
	var got []time.Duration
	for _, streak := range []int{0, 0, 1, 2, 3, 0, 1, 0} {
		got = append(got, plan.Next(readback.Step{Streak: streak}))
	}
	const s = time.Second
	assert.Equal(t, []time.Duration{s, 2 * s, 2 * s, 2 * s, 2 * s, 4 * s, 4 * s, 8 * s}, got)
}

// The hidden limit of 15 minutes is off.
func TestBackoff_noLimit(t *testing.T) {
	t.Parallel()
	plan := readback.Backoff{Initial: time.Hour, Max: time.Hour, NoJitter: true}.Plan()
	for i := range 1000 {
		ended := time.Duration(i) * time.Hour
		require.Equal(t, ended+time.Hour, plan.Next(readback.Step{Ended: ended}))
	}
}

// Each flow has a plan of its own.
func TestBackoff_plansAreApart(t *testing.T) {
	t.Parallel()
	b := readback.Backoff{NoJitter: true}
	one, other := b.Plan(), b.Plan()
	waits(one, 5)
	assert.Equal(t, []time.Duration{60 * time.Millisecond}, waits(other, 1))
	assert.Equal(t, readback.Backoff{NoJitter: true}, b)
}

func TestBackoff_Validate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		give readback.Backoff
		want string // empty: valid
	}{
		{"zero", readback.Backoff{}, ""},
		{"all set", readback.Backoff{FirstRead: 1, Initial: 2, Max: 3, Multiplier: 1.5, Jitter: .5}, ""},
		{"limits", readback.Backoff{Initial: time.Second, Max: time.Second, Multiplier: 1e6, Jitter: 1}, ""},
		{"no jitter", readback.Backoff{NoJitter: true}, ""},

		{"first read", readback.Backoff{FirstRead: -1}, "readback: Backoff.FirstRead is negative: -1ns"},
		{"initial", readback.Backoff{Initial: -time.Second}, "readback: Backoff.Initial is negative: -1s"},
		{"max", readback.Backoff{Max: -time.Second}, "readback: Backoff.Max is negative: -1s"},
		{"initial above max", readback.Backoff{Initial: 2 * time.Second, Max: time.Second}, "readback: Backoff.Initial 2s is longer than Max 1s"},
		{"multiplier below one", readback.Backoff{Multiplier: .99}, "readback: Backoff.Multiplier is not between 1 and 1e6: 0.99"},
		{"negative multiplier", readback.Backoff{Multiplier: -2}, "readback: Backoff.Multiplier is not between 1 and 1e6: -2"},
		{"multiplier too large", readback.Backoff{Multiplier: 1e7}, "readback: Backoff.Multiplier is not between 1 and 1e6: 1e+07"},
		{"infinite multiplier", readback.Backoff{Multiplier: math.Inf(1)}, "readback: Backoff.Multiplier is not between 1 and 1e6: +Inf"},
		{"multiplier is not a number", readback.Backoff{Multiplier: math.NaN()}, "readback: Backoff.Multiplier is not between 1 and 1e6: NaN"},
		{"negative jitter", readback.Backoff{Jitter: -.1}, "readback: Backoff.Jitter is not between 0 and 1: -0.1"},
		{"jitter above one", readback.Backoff{Jitter: 1.1}, "readback: Backoff.Jitter is not between 0 and 1: 1.1"},
		{"jitter is not a number", readback.Backoff{Jitter: math.NaN()}, "readback: Backoff.Jitter is not between 0 and 1: NaN"},
		{"infinite jitter", readback.Backoff{Jitter: math.Inf(1)}, "readback: Backoff.Jitter is not between 0 and 1: +Inf"},
		{"jitter and none", readback.Backoff{Jitter: .5, NoJitter: true}, "readback: Backoff.Jitter is 0.5, but NoJitter is set: set one of them"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.want == "" {
				require.NoError(t, tt.give.Validate())
				return
			}
			require.EqualError(t, tt.give.Validate(), tt.want)
		})
	}
}

// Whatever is valid makes waits that are neither negative nor above the bound.
func FuzzBackoff(f *testing.F) {
	f.Add(int64(0), int64(0), 0.0, 0.0, false)
	f.Add(int64(1), int64(0), 1.0, 1e-300, false)
	f.Add(int64(time.Second), int64(time.Minute), 1.5, .5, false)
	f.Add(int64(1<<62), int64(math.MaxInt64), 1e6, 1.0, false)
	f.Add(int64(1), int64(math.MaxInt64), 1e6, 0.0, true)
	f.Fuzz(func(t *testing.T, initial, longest int64, multiplier, jitter float64, noJitter bool) {
		b := readback.Backoff{
			Initial: time.Duration(initial), Max: time.Duration(longest),
			Multiplier: multiplier, Jitter: jitter, NoJitter: noJitter,
		}
		if b.Validate() != nil {
			return
		}
		bound := b.Max
		if bound == 0 {
			bound = max(5*time.Second, b.Initial)
		}
		plan := b.Plan()
		for range 100 {
			at := plan.Next(readback.Step{})
			require.GreaterOrEqual(t, at, time.Duration(0))
			// Beyond 2^53 a float64 does not hold every nanosecond.
			require.LessOrEqual(t, at.Seconds(), bound.Seconds()*(1+1e-15)+1e-9)
		}
	})
}

// The first read at once, then waits that double from 50 ms to a second.
func ExampleBackoff() {
	b := readback.Backoff{Initial: 50 * time.Millisecond, Max: time.Second, Multiplier: 2, NoJitter: true}
	plan := b.Plan()
	at := b.First(30 * time.Second)
	for range 7 {
		fmt.Print(at, " ")
		at = plan.Next(readback.Step{Ended: at})
	}
	// Output: 0s 50ms 150ms 350ms 750ms 1.55s 2.55s
}
