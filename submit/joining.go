package submit

import (
	"context"
	"encoding/json"
	"errors"
)

// call is one call of Submit, Enqueue or Draft.
type call[J, W, R any] struct {
	s      *Submitter[J, W, R]
	key    string
	data   []byte
	print  []byte
	intent int64  // of the intent, in nanoseconds
	trace  string // of the caller
	joined bool   // this call has seen the job pending
	known  bool   // the store has the job
	freed  uint64 // the revision of a record of this key that leaves the key free
	held   bool   // Enqueue found that this term holds the job already
}

// call checks the key and the job. The error is the one that Submit returns.
func (s *Submitter[J, W, R]) call(ctx context.Context, key string, job J) (*call[J, W, R], error) {
	if err := checkKey(key); err != nil {
		return nil, refusal(ctx, "", err)
	}
	data, err := encodeJob(job)
	if err != nil {
		return nil, refusal(ctx, "", err)
	}
	if ctx.Err() != nil {
		return nil, waiting(ctx, "", nil)
	}
	in := &call[J, W, R]{s: s, key: key, data: data, print: fingerprint(string(data)), intent: s.newIntent()}
	if tracer := s.options.Policy.Tracer; tracer != nil {
		in.trace = tracer.Handle(ctx)
	}
	return in, nil
}

// submit is Submit while there is a term. M is what an earlier join returned, or nil.
func (in *call[J, W, R]) submit(ctx context.Context, m *details) (Result[W], error) {
	if own, ok := ctx.Value(insideKey{}).(inside); ok && own.submitter == any(in.s) && own.key == in.key {
		return failed[W](waiting(ctx, in.name(), errItself))
	}
	for {
		t := in.s.leasedTerm(ctx)
		if t == nil {
			return in.unfinished(ctx)
		}
		if m == nil {
			var err error
			if m, err = in.join(ctx, t); err != nil {
				return failed[W](err)
			}
		}
		if m != nil {
			select {
			case <-m.over:
			case <-ctx.Done():
				return in.unfinished(ctx)
			}
			if m.end != nil {
				return localResult[W](m)
			}
			if err := in.refused(ctx, m); err != nil {
				return failed[W](err)
			}
			in.joined = in.joined || m.isStored
			m = nil
		}
		if rec, err := in.ask(ctx, t); err != nil {
			return failed[W](err)
		} else if rec != nil {
			return storedResult[W](rec)
		}
	}
}

// join returns what to wait for if the job is held here. If the store is not known to
// have it, join begins it. Nil means that the store must be asked.
func (in *call[J, W, R]) join(ctx context.Context, t *term[J, W, R]) (*details, error) {
	for {
		if m, err := in.find(ctx, t); m != nil || err != nil {
			return m, err
		}
		if in.known || ctx.Err() != nil {
			return nil, nil
		}
		j := in.newJob()
		if t.add(j) {
			in.known = true
			t.place(j, t.now())
			return j.details, nil
		}
		if t.ctx.Err() != nil {
			return nil, nil
		}
	}
}

func (in *call[J, W, R]) newJob() *job {
	j := newJob(in.key, in.data, in.intent)
	j.version, j.details, j.revision = uint16(in.s.options.JobVersion), newDetails(), in.freed
	j.handle = j.handle.WithTrace(in.trace)
	return j
}

