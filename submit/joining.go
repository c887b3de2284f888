package submit

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/readback-go/readback/consistency"
)

// submit is Submit while there is a term.
func (s *Submitter[J, W, R]) submit(ctx context.Context, key string, data, print []byte) (Result[W], error) {
	in := intent[J, W, R]{s: s, key: key, data: data, print: print, at: time.Now()}
	for {
		t := s.held(ctx)
		if t == nil {
			return in.unfinished(ctx)
		}
		m, err := in.join(ctx, t)
		if err != nil {
			return failed[W](err)
		}
		if m != nil {
			select {
			case <-m.over:
			case <-ctx.Done():
				return in.unfinished(ctx)
			}
			if m.end != nil {
				return in.result(m)
			}
			in.joined = in.joined || m.known
		}
		if rec, err := in.ask(ctx, t); err != nil {
			return failed[W](err)
		} else if rec != nil {
			return in.told(rec)
		}
	}
}

// intent is one call of Submit or Enqueue.
type intent[J, W, R any] struct {
	s      *Submitter[J, W, R]
	key    string
	data   []byte
	print  []byte
	at     time.Time
	joined bool // the job was seen pending
	known  bool // the store has the job
}

// join returns what to wait for of the job if it is held here, and begins it if
// the store is not known to have it.
func (in *intent[J, W, R]) join(ctx context.Context, t *term[J, W, R]) (*more, error) {
	for {
		if j, m := t.find(in.key); j != nil {
			if in.same(j) {
				return m, nil
			}
			if err := in.reused(ctx, m); err != nil || ctx.Err() != nil {
				return nil, err
			}
			continue
		}
		if in.known {
			return nil, nil
		}
		j := newJob(in.key, in.data, in.at.UnixNano())
		j.more = newMore()
		if t.add(j) {
			in.known = true
			if !t.spawn(func() { t.send(j) }) {
				t.drop(j)
			}
			return j.more, nil
		}
		if t.ctx.Err() != nil {
			return nil, nil
		}
	}
}

// reused returns ErrKeyReused once the store has another job with the key that
// is held here, and nothing if it is dropped before: it may be that one whose
// key is another's.
func (in *intent[J, W, R]) reused(ctx context.Context, m *more) error {
	select {
	case <-m.stored:
		return refusal(ctx, in.name(), ErrKeyReused)
	case <-m.over:
	case <-ctx.Done():
	}
	return nil
}

func (in *intent[J, W, R]) same(j *job) bool {
	return j.data() == string(in.data)
}

// ask asks the store for a job that is not held here. It returns the record if
// that has an outcome; it waits for one if the job is held elsewhere, and takes
// over what is held by nobody. If it returns nothing, the caller is to look
// again.
func (in *intent[J, W, R]) ask(ctx context.Context, t *term[J, W, R]) (*jobRecord, error) {
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
		return nil, refusal(ctx, in.name(), err)
	}
	in.known = true
	switch {
	case !rec.fits(in.print):
		return nil, refusal(ctx, in.name(), ErrKeyReused)
	case rec.State != ended:
		in.joined = true
		return nil, in.wait(ctx, t, r, rec)
	case rec.End.outcome() == consistency.Unconfirmed && !in.joined:
		in.revive(ctx, t, r, rec)
		return nil, nil
	}
	return &rec, nil
}

// wait waits for a change of a job that another holds, or takes it over.
func (in *intent[J, W, R]) wait(ctx context.Context, t *term[J, W, R], r Record, rec jobRecord) error {
	dead := rec.Holder == t.id
	if !dead {
		var err error
		if dead, err = t.dead(ctx, rec.Holder); err != nil {
			in.pause(ctx, t, err)
			return nil
		}
	}
	if dead {
		in.adopt(ctx, t, r, rec)
		return nil
	}
	own, cancel := context.WithTimeout(ctx, in.s.options.Lease/3)
	defer cancel()
	if _, err := in.s.options.Store.Watch(own, KindJob, in.key, r.Revision); err != nil && own.Err() == nil {
		in.pause(ctx, t, err)
	}
	return nil
}

// revive makes a job that ended unconfirmed one that is read back.
func (in *intent[J, W, R]) revive(ctx context.Context, t *term[J, W, R], r Record, rec jobRecord) {
	rec.State, rec.End, rec.Job = answered, nil, in.data
	if rec.Pending == nil || rec.Pending.IsZero() {
		rec.State = sending // it never had an answer that tells anything
	}
	in.joined = in.adopt(ctx, t, r, rec)
}

