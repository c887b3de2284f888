package submit

import (
	"container/heap"
	"time"

	"golang.org/x/time/rate"
)

// queues are the jobs that nobody works on, by when they are due. It is not safe
// for concurrent use.
type queues struct {
	perSecond float64   // reads of each origin; 0 is no limit
	order     queueHeap // those of reads
	others    jobHeap   // what is for the store or a write, which have no limit
	otherNext bool      // it is the turn of those, if both are due
	all       map[place]*queue
	limits    map[string]*rate.Limiter // by origin
	swept     int                      // how many of them were left by the last sweep
	changed   chan struct{}            // has an item when the first one due may be another
}

// place is what jobs have in common that wait in one queue to be read back. Its
// zero value is that of all other jobs.
type place struct {
	read   bool
	origin string
	group  string // read together unless empty
}

// queue is the jobs of one place. A queue whose limit asks it to wait has a turn
// of its own, so that queues of one origin take turns.
type queue struct {
	place
	limit *rate.Limiter // nil is none
	jobs  jobHeap
	turn  time.Duration // not before
	taken bool          // the turn is reserved
	busy  bool          // the group is being read: what is due meanwhile waits for the next time
	index int
}

func (q *queue) due() time.Duration { return max(q.jobs[0].due, q.turn) }

func (qs *queues) init(perSecond float64) {
	qs.perSecond = perSecond
	qs.all = make(map[place]*queue)
	qs.limits = make(map[string]*rate.Limiter)
	qs.changed = make(chan struct{}, 1)
}

// add puts j where it belongs, to be taken when it is due.
func (qs *queues) add(j *job, at place, now time.Time) {
	first := false
	if q := qs.all[at]; !at.read {
		heap.Push(&qs.others, j)
		first = qs.others[0] == j
	} else if q != nil && q.busy {
		heap.Push(&q.jobs, j)
	} else if q != nil {
		heap.Push(&q.jobs, j)
		heap.Fix(&qs.order, q.index)
		first = qs.order[0] == q
	} else {
		q = &queue{place: at, limit: qs.limitOf(at.origin, now), jobs: jobHeap{j}}
		qs.all[at] = q
		heap.Push(&qs.order, q)
		first = qs.order[0] == q
	}
	if first {
		qs.wake()
	}
}

func (qs *queues) wake() {
	select {
	case qs.changed <- struct{}{}:
	default:
	}
}

// free says that a group is no longer being read.
func (qs *queues) free(at place) {
	q := qs.all[at]
	if q.busy = false; len(q.jobs) == 0 {
		delete(qs.all, at)
		return
	}
	heap.Push(&qs.order, q)
	qs.wake()
}

func (qs *queues) limitOf(origin string, now time.Time) *rate.Limiter {
	if qs.perSecond == 0 {
		return nil
	}
	limit := qs.limits[origin]
	if limit == nil {
		qs.sweep(now)
		limit = rate.NewLimiter(rate.Limit(qs.perSecond), 1)
		qs.limits[origin] = limit
	}
	return limit
}

// limitsFrom is how many limits are not worth a sweep.
const limitsFrom = 100

// sweep forgets the limits that are full, for they know nothing that a new one
// would not, unless a queue has them: each time that their number has doubled, so
// that what it costs is shared by as many origins.
func (qs *queues) sweep(now time.Time) {
	if len(qs.limits) < max(limitsFrom, 2*qs.swept) {
		return
	}
	used := make(map[string]bool, len(qs.all))
	for at := range qs.all {
		used[at.origin] = true
	}
	for origin, idle := range qs.limits {
		if idle.TokensAt(now) >= 1 && !used[origin] {
			delete(qs.limits, origin)
		}
	}
	qs.swept = len(qs.limits)
}

// take removes the jobs that are to be worked on next: one, or several that are
// read together. If none is due, it returns when the next one is; a negative
// time is never.
func (qs *queues) take(began, now time.Time) (jobs []*job, at place, next time.Duration) {
	clock := now.Sub(began)
	if qs.otherNext {
		if j := qs.takeOther(clock); j != nil {
			return []*job{j}, at, 0
		}
	}
	if jobs, at, next = qs.takeRead(clock, now); jobs != nil {
		qs.otherNext = true
		return jobs, at, 0
	}
	if j := qs.takeOther(clock); j != nil {
		return []*job{j}, at, 0
	}
	if len(qs.others) > 0 && (next < 0 || qs.others[0].due < next) {
		next = qs.others[0].due
	}
	return nil, at, next
}

