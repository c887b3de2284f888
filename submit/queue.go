package submit

import (
	"container/heap"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

// queues are the jobs that wait to be read, or the jobs that wait to be written: a term has
// two of them, so that neither holds up the other. They are not safe for concurrent use.
type queues struct {
	perSecond float64   // of each origin; 0 is no limit
	order     queueHeap // by when they are due
	all       map[lane]*queue
	limits    map[string]*rate.Limiter // by origin
	swept     int                      // how many limits the last sweep left
	idle      int                      // groups without jobs
	changed   chan struct{}            // has an item when another job may be due first
}

// lane is what the jobs of one queue have in common.
type lane struct {
	read   bool // the jobs wait for a read; otherwise for a write, or only for the store
	store  bool // no limit applies
	origin string
	group  string // the jobs are read together unless it is empty
}

// queue is the jobs of one lane. A queue that has to wait for its limit reserves a turn, so
// that queues of one origin take turns.
type queue struct {
	lane
	limit *rate.Limiter // nil means no limit
	jobs  jobHeap
	turn  time.Duration // nothing is due before
	taken bool          // the turn is reserved
	busy  bool          // the group is being read: jobs that come due meanwhile wait for the next read
	took  time.Duration // how long the last read of the group took
	index int
}

func (q *queue) due() time.Duration { return max(q.jobs[0].due, q.turn) }

func (qs *queues) init(perSecond float64) {
	qs.perSecond = perSecond
	qs.all = make(map[lane]*queue)
	qs.limits = make(map[string]*rate.Limiter)
	qs.changed = make(chan struct{}, 1)
}

// add puts a job into the queue of its lane, to be taken when it is due.
func (qs *queues) add(j *job, at lane, now time.Time) {
	q := qs.all[at]
	switch {
	case q == nil:
		q = &queue{lane: at, limit: qs.limitOf(at, now), jobs: jobHeap{j}}
		qs.all[at] = q
		heap.Push(&qs.order, q)
	case q.busy:
		heap.Push(&q.jobs, j)
		return
	case len(q.jobs) == 0:
		qs.idle--
		heap.Push(&q.jobs, j)
		heap.Push(&qs.order, q)
	default:
		heap.Push(&q.jobs, j)
		heap.Fix(&qs.order, q.index)
	}
	if qs.order[0] == q {
		qs.wake()
	}
}

func (qs *queues) wake() {
	select {
	case qs.changed <- struct{}{}:
	default:
	}
}

// groupDone says that the read of a group is over, and how long it took.
func (qs *queues) groupDone(at lane, took time.Duration) {
	q := qs.all[at]
	q.busy, q.took = false, took
	if len(q.jobs) == 0 {
		if qs.idle++; qs.idle > maxIdle {
			qs.idle--
			delete(qs.all, at)
		}
		return
	}
	heap.Push(&qs.order, q)
	qs.wake()
}

func (qs *queues) limitOf(at lane, now time.Time) *rate.Limiter {
	if qs.perSecond == 0 || at.store {
		return nil
	}
	limit := qs.limits[at.origin]
	if limit == nil {
		qs.sweep(now)
		limit = rate.NewLimiter(rate.Limit(qs.perSecond), 1)
		qs.limits[at.origin] = limit
	}
	return limit
}

// limitsFrom is the number of limits below which there is no sweep.
const limitsFrom = 100

// sweep forgets the limits that no queue uses and that are full: a new one would be the
// same. It runs only when the number of limits has doubled, so that its cost is shared by
// as many origins.
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

// takeDue removes and returns the jobs to work on next: one, or several that are read
// together. If none is due, it returns when the next one is, on the term's clock; negative
// means never.
func (qs *queues) takeDue(began, now time.Time) (jobs []*job, at lane, next time.Duration) {
	clock := now.Sub(began)
	for len(qs.order) > 0 {
		q := qs.order[0]
		if next := q.due(); next > clock {
			return nil, at, next
		}
		if turn := q.gather(now); turn > clock {
			q.turn = turn
			heap.Fix(&qs.order, q.index)
			continue
		}
		if q.limit != nil && !q.taken {
			if delay := q.limit.ReserveN(now, 1).DelayFrom(now); delay > 0 {
				q.turn, q.taken = clock+min(delay, never), true
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
			delete(qs.all, q.lane)
		default:
			heap.Fix(&qs.order, q.index)
		}
		return jobs, q.lane, 0
	}
	return nil, at, -1
}

// gather returns when to read a group: when the last of the jobs is due that are due soon
// after the first one. Soon is the time of one read, or a tenth of the age of the first
// job if that is longer, at most maxGather. A read that begins later for this moves the
// end of its job by as much.
func (q *queue) gather(now time.Time) (turn time.Duration) {
	if q.group == "" || q.taken {
		return 0
	}
	first := q.jobs[0]
	age := time.Duration(now.UnixNano() - first.intent)
	limit := first.due + max(q.took, min(age/10, maxGather))
	// In the heap, what is due later lies below what is due earlier.
	seen := 0
	var look func(i int)
	look = func(i int) {
		if i >= len(q.jobs) || q.jobs[i].due > limit || seen == maxTogether {
			return
		}
		seen++
		turn = max(turn, q.jobs[i].due)
		look(2*i + 1)
		look(2*i + 2)
	}
	look(0)
	return turn
}

const (
	maxGather   = time.Second
	maxTogether = 1000 // jobs of one call of ReadMany
	maxIdle     = 1000 // groups without jobs that are kept, to know how long a read takes
)

// place puts a job back until it is due.
func (t *term) place(j *job, due time.Duration) {
	var at lane
	known := false
	t.guard(j, func() { at, known = t.laneOf(j), true })
	if !known {
		return // it was set aside
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	j.due = due
	if at.read {
		t.reads.add(j, at, now)
	} else {
		t.writes.add(j, at, now)
	}
}

// laneOf returns the lane in which a job waits.
func (t *term) laneOf(j *job) lane {
	o := &t.options
	if j.state == ended || j.state == aside {
		return lane{store: true}
	}
	at := lane{read: j.state == answered || j.state == lost && !j.has(resends)}
	at.store = !at.read && o.WritesPerSecond == 0
	if o.Origin == nil && (o.newList == nil || !at.read) || at.store {
		return at
	}
	payload := t.payload(j)
	if o.Origin != nil {
		at.origin = o.Origin(payload)
	}
	if o.newList == nil || !at.read {
		return at
	}
	group := "all"
	if o.Group != nil {
		group = o.Group(payload)
	}
	flow := t.options.flow(j.key(), payload)
	if t.fitHandle(j, flow); flow.together(j.handle) {
		at.group = group
	}
	return at
}

// dispatching has workers work on the jobs that are due, until the term ends.
func (t *term) dispatching(qs *queues) {
	workers := make(chan struct{}, t.options.Workers)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for t.freeWorker(workers) {
		jobs, at, ok := t.await(qs, timer)
		if !ok {
			return
		}
		t.tasks.Go(func() {
			var took time.Duration
			defer func() { // also if the program ends this goroutine
				if at.group != "" {
					t.mu.Lock()
					qs.groupDone(at, took)
					t.mu.Unlock()
				}
				<-workers
			}()
			if at.group != "" {
				t.visitMany(jobs, at.group, &took)
				return
			}
			for _, j := range jobs {
				t.guard(j, func() { t.step(j) })
			}
		})
	}
}

// busyFor is how long no worker may be free before that is told, again and again: the
// program's code may ignore its context, or the service hang.
const busyFor = time.Minute

// freeWorker waits for a free worker, and returns false if the term ends first.
func (t *term) freeWorker(workers chan<- struct{}) bool {
	select {
	case workers <- struct{}{}:
		return t.ctx.Err() == nil
	case <-t.ctx.Done():
		return false
	default:
	}
	busy := time.NewTicker(busyFor)
	defer busy.Stop()
	for {
		select {
		case workers <- struct{}{}:
			return true
		case <-t.ctx.Done():
			return false
		case <-busy.C:
			t.warn("all workers are busy for long: nothing else is begun", zap.Int("workers", cap(workers)),
				zap.Int64("writes", t.stats.writes.Load()), zap.Int64("reads", t.stats.reads.Load()))
		}
	}
}

// await waits for jobs that are due, and returns them with their lane; false if the term
// ends first.
func (t *term) await(qs *queues, timer *time.Timer) ([]*job, lane, bool) {
	for t.ctx.Err() == nil {
		now := time.Now()
		t.mu.Lock()
		jobs, at, next := qs.takeDue(t.began, now)
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
		case <-qs.changed:
		case <-t.ctx.Done():
		}
	}
	return nil, lane{}, false
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
