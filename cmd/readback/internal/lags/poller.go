package lags

import (
	"math/rand/v2"
	"time"

	"github.com/readback-go/readback"
)

// A Poller is a schedule that is tried on measured lags.
type Poller struct {
	Name string

	// Begin begins a flow. It returns when the first read begins, and a
	// function that returns when the next one does, from the times of the read
	// before it; a read cannot begin earlier than that ends.
	Begin func(random *rand.Rand) (first time.Duration, next Next)
}

// Next returns when a read begins after one that missed the write.
type Next func(n int, began, ended time.Duration) time.Duration

// Common returns what is in common use where nobody chose a schedule.
func Common() []Poller {
	return []Poller{
		Ticks("a read a second"),
		Waits("backoff/v4 defaults", 500*time.Millisecond, 60*time.Second, 1.5, spread(0.5)),
		Waits("terraform StateChangeConf", 200*time.Millisecond, 10*time.Second, 2, whole),
		Ticks("Kubernetes wait, 1 s").from(time.Second),
		OfBackoff("readback default", readback.Backoff{}),
	}
}

// Ticks returns the poller that reads at once and then every second.
func Ticks(name string) Poller {
	return Waits(name, time.Second, time.Second, 1, whole)
}

// from returns p with its first read at a later time.
func (p Poller) from(first time.Duration) Poller {
	begin := p.Begin
	p.Begin = func(random *rand.Rand) (time.Duration, Next) {
		_, next := begin(random)
		return first, next
	}
	return p
}

// A draw turns the bound of a wait into the wait.
type draw func(bound time.Duration, random *rand.Rand) time.Duration

// whole waits as long as the bound says.
func whole(bound time.Duration, _ *rand.Rand) time.Duration { return bound }

// spread waits up to that share less or more.
func spread(share float64) draw {
	return func(bound time.Duration, random *rand.Rand) time.Duration {
		return time.Duration(float64(bound) * (1 - share + 2*share*random.Float64()))
	}
}

// Waits returns the poller that reads at once and then waits from the end of
// each read, ever longer.
func Waits(name string, initial, longest time.Duration, growth float64, wait draw) Poller {
	return Poller{Name: name, Begin: func(random *rand.Rand) (time.Duration, Next) {
		bound := initial
		return 0, func(_ int, _, ended time.Duration) time.Duration {
			at := ended + wait(bound, random)
			bound = min(time.Duration(float64(bound)*growth), longest)
			return at
		}
	}}
}

// OfBackoff returns the poller that reads as b says, which must be valid. It
// draws from the source that it is given, so that the result can be repeated.
func OfBackoff(name string, b readback.Backoff) Poller {
	const initial, longest, growth, jitter = 60 * time.Millisecond, 5 * time.Second, 1.5, 0.3 // what zero means
	if b.Max == 0 {
		b.Max = max(longest, b.Initial)
	}
	if b.Initial == 0 {
		b.Initial = min(initial, b.Max)
	}
	if b.Multiplier == 0 {
		b.Multiplier = growth
	}
	if b.Jitter == 0 && !b.NoJitter {
		b.Jitter = jitter
	}
	before := time.Duration(float64(b.Max) / (1 + b.Jitter)) // jitter, which Max bounds too
	return Waits(name, min(b.Initial, before), before, b.Multiplier, spread(b.Jitter)).from(b.FirstRead)
}

// ofLearned returns the poller that reads as l has learned.
func ofLearned(name string, l *readback.Learned, deadline, readTime time.Duration) Poller {
	return Poller{Name: name, Begin: func(*rand.Rand) (time.Duration, Next) {
		first := l.First(deadline)
		plan := l.Plan()
		return min(first, deadline), func(n int, began, ended time.Duration) time.Duration {
			at := plan.Next(readback.Step{
				Reads: n, Settle: 1, Began: began, Ended: ended, Deadline: deadline, ReadTime: readTime,
			})
			if at < 0 {
				return deadline
			}
			return at
		}
	}}
}