// takeOther takes turns with reads: neither many writes nor many reads hold up
// the others.
func (qs *queues) takeOther(clock time.Duration) *job {
	if len(qs.others) == 0 || qs.others[0].due > clock {
		return nil
	}
	qs.otherNext = false
	return heap.Pop(&qs.others).(*job)
}

func (qs *queues) takeRead(clock time.Duration, now time.Time) (jobs []*job, at place, next time.Duration) {
	for len(qs.order) > 0 {
		q := qs.order[0]
		if next := q.due(); next > clock {
			return nil, at, next
		}
		if q.limit != nil && !q.taken {
			if delay := q.limit.ReserveN(now, 1).DelayFrom(now); delay > 0 {
				q.turn, q.taken = clock+delay, true
				heap.Fix(&qs.order, q.index)
				continue
			}
		}
		q.taken = false
		jobs = append(jobs, heap.Pop(&q.jobs).(*job))
		for q.group != "" && len(q.jobs) > 0 && q.jobs[0].due <= clock && len(jobs) < maxTogether {
			jobs = append(jobs, heap.Pop(&q.jobs).(*job))
		}
		switch {
		case q.group != "":
			q.busy = true
			heap.Remove(&qs.order, q.index)
		case len(q.jobs) == 0:
			heap.Remove(&qs.order, q.index)
			delete(qs.all, q.place)
		default:
			heap.Fix(&qs.order, q.index)
		}
		return jobs, q.place, 0
	}
	return nil, at, -1
}

// maxTogether is how many jobs one call of ReadMany gets.
const maxTogether = 1000

// place puts a job back until it is due.
func (t *term[J, W, R]) place(j *job, due time.Duration) {
	var at place
	if j.state == answered || j.state == lost {
		at = t.placeOf(j)
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	j.due = due
	t.queues.add(j, at, now)
}

// placeOf returns where a job waits that is read back.
func (t *term[J, W, R]) placeOf(j *job) place {
	o := &t.options
	at := place{read: true}
	if o.Origin == nil && o.ReadMany == nil {
		return at
	}
	payload := t.payload(j)
	if o.Origin != nil {
		at.origin = o.Origin(payload)
	}
	if o.ReadMany == nil {
		return at
	}
	group := "all"
	if o.Group != nil {
		group = o.Group(payload)
	}
	if _, ok := t.direct(j, payload); ok {
		at.group = group
	}
	return at
}

// dispatching hands out jobs that are due until the term ends.
func (t *term[J, W, R]) dispatching() {
	workers := make(chan struct{}, t.options.Workers)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case workers <- struct{}{}:
		case <-t.ctx.Done():
			return
		}
		jobs, at, ok := t.await(timer)
		if !ok {
			return
		}
		t.tasks.Go(func() {
			t.work(jobs, at)
			if at.group != "" {
				t.mu.Lock()
				t.queues.free(at)
				t.mu.Unlock()
			}
			<-workers
		})
	}
}

// await returns what is to be worked on as soon as something is due, or false if
// the term ends before.
func (t *term[J, W, R]) await(timer *time.Timer) ([]*job, place, bool) {
	for t.ctx.Err() == nil {
		now := time.Now()
		t.mu.Lock()
		jobs, at, next := t.queues.take(t.began, now)
		t.mu.Unlock()
		if jobs != nil {
			return jobs, at, true
		}
		if next < 0 {
			timer.Stop()
		} else {
			timer.Reset(next - now.Sub(t.began))
		}
		select {
		case <-timer.C:
		case <-t.queues.changed:
		case <-t.ctx.Done():
		}
	}
	return nil, place{}, false
}

// jobHeap is jobs by when they are due.
type jobHeap []*job

func (h jobHeap) Len() int           { return len(h) }
func (h jobHeap) Less(i, k int) bool { return h[i].due < h[k].due }
func (h jobHeap) Swap(i, k int)      { h[i], h[k] = h[k], h[i] }
func (h *jobHeap) Push(x any)        { *h = append(*h, x.(*job)) }

func (h *jobHeap) Pop() any {
	last := len(*h) - 1
	j := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return j
}

// queueHeap is queues by when their first job is due.
type queueHeap []*queue

func (h queueHeap) Len() int           { return len(h) }
func (h queueHeap) Less(i, k int) bool { return h[i].due() < h[k].due() }

func (h queueHeap) Swap(i, k int) {
	h[i], h[k] = h[k], h[i]
	h[i].index, h[k].index = i, k
}

func (h *queueHeap) Push(x any) {
	q := x.(*queue)
	q.index = len(*h)
	*h = append(*h, q)
}

func (h *queueHeap) Pop() any {
	last := len(*h) - 1
	q := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return q
}