// adopt reports whether the job is this term's now.
func (in *intent[J, W, R]) adopt(ctx context.Context, t *term[J, W, R], r Record, rec jobRecord) bool {
	done := make(chan fate, 1)
	if !t.spawn(func() { done <- t.adopt(r, rec) }) {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case got := <-done:
		if got != kept {
			in.pause(ctx, t, nil)
		}
		return got == kept
	}
}

// pause waits a little before the store is asked again.
func (in *intent[J, W, R]) pause(ctx context.Context, t *term[J, W, R], err error) {
	if ctx.Err() != nil {
		return
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		t.noted(err)
	}
	sleep(ctx, t.pause()/10)
}

func (in *intent[J, W, R]) name() string {
	var payload J
	_ = json.Unmarshal(in.data, &payload)
	return in.s.options.Flow(in.key, payload).Name
}

// unfinished is the result of a call whose ctx has ended. It is never Failed, even
// if the store was never reached: the key may be that of a job that was sent
// before.
func (in *intent[J, W, R]) unfinished(ctx context.Context) (Result[W], error) {
	return failed[W](waiting(ctx, in.name(), in.s.troubled()))
}

// result is that of a job that ended here.
func (in *intent[J, W, R]) result(m *more) (Result[W], error) {
	res, err := in.told(m.end)
	if m.err != nil {
		res.Err, err = m.err, m.err // with all its reasons
	}
	return res, err
}

func (in *intent[J, W, R]) told(rec *jobRecord) (Result[W], error) {
	res, err := resultOf[W](rec)
	if err != nil {
		return res, err
	}
	return res, res.Err
}

// enqueue is Enqueue while there is a term.
func (s *Submitter[J, W, R]) enqueue(ctx context.Context, key string, data, print []byte) error {
	in := intent[J, W, R]{s: s, key: key, data: data, print: print, at: time.Now()}
	for {
		t := s.held(ctx)
		if t == nil {
			_, err := in.unfinished(ctx)
			return err
		}
		m, err := in.queue(ctx, t)
		if err != nil {
			return err
		}
		if m != nil {
			select {
			case <-m.stored:
				return nil
			case <-m.over: // it was dropped: let the store say why
			case <-ctx.Done():
				_, err := in.unfinished(ctx)
				return err
			}
		}
		if done, err := in.stored(ctx, t); done || err != nil {
			return err
		}
	}
}

// queue returns what to wait for until the intent is recorded.
func (in *intent[J, W, R]) queue(ctx context.Context, t *term[J, W, R]) (*more, error) {
	if j, m := t.find(in.key); j != nil {
		if in.same(j) {
			return m, nil
		}
		return nil, in.reused(ctx, m)
	}
	j := newJob(in.key, in.data, in.at.UnixNano())
	j.more = newMore()
	if !t.add(j) {
		return nil, nil
	}
	if !t.spawn(func() { t.enqueue(j) }) {
		t.drop(j)
	}
	return j.more, nil
}

// enqueue records a job to be sent later.
func (t *term[J, W, R]) enqueue(j *job) {
	t.set(j, queued)
	for {
		got := t.save(j)
		switch {
		case got == kept && t.running():
			t.place(j, t.now())
			return
		case got == kept:
			t.leaveBehind(j)
			return
		case got == taken:
			t.drop(j)
			return
		case !sleep(t.ctx, t.pause()):
			return
		}
	}
}

// leaveBehind forgets a job that somebody else is to go on with.
func (t *term[J, W, R]) leaveBehind(j *job) {
	t.mu.Lock()
	t.behind = true
	t.mu.Unlock()
	t.drop(j)
	if t.running() { // since a moment, and may have looked while the job was held
		t.look()
	}
}

// stored reports whether the store has the job of Enqueue.
func (in *intent[J, W, R]) stored(ctx context.Context, t *term[J, W, R]) (bool, error) {
	r, err := in.s.options.Store.Get(ctx, KindJob, in.key)
	if err != nil {
		in.pause(ctx, t, err)
		return false, nil
	}
	rec, err := decode(r.Value)
	switch {
	case err != nil:
		return false, refusal(ctx, in.name(), err)
	case !rec.fits(in.print):
		return false, refusal(ctx, in.name(), ErrKeyReused)
	}
	return true, nil
}
