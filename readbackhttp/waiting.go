package readbackhttp

import (
	"math"
	"sync"
	"time"

	"github.com/readback-go/readback"
)

// waiting lets goroutines that wait for the same read share the waiting: one
// leads, and only it polls. What it reads is its own; the others read once for
// themselves when it was answered.
type waiting struct {
	mu     sync.Mutex
	groups map[uint64]*group
}

// group is the goroutines that wait for one read.
type group struct {
	key     uint64
	members int
	lead    chan struct{} // holds a value while nobody leads
	shown   chan struct{} // closed when the leader's read was answered
	pacing  pacing        // of whoever leads
}

// join adds the caller to the group of that key. Whoever is first makes it, with
// a pacing of its own.
func (w *waiting) join(key uint64, first pacing) *group {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.groups[key]
	if g == nil {
		g = alone(first)
		g.key, g.members = key, 0
		if w.groups == nil {
			w.groups = make(map[uint64]*group)
		}
		w.groups[key] = g
	}
	g.members++
	return g
}

// alone returns a group that nobody else joins.
func alone(p pacing) *group {
	g := &group{members: 1, lead: make(chan struct{}, 1), shown: make(chan struct{}), pacing: p}
	g.lead <- struct{}{}
	return g
}

// leave is what every member does in the end.
func (w *waiting) leave(g *group) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g.members--
	if g.members == 0 && w.groups[g.key] == g {
		delete(w.groups, g.key)
	}
}

// handOver ends the leadership. If the read was answered, all members go and see
// for themselves, and whoever comes later begins anew.
func (w *waiting) handOver(g *group, answered bool) {
	if !answered {
		g.lead <- struct{}{}
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.groups[g.key] == g {
		delete(w.groups, g.key)
	}
	close(g.shown)
}

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
