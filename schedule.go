package readback

import (
	"errors"
	"time"
)

// A Schedule says when the reads of one flow begin.
//
// One Schedule serves many flows, also at the same time, and must be safe for
// concurrent use; what belongs to a single flow lives in its [Plan]. All times
// are measured from the write's answer.
//
// A Schedule may also have a method Validate() error, which is asked before
// anything is sent, and may be a [Learner]. The loop keeps three promises
// whatever a Schedule says: a read that was not enough is followed by a wait of at
// least a millisecond, Retry-After is a floor, and the closing reads before the
// deadline start in time.
type Schedule interface {
	// First returns when the first read begins. Zero is at once. The
	// deadline is the time that the flow has.
	First(deadline time.Duration) time.Duration

	// Plan returns the plan of one flow. It is asked for only after a first
	// read that was not enough, so a flow that is ready at once pays nothing.
	Plan() Plan
}

// A Plan says when the next read of its flow begins. It is used by one
// goroutine.
type Plan interface {
	// Next returns when the read after step begins. A time in the past means
	// as soon as possible; a negative time means none before the closing
	// reads.
	Next(step Step) time.Duration
}

// Step is what a [Plan] knows when it is asked for the next read.
type Step struct {
	Reads    int           // reads so far
	Streak   int           // ready reads in a row
	Settle   int           // ready reads in a row that are asked for
	Began    time.Duration // when the last read began
	Ended    time.Duration // when it ended
	Deadline time.Duration // when the flow ends
	ReadTime time.Duration // mean duration of the reads answered so far
}

// A Learner is a [Schedule] that learns from the lags it is told. Observe is
// called at most once a flow, after its last read, and must be safe for
// concurrent use. Flows whose lag has no clear beginning are not told of: a
// write that was ambiguous, sent again or answered with 202, and a flow that
// was resumed.
type Learner interface {
	Observe(Lag)
}

// Lag is what the reads of one flow tell of its lag: it lies after the beginning
// of the last read that did not show the write, and not after that of the first
// read from which on all did.
type Lag struct {
	First    time.Duration // beginning of the first read; negative if that is not known, as of one in pieces
	After    time.Duration // beginning of the last read that missed the write; negative if none did
	By       time.Duration // beginning of the first read of the streak that held; negative if none did
	Reads    int           // reads up to By, or all if none held
	Deadline time.Duration // when the flow would have ended
	ReadTime time.Duration // mean duration of the reads that were answered
}

// Delays makes a [Schedule] of a source of waits, such as any BackOff of
// github.com/cenkalti/backoff, v4 or later. The first read is at once; each
// wait counts from the end of a read to the beginning of the next.
//
// Fresh is called once for each flow that must wait, since such values are
// stateful; it must be safe for concurrent use. A value with a method Reset is
// reset before use. A negative wait, as backoff.Stop, means no more reads
// before the closing ones. While a streak of ready reads is being confirmed,
// the last wait is repeated instead of growing on.
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
		return errors.New("readback: Delays without a function")
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
	// A streak must not be stretched by the growth that the lag before it
	// earned.
	if step.Streak == 0 || p.last < 0 {
		p.last = p.source.NextBackOff()
	}
	if p.last < 0 {
		return -1
	}
	return step.Ended + p.last
}
