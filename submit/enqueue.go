package submit

import (
	"context"

	"github.com/readback-go/readback/internal/pause"
)

// enqueue is Enqueue while there is a term. M is what an earlier queue returned.
func (in *call) enqueue(ctx context.Context, m *details) error {
	for {
		t := in.s.leasedTerm(ctx)
		if t == nil {
			return in.unfinished(ctx)
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
				in.before = true
			case <-m.over: // it was dropped: the store knows why
				if err := in.refused(ctx, m); err != nil {
					return err
				}
				in.before = in.before || m.isStored || t.troubleOf(m) != nil
			case <-ctx.Done():
				in.trouble = t.troubleOf(m)
				return in.unfinished(ctx)
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
func (in *call) queue(ctx context.Context, t *term) (*details, error) {
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
func (t *term) enqueue(j *job) {
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
		case !pause.For(t.ctx, t.pause()):
			return
		}
	}
}

// stored reports whether the store has the job of Enqueue.
func (in *call) stored(ctx context.Context, t *term) (bool, error) {
	r, err := in.s.options.Store.Get(ctx, KindJob, in.key)
	if err != nil {
		in.pause(ctx, t, err)
		return false, nil
	}
	in.trouble = nil
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
