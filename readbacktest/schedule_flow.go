package readbacktest

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/readback-go/readback"
)

// flowOf is a simulated flow: it calls a plan as the loop of package poll does, but does not
// wait.
type flowOf struct {
	deadline time.Duration
	took     time.Duration // duration of each read
	settle   int
	ready    time.Duration // from when reads are ready
}

const (
	leastWait = time.Millisecond // the loop's own
	hotReads  = 64               // so many reads in a row without a wait are a busy loop
	mostReads = 20_000
)

// check simulates a flow with a plan of s up to its end.
func (f flowOf) check(s readback.Schedule) error {
	return guarded("Next", func() error {
		plan := s.Plan()
		if plan == nil {
			return errors.New("the plan is nil")
		}
		step := f.begin(min(s.First(f.deadline), f.deadline-1))
		hot := 0
		for range mostReads {
			next := plan.Next(step)
			if next < 0 {
				return nil
			}
			if next <= step.Began {
				return fmt.Errorf("after a read at %v Next is %v", step.Began, next)
			}
			// Slow reads may follow each other at once: they are no busy loop.
			if hot++; next > step.Ended+leastWait || f.took > time.Second {
				hot = 0
			}
			if hot == hotReads {
				return fmt.Errorf("%d reads in a row are without a wait, up to %v", hot, next)
			}
			if !f.read(&step, next) || step.Streak == f.settle {
				return nil
			}
		}
		return nil // many reads with waits are allowed
	})
}

// times returns when the next n reads are, if none is ready. Reads that the plan does not
// make are at the greatest time.
func (f flowOf) times(plan readback.Plan, n int) []time.Duration {
	f.ready = math.MaxInt64
	times := make([]time.Duration, n)
	step := f.begin(0)
	over := false
	for i := range times {
		times[i] = math.MaxInt64
		if over {
			continue
		}
		if next := plan.Next(step); next < 0 || !f.read(&step, next) {
			over = true
		} else {
			times[i] = step.Began
		}
	}
	return times
}

// begin returns the step after the first read.
func (f flowOf) begin(at time.Duration) readback.Step {
	step := readback.Step{Settle: f.settle, Deadline: f.deadline, ReadTime: f.took}
	f.read(&step, at)
	return step
}

// read makes a read at a time, and returns true if that is before the deadline.
func (f flowOf) read(step *readback.Step, at time.Duration) bool {
	if step.Reads > 0 {
		at = max(at, step.Ended+leastWait)
	}
	step.Reads++
	step.Began, step.Ended = at, at+f.took
	if at >= f.ready {
		step.Streak++
	}
	return at < f.deadline
}
