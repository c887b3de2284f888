package readbackhttp

import (
	"math"
	"time"

	"github.com/readback-go/readback"
)

// pacing is the schedule of a group's polls. Its plan outlives each leader, so
// that a handover changes nothing. The read that was answered before is the
// plan's first.
type pacing struct {
	schedule readback.Schedule
	zero     time.Time     // of the plan: when the waiting began
	took     time.Duration // by the read before
	plan     readback.Plan
	reads    int
	due      time.Duration // when the next read begins, since zero; negative if not before the closing ones
	floor    time.Duration // not before, by a Retry-After
	called   time.Duration // when the current leader began to poll, since zero
	latest   time.Duration // of the current leader's first read, since called
}

// First returns when the current leader reads first.
func (p *pacing) First(deadline time.Duration) time.Duration {
	p.called = time.Since(p.zero)
	if p.plan == nil {
		p.plan = p.schedule.Plan()
		p.reads = 1
		p.due = p.plan.Next(readback.Step{
			Reads: 1, Settle: 1, Began: -p.took, Deadline: p.called + deadline, ReadTime: p.took,
		})
	}
	at := max(p.due, p.floor) - p.called
	if p.due < 0 {
		at = deadline
	}
	return max(0, min(at, p.latest))
}

// Plan returns p itself.
func (p *pacing) Plan() readback.Plan { return p }

// Next asks the plan, whose times count from the beginning of the waiting.
func (p *pacing) Next(step readback.Step) time.Duration {
	p.reads++
	step.Reads = p.reads
	step.Began += p.called
	step.Ended += p.called
	step.Deadline += p.called
	if p.due = p.plan.Next(step); p.due < 0 {
		return -1
	}
	return max(0, p.due-p.called)
}

// pause keeps the next leader from polling before d has passed.
func (p *pacing) pause(d time.Duration) {
	now := time.Since(p.zero)
	p.floor = max(p.floor, now+min(d, math.MaxInt64-now)) // a Retry-After may be the longest there is
}
