package readback

import (
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Backoff is a [Schedule] of growing waits. Its zero value reads at once and then
// waits for 60 ms, 90 ms, 135 ms and so on: each wait is half as long again as the one
// before, at most 5 s, and spread at random by 30 % to both sides, so that many flows
// do not read in step, see [Brooker 2015]. On average it notices a constant lag L at
// most 0.3 L + 50 ms late, after about 7 reads for 1 s and 12 for 10 s.
//
// Waits count from the end of a read to the beginning of the next. They do not grow
// during a streak of ready reads. Only the deadline of the flow ends them. The waits
// are drawn from an ExponentialBackOff of github.com/cenkalti/backoff/v4, a new one
// for each flow.
//
// [Brooker 2015]: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
type Backoff struct {
	// FirstRead is when the first read begins, measured from the write's answer.
	// Zero means at once. Set it if a cache would keep an early 404, or if the lag
	// is never shorter.
	FirstRead time.Duration

	// Initial is the first wait, before jitter. Zero means 60 ms, or Max if that
	// is shorter.
	Initial time.Duration

	// Max bounds every wait, jitter included. Zero means 5 s, or Initial if
	// that is longer.
	Max time.Duration

	// Multiplier is the growth from wait to wait, at least 1. Zero means 1.5.
	Multiplier float64

	// Jitter spreads each wait at random: a wait of d becomes one between
	// (1-Jitter)·d and (1+Jitter)·d. At most 1. Zero means 0.3.
	Jitter float64

	// NoJitter switches the spread off: for tests that expect exact times, and for
	// a process that is the only client of its server.
	NoJitter bool
}

const (
	defaultInitial    = 60 * time.Millisecond
	defaultMax        = 5 * time.Second
	defaultMultiplier = 1.5
	defaultJitter     = 0.3

	// longestWait is 146 years, so that no sum of times overflows.
	longestWait time.Duration = 1 << 62
)

// First returns b.FirstRead.
func (b Backoff) First(time.Duration) time.Duration { return b.FirstRead }

// Plan returns the plan of one flow. It expects b to be valid.
func (b Backoff) Plan() Plan {
	b = b.withDefaults()
	// Max bounds the waits after jitter, and the source's maximum those before it.
	longest := scale(b.Max, 1/(1+b.Jitter))
	source := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(min(b.Initial, longest)),
		backoff.WithMaxInterval(longest),
		backoff.WithMultiplier(b.Multiplier),
		backoff.WithRandomizationFactor(b.Jitter),
		backoff.WithMaxElapsedTime(0), // its silent limit of 15 minutes: off
	)
	return &delayPlan{source: source, last: -1}
}

// Validate returns an error if a field is negative, not a number or out of
// range. It is called before anything is sent.
func (b Backoff) Validate() error {
	// Every comparison with a NaN is false, so conditions say what is valid.
	switch {
	case b.FirstRead < 0:
		return fmt.Errorf("readback: Backoff.FirstRead is negative: %v", b.FirstRead)
	case b.Initial < 0:
		return fmt.Errorf("readback: Backoff.Initial is negative: %v", b.Initial)
	case b.Max < 0:
		return fmt.Errorf("readback: Backoff.Max is negative: %v", b.Max)
	case b.Max > 0 && b.Initial > b.Max:
		return fmt.Errorf("readback: Backoff.Initial %v is longer than Max %v", b.Initial, b.Max)
	case b.Multiplier != 0 && !(b.Multiplier >= 1 && b.Multiplier <= 1e6):
		return fmt.Errorf("readback: Backoff.Multiplier is not between 1 and 1e6: %v", b.Multiplier)
	case !(b.Jitter >= 0 && b.Jitter <= 1):
		return fmt.Errorf("readback: Backoff.Jitter is not between 0 and 1: %v", b.Jitter)
	case b.NoJitter && b.Jitter != 0:
		return fmt.Errorf("readback: Backoff.Jitter is %v, but NoJitter is set: set one of them", b.Jitter)
	}
	return nil
}

func (b Backoff) withDefaults() Backoff {
	if b.Max == 0 {
		b.Max = max(defaultMax, b.Initial)
	}
	b.Max = min(b.Max, longestWait)
	if b.Initial == 0 {
		b.Initial = defaultInitial
	}
	b.Initial = min(b.Initial, b.Max)
	if b.Multiplier == 0 {
		b.Multiplier = defaultMultiplier
	}
	if b.Jitter == 0 && !b.NoJitter {
		b.Jitter = defaultJitter
	}
	return b
}

func scale(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) * by) }

// Every returns a [Schedule] with a fixed wait: it reads at once, and then waits for d
// from the end of a read to the beginning of the next. The wait is spread at random by
// a tenth, so that many flows do not read in step. A d of zero or less is refused
// before anything is sent.
func Every(d time.Duration) Schedule { return every(d) }

type every time.Duration

func (every) First(time.Duration) time.Duration { return 0 }

func (e every) Plan() Plan {
	return Backoff{Initial: time.Duration(e), Max: time.Duration(e) + time.Duration(e)/10, Multiplier: 1, Jitter: 0.1}.Plan()
}

func (e every) Validate() error {
	if e <= 0 {
		return fmt.Errorf("readback: Every is not positive: %v", time.Duration(e))
	}
	return nil
}
