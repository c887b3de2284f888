package submit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"
)

// term is the time in which a process holds jobs by one lease: from its first user to its
// last, or until the lease is lost. What the process knows of jobs in memory ends with the
// term; the next term asks the store.
type term struct {
	*engine
	id           string // the holder's name in records
	began        time.Time
	ctx          context.Context // of everything but writes
	stop         context.CancelCauseFunc
	writeCtx     context.Context // of writes
	cancelWrites context.CancelFunc
	storeCtx     context.Context // of calls of the store
	cancelStore  context.CancelFunc
	ready        chan struct{} // closed once there is a lease
	over         chan struct{} // closed when nothing of the term is under way
	kick         chan struct{} // wakes watching
	lease        lease
	tasks        sync.WaitGroup
	crew         *crew // of takeovers

	mu      sync.Mutex
	grace   time.Duration // for writes under way when the term ends
	closed  bool          // no new tasks may begin
	jobs    jobs
	told    map[*job]struct{} // whose end the program is being told of
	changes changes
	reads   queues
	writes  queues
	count   [states]int
	ages    ages
	deaf    map[string]struct{} // groups whose ReadMany was left behind
	behind  bool                // the store has a job of this term that is not in jobs
}

var (
	errLeft      = errors.New("submit: nobody needs the lease any more")
	errLeaseLost = errors.New("submit: the lease was lost")
)

// newTerm begins a term.
func (s *engine) newTerm() *term {
	var id [12]byte
	_, _ = rand.Read(id[:]) // it never fails
	t := &term{
		engine: s,
		id:     hex.EncodeToString(id[:]),
		began:  time.Now(),
		ready:  make(chan struct{}),
		over:   make(chan struct{}),
		kick:   make(chan struct{}, 1),
		jobs:   newJobs(),
		told:   make(map[*job]struct{}),
		deaf:   make(map[string]struct{}),
	}
	inside := context.WithValue(context.Background(), insideKey{}, inside{submitter: s})
	t.ctx, t.stop = context.WithCancelCause(inside)
	t.writeCtx, t.cancelWrites = context.WithCancel(inside)
	t.storeCtx, t.cancelStore = context.WithCancel(context.Background())
	t.changes = changes{store: s.options.Store, ctx: t.storeCtx, timeout: min(storeTimeout, s.options.Lease/3), took: s.stats.stored}
	t.changes.batches, _ = s.options.Store.(BatchStore)
	t.crew = t.newCrew()
	t.reads.init(s.options.ReadsPerSecond)
	t.writes.init(s.options.WritesPerSecond)
	go t.run()
	return t
}

// enter makes sure that there is a term until leave is called.
func (s *engine) enter(runs int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users++
	s.runs += runs
	if s.term == nil {
		s.term = s.newTerm()
	} else if runs > 0 {
		s.term.wakeWatching()
	}
}

// leave ends the term if the caller is its last user, and waits for the end.
func (s *engine) leave(runs int, grace time.Duration) {
	s.mu.Lock()
	s.users--
	s.runs -= runs
	t, last := s.term, s.users == 0
	if last {
		t.end(errLeft, grace) // before anyone else enters
	}
	s.mu.Unlock()
	if last {
		<-t.over
	}
}

// use makes sure that there is a term, until leave is called. A function of a flow that
// calls this Submitter with its own context keeps no term: it has one, which waits for
// it in the end.
func (s *engine) use(ctx context.Context) (leave func()) {
	if in, ok := ctx.Value(insideKey{}).(inside); ok && in.submitter == s {
		return func() {}
	}
	s.enter(0)
	return func() { s.leave(0, 0) }
}

// inside is in the contexts that the functions of a flow get: whose they are, and of a
// Write, of which job.
type inside struct {
	submitter *engine
	key       string
}

type insideKey struct{}

func (s *engine) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs > 0
}