// find returns what to wait for if the job is held here, and nil if not. If another job
// of this key is held here, find waits until the store has that job and returns the
// error; or nil if that job is dropped first, since then it may be the wrong one.
func (in *call[J, W, R]) find(ctx context.Context, t *term[J, W, R]) (*details, error) {
	for {
		j, m := t.find(in.key)
		if j == nil {
			return nil, nil
		}
		err := in.matches(ctx, []byte(j.data()), int(j.version))
		if err == nil {
			return m, nil
		}
		select {
		case <-m.stored:
			return nil, err
		case <-m.over:
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// ask asks the store for a job that is not held here. It returns the record if that has
// an outcome. Otherwise it waits for a change if another holder has the job, or takes the
// job over if nobody has it, and returns nil: the caller must look again.
func (in *call[J, W, R]) ask(ctx context.Context, t *term[J, W, R]) (*jobRecord, error) {
	r, err := in.s.options.Store.Get(ctx, KindJob, in.key)
	if errors.Is(err, ErrNotFound) && in.joined {
		return nil, waiting(ctx, in.name(), err) // it may have been sent: whoever deleted it knows
	}
	if errors.Is(err, ErrNotFound) {
		in.known = false
		return nil, nil
	}
	if err != nil {
		in.pause(ctx, t, err)
		return nil, nil
	}
	rec, err := decode(r.Value)
	if err != nil {
		return nil, waiting(ctx, in.name(), err)
	}
	in.known = true
	if rec.free() && !in.joined && !in.isOwn(&rec) {
		in.known, in.freed = false, r.Revision
		return nil, nil
	}
	if err := in.matchesRecord(ctx, &rec); err != nil {
		return nil, err
	}
	switch {
	case rec.State == aside && in.joined:
		return nil, waiting(ctx, in.name(), rec.Broken.err())
	case rec.State == aside || rec.unconfirmed() && !in.joined:
		return nil, in.revive(ctx, t, r, rec)
	case rec.State != ended:
		in.joined = true
		return nil, in.wait(ctx, t, r, rec)
	}
	return &rec, nil
}

// wait waits for a change of a job that another holder has, or takes the job over if that
// holder is gone.
func (in *call[J, W, R]) wait(ctx context.Context, t *term[J, W, R], r Record, rec jobRecord) error {
	dead := rec.Holder == t.id
	if !dead {
		var err error
		if dead, err = t.dead(ctx, rec.Holder); err != nil {
			in.pause(ctx, t, err)
			return nil
		}
	}
	if dead {
		if _, err := in.s.options.readStored(rec.payload()); err != nil {
			return waiting(ctx, in.name(), err)
		}
		in.adopt(ctx, t, r, rec)
		return nil
	}
	own, cancel := context.WithTimeout(ctx, in.s.options.Lease/3)
	defer cancel()
	changed, err := in.s.options.Store.Watch(own, KindJob, in.key, r.Revision)
	if own.Err() == nil && (err != nil || changed.Revision == r.Revision) { // or it says that it changed, and it has not
		in.pause(ctx, t, err)
	}
	return nil
}

// revive takes over a job that ended Unconfirmed, to read it back, or one that was set
// aside, to go on from the state that it had.
func (in *call[J, W, R]) revive(ctx context.Context, t *term[J, W, R], r Record, rec jobRecord) error {
	rec.revive()
	if data, _ := rec.payload(); len(data) == 0 {
		rec.setPayload(in.data, in.s.options.JobVersion)
	}
	if _, err := in.s.options.readStored(rec.payload()); err != nil {
		return waiting(ctx, in.name(), err)
	}
	got := in.adopt(ctx, t, r, rec)
	if got == tooLarge {
		return waiting(ctx, in.name(), ErrTooLarge)
	}
	in.joined = got == made
	return nil
}

// adopt is the term's adopt, as a task of the term.
func (in *call[J, W, R]) adopt(ctx context.Context, t *term[J, W, R], r Record, rec jobRecord) saveResult {
	done := make(chan saveResult, 1)
	if !t.spawn(func() {
		got := made // if the program ends this goroutine, when all is done
		defer func() { done <- got }()
		got = t.adopt(r, rec)
	}) {
		return unknown
	}
	select {
	case <-ctx.Done():
		return unknown
	case got := <-done:
		if got == unknown && ctx.Err() != nil { // the job may be this term's without being here
			t.wakeWatching()
		}
		if got == taken || got == unknown {
			in.pause(ctx, t, nil)
		}
		return got
	}
}

// pause waits a little before the store is asked again.
func (in *call[J, W, R]) pause(ctx context.Context, t *term[J, W, R], err error) {
	if ctx.Err() != nil {
		return
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		t.noteStoreResult(err)
	}
	sleep(ctx, t.pause()/10)
}

// name returns the name of the flow; empty if Options.Flow panics.
func (in *call[J, W, R]) name() string {
	name, _ := safely("Options.Flow", func() (string, error) {
		var payload J
		err := json.Unmarshal(in.data, &payload)
		return in.s.options.Flow(in.key, payload).Name, err
	})
	return name
}

// unfinished is the result of a call whose ctx has ended. It is never Failed, even
// if the store was never reached: the key may be that of a job that was sent
// before.
func (in *call[J, W, R]) unfinished(ctx context.Context) (Result[W], error) {
	why := in.s.storeError()
	if why == nil && ctx.Err() == nil {
		why = errLeft
	}
	return failed[W](waiting(ctx, in.name(), why))
}

// errItself is the cause where a Write submits its own job: that would wait for ever.
var errItself = errors.New("submit: the write of a job waits for that job")

// localResult is the result of a job that ended in this process: its error is whole, not
// only text.
func localResult[W any](m *details) (Result[W], error) {
	res, err := storedResult[W](m.end)
	if written, ok := m.written.(W); ok {
		res.Written = written
	}
	if m.err != nil {
		res.Err, err = m.err, m.err // with all its reasons
	}
	return res, err
}

func storedResult[W any](rec *jobRecord) (Result[W], error) {
	res, _ := resultOf[W](rec)
	return res, res.Err
}

// enqueue is Enqueue while there is a term. M is what an earlier queue returned.
func (in *call[J, W, R]) enqueue(ctx context.Context, m *details) error {
	for {
		t := in.s.leasedTerm(ctx)
		if t == nil {
			_, err := in.unfinished(ctx)
			return err
		}
		if m == nil {
			var err error
			if m, err = in.queue(ctx, t); err != nil {
				return err
			}
		}
		if m != nil {
			select {
			case <-m.stored:
				if !in.held {
					return nil
				}
				// The job that waits here may have been cancelled elsewhere: the store knows.
			case <-m.over: // it was dropped: the store knows why
				if err := in.refused(ctx, m); err != nil {
					return err
				}
			case <-ctx.Done():
				_, err := in.unfinished(ctx)
				return err
			}
			m = nil
		}
		if done, err := in.stored(ctx, t); done || err != nil {
			return err
		}
	}
}

// queue begins to record the intent if the job is not held here, and returns what to wait
// for.
func (in *call[J, W, R]) queue(ctx context.Context, t *term[J, W, R]) (*details, error) {
	m, err := in.find(ctx, t)
	if in.held = m != nil; in.held || err != nil {
		return m, err
	}
	j := in.newJob()
	if !t.add(j) {
		return nil, nil
	}
	if !t.spawn(func() { t.guard(j, func() { t.enqueue(j) }) }) {
		t.drop(j)
	}
	return j.details, nil
}

// enqueue records a job to be sent later.
func (t *term[J, W, R]) enqueue(j *job) {
	t.move(j, enqueues)
	for {
		got := t.save(j)
		switch {
		case got == made && t.running():
			t.place(j, t.now())
			return
		case got == made:
			t.leaveBehind(j)
			return
		case got == taken:
			t.drop(j)
			return
		case got == tooLarge:
			t.reject(j)
			return
		case !sleep(t.ctx, t.pause()):
			return
		}
	}
}

// leaveBehind forgets a job that stays in the store for another holder.
func (t *term[J, W, R]) leaveBehind(j *job) {
	t.mu.Lock()
	first := !t.behind
	t.behind = true
	t.mu.Unlock()
	t.drop(j)
	switch {
	case t.running(): // a Run began just now, and may have skipped the job while it was held
		t.wakeWatching()
	case first:
		t.spawn(t.handingOver)
	}
}

// handingOver ends a term that has left jobs behind, after a third of its lease: others
// take these jobs only when the term is over. Without it, a program that calls Enqueue
// again and again, and never Run, would keep jobs that it does not send. If Submit has
// jobs under way, handingOver waits for them, up to a lease, so that they need not be
// taken over.
func (t *term[J, W, R]) handingOver() {
	const looks = 30 // of a lease
	wait, busy := t.options.Lease/3, true
	for n := looks / 3; busy && n <= looks; n++ {
		if !sleep(t.ctx, wait) {
			return
		}
		t.mu.Lock()
		busy = t.jobs.len() > t.count[queued] // jobs of Submit are under way; those of Enqueue are queued
		t.mu.Unlock()
		wait = t.options.Lease / looks
	}
	t.Submitter.mu.Lock()
	defer t.Submitter.mu.Unlock()
	if t.runs == 0 { // whoever runs takes over from its own term as well
		t.end(errLeft, t.options.Lease/3)
	}
}

// isOwn reports whether a record is of the job that this call has made: it was recorded
// although the store did not say so, and has an outcome of its own.
func (in *call[J, W, R]) isOwn(rec *jobRecord) bool { return rec.Intent.UnixNano() == in.intent }

// stored reports whether the store has the job of Enqueue.
func (in *call[J, W, R]) stored(ctx context.Context, t *term[J, W, R]) (bool, error) {
	r, err := in.s.options.Store.Get(ctx, KindJob, in.key)
	if err != nil {
		in.pause(ctx, t, err)
		return false, nil
	}
	rec, err := decode(r.Value)
	if err != nil {
		return false, waiting(ctx, in.name(), err)
	}
	if rec.free() && !in.isOwn(&rec) {
		in.freed = r.Revision
		t.dropQueued(in.key, rec.Intent)
		if held, _ := t.holdsKey(in.key); held { // whoever works on it is about to find out
			in.pause(ctx, t, nil)
		}
		return false, nil
	}
	if err := in.matchesRecord(ctx, &rec); err != nil {
		return false, err
	}
	return true, nil
}
