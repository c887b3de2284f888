package readback

import (
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Backoff is a [Schedule] of exponentially growing waits. Its zero value reads
// at once and then waits up to 100 ms, 200 ms, 400 ms and so on up to 5 s, each
// wait drawn at random below its bound ("full jitter", see [Brooker 2015]), so
// that many flows do not read in step.
//
// Waits count from the end of a read to the beginning of the next. They stop
// growing while a streak of ready reads is being confirmed, and there is no
// limit but the flow's deadline. The draws come from an ExponentialBackOff of
// github.com/cenkalti/backoff/v4, a fresh one for each flow.
//
// [Brooker 2015]: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
type Backoff struct {
	// FirstRead is when the first read begins, measured from the write's
	// answer. Zero is at once. Set it where something in between would cache
	// an early 404, or where the lag is known never to be shorter.
	FirstRead time.Duration

	// Initial bounds the first wait. Zero means 100 ms, or Max if that is
	// shorter.
	Initial time.Duration

	// Max bounds every wait, jitter included. Zero means 5 s, or Initial if
	// that is longer.
	Max time.Duration

	// Multiplier is the growth of the bound from wait to wait, at least 1.
	// Zero means 2.
	Multiplier float64

	// Jitter is the share of each wait that is drawn at random, up to 1: a
	// wait with bound d lies between (1-Jitter)·d and d. Zero means 1.
	Jitter float64

	// NoJitter makes every wait as long as its bound: for tests that expect
	// exact times, and for a process that is alone with its server.
	NoJitter bool
}

const (
	defaultInitial    = 100 * time.Millisecond
	defaultMax        = 5 * time.Second
	defaultMultiplier = 2

	// longestWait is 146 years: neither a float64 nor a sum of times overflows.
	longestWait time.Duration = 1 << 62
)

// First returns b.FirstRead.
func (b Backoff) First(time.Duration) time.Duration { return b.FirstRead }

// Plan returns a plan of its own for one flow. It expects b to be valid.
func (b Backoff) Plan() Plan {
	b = b.withDefaults()
	// Spreading ±r around a centre is what the source can do. The interval
	// [(1-j)·d, d] has its centre at (1-j/2)·d, so the bound holds for the
	// wait after jitter, not before it.
	centre := 1 - b.Jitter/2
	source := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(scale(b.Initial, centre)),
		backoff.WithMaxInterval(scale(b.Max, centre)),
		backoff.WithMultiplier(b.Multiplier),
		backoff.WithRandomizationFactor(b.Jitter/2/centre),
		backoff.WithMaxElapsedTime(0), // its silent limit of 15 minutes: off
	)
	return &delayPlan{source: source, last: -1}
}

// Validate returns an error if a field is negative, not a number or out of
// range. It is called before anything is sent.
func (b Backoff) Validate() error {
	// A NaN fails every comparison, so each range is asked for, not its
	// opposite.
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
		return fmt.Errorf("readback: Backoff.Jitter is %v, and NoJitter is set", b.Jitter)
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
		b.Jitter = 1
	}
	return b
}

func scale(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) * by) }