// leasedTerm returns the current term once it has its lease; nil if ctx ends first, or if
// the term is over and only a function of its flows is left.
func (s *engine) leasedTerm(ctx context.Context) *term {
	for {
		s.mu.Lock()
		t := s.term
		s.mu.Unlock()
		if t == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.over: // there is another
			continue
		case <-t.ready:
		}
		select {
		case <-t.ctx.Done():
			select {
			case <-ctx.Done():
				return nil
			case <-t.over:
			}
		default:
			return t
		}
	}
}

func (t *term) run() {
	if t.acquire() {
		close(t.ready)
		t.spawn(t.renewing)
		t.spawn(t.watching)
		t.spawn(func() { t.dispatching(&t.reads) })
		t.spawn(func() { t.dispatching(&t.writes) })
	}
	<-t.ctx.Done()
	t.mu.Lock()
	t.closed = true
	grace := t.grace
	t.mu.Unlock()
	left := t.finishTasks(grace)
	t.cancelWrites()
	t.cancelStore()
	t.resign(t.letGo(left))

	t.engine.mu.Lock()
	t.term = nil
	if t.users > 0 {
		t.term = t.newTerm()
	}
	t.engine.mu.Unlock()
	close(t.over)
}

// leaveAfter is how long the end of a term waits, after all contexts have ended, for
// functions of the program that ignore their context.
const leaveAfter = time.Second

// finishTasks waits for all tasks: up to grace for writes, then up to resignTimeout for
// their answers to be recorded, then up to leaveAfter. It returns true if a task is still
// under way and must be left behind.
func (t *term) finishTasks(grace time.Duration) (left bool) {
	cut := time.AfterFunc(grace, t.cancelWrites)
	defer cut.Stop()
	hangUp := time.AfterFunc(grace+resignTimeout, t.cancelStore)
	defer hangUp.Stop()
	leave := time.NewTimer(grace + resignTimeout + leaveAfter)
	defer leave.Stop()
	over := make(chan struct{})
	go func() {
		t.tasks.Wait()
		close(over)
	}()
	select {
	case <-over:
		return false
	case <-leave.C:
		return true
	}
}

// end ends the term. Writes under way may go on for grace; the first call decides.
func (t *term) end(why error, grace time.Duration) {
	t.mu.Lock()
	if t.ctx.Err() == nil {
		t.grace = grace
	}
	t.mu.Unlock()
	t.stop(why)
}

// spawn runs f as a task of the term, and returns false if the term is over.
func (t *term) spawn(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.tasks.Go(f)
	return true
}

// letGo forgets all jobs, and reports whether there were any. Left says that a task ignores
// its context and is still under way.
func (t *term) letGo(left bool) (some bool) {
	some, n, deaf := t.letAllGo(left)
	// Outside the lock, since a logger may ask for the Progress.
	for _, key := range deaf {
		t.warn("a write ignores its context and is left behind", holderField(t.id), keyField(key))
	}
	if left {
		t.warn("a function of the program ignores its context", holderField(t.id))
	}
	if n > 0 {
		t.info("jobs are left behind", holderField(t.id), zap.Int("jobs", n))
	}
	return some
}

// letAllGo is letGo, but for what is told of it: how many jobs there were, and the keys
// of those whose write goes on.
func (t *term) letAllGo(left bool) (some bool, n int, deaf []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n = t.jobs.len()
	some = t.behind || n > 0
	for j := range t.jobs.all() {
		if left && j.state == sending {
			deaf = append(deaf, j.key())
		}
		if !left {
			j.course.Leave(j.handle)
		}
		if j.details != nil {
			j.details.end, j.details.err = nil, nil // an outcome that was not recorded is none
			j.details.close()
		}
	}
	for j := range t.told { // what is left of them ignores that it is over
		j.details.close()
	}
	t.jobs = newJobs()
	return some, n, deaf
}

// wakeWatching makes watching look at other holders, and at the jobs of those that are gone.
func (t *term) wakeWatching() {
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// now is the time on the term's clock, on which jobs are due.
func (t *term) now() time.Duration { return time.Since(t.began) }

// storing returns a context for one call of the store.
func (t *term) storing() (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.storeCtx, min(storeTimeout, t.options.Lease/3))
}

// storeTimeout bounds each call of the store.
const storeTimeout = 10 * time.Second
