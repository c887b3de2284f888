package readback

import (
	"errors"
	"time"
)

// A Schedule says when the reads of one flow begin.
//
// One Schedule serves many flows, also at the same time, and must be safe for
// concurrent use; the state of a single flow is in its [Plan]. All times are measured
// from the write's answer.
//
// A Schedule may also have a method Validate() error, which is called before anything
// is sent, and may be a [Learner]. Whatever a Schedule says, the loop waits for at
// least a millisecond after a read that was not enough, waits at least as long as a
// Retry-After, and starts the closing reads before the deadline in time.
type Schedule interface {
	// First returns when the first read begins. Zero means at once. The deadline
	// is when the flow ends.
	First(deadline time.Duration) time.Duration

	// Plan returns the plan of one flow. It is called only after a first read
	// that was not enough, so a flow that is ready at once does not pay for it.
	Plan() Plan
}

// A Plan says when the next read of its flow begins. It is used by one goroutine at a
// time.
type Plan interface {
	// Next returns when the read after step begins. A time in the past means as
	// soon as possible. A negative time means no read before the closing ones.
	Next(step Step) time.Duration
}

// Step is what a [Plan] knows when it is asked for the next read.
type Step struct {
	Reads    int           // reads so far
	Streak   int           // ready reads in a row
	Settle   int           // ready reads in a row that are needed
	Began    time.Duration // when the last read began
	Ended    time.Duration // when it ended
	Deadline time.Duration // when the flow ends
	ReadTime time.Duration // mean duration of the reads answered so far
}

// A Learner is a [Schedule] that learns from the lags of flows. Observe is called at most
// once for a flow, after its last read, and must be safe for concurrent use. It is not
// called for a flow whose lag has no clear beginning: one whose write was ambiguous,
// sent again or answered with 202, and one that was resumed.
type Learner interface {
	Observe(Lag)
}

// Lag is what the reads of one flow tell of its lag. The lag ended after the beginning of
// the last read that missed the write, and by the beginning of the first read of the final
// streak. All times are measured from the write's answer.
type Lag struct {
	First    time.Duration // beginning of the first read; negative if it is not known, as after Stepper.Visit
	After    time.Duration // beginning of the last read that missed the write; negative if none did
	By       time.Duration // beginning of the first read of the final streak; negative if there is none
	Reads    int           // reads up to By, or all reads if there is no final streak
	Deadline time.Duration // when the flow would have ended
	ReadTime time.Duration // mean duration of the reads that were answered
}

// Delays makes a [Schedule] from a source of waits, such as any BackOff of
// github.com/cenkalti/backoff, v4 or later. The first read is at once; each wait counts
// from the end of a read to the beginning of the next.
//
// Fresh returns a new source. It is called once for each flow that must wait, and must be
// safe for concurrent use. A source with a method Reset is reset before use. A negative
// wait, such as backoff.Stop, means no more reads before the closing ones. During a streak
// of ready reads, the last wait is repeated.
func Delays[B interface{ NextBackOff() time.Duration }](fresh func() B) Schedule {
	if fresh == nil {
		return delays{}
	}
	return delays{fresh: func() delaySource { return fresh() }}
}

type delaySource interface{ NextBackOff() time.Duration }

type delays struct{ fresh func() delaySource }

func (d delays) First(time.Duration) time.Duration { return 0 }

func (d delays) Validate() error {
	if d.fresh == nil {
		return errors.New("readback: Delays needs a function that returns a source of waits")
	}
	return nil
}

func (d delays) Plan() Plan {
	source := d.fresh()
	if r, ok := source.(interface{ Reset() }); ok {
		r.Reset()
	}
	return &delayPlan{source: source, last: -1}
}

// delayPlan turns relative waits into absolute times.
type delayPlan struct {
	source delaySource
	last   time.Duration
}

func (p *delayPlan) Next(step Step) time.Duration {
	// The waits of a streak do not grow: the lag is over.
	if step.Streak == 0 || p.last < 0 {
		p.last = p.source.NextBackOff()
	}
	if p.last < 0 {
		return -1
	}
	return step.Ended + p.last
}
