package submit

import (
	"context"
	"errors"
)

// ask asks the store for a job that is not held here. It returns the record if that has
// an outcome. Otherwise it waits for a change if another holder has the job, or takes the
// job over if nobody has it, and returns nil: the caller must look again.
func (in *call) ask(ctx context.Context, t *term) (*jobRecord, error) {
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
	in.trouble = nil
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
func (in *call) wait(ctx context.Context, t *term, r Record, rec jobRecord) error {
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
func (in *call) revive(ctx context.Context, t *term, r Record, rec jobRecord) error {
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
func (in *call) adopt(ctx context.Context, t *term, r Record, rec jobRecord) saveResult {
	done := make(chan claimResult, 1)
	if !t.spawn(func() {
		end := claimResult{got: made} // if the program ends this goroutine, when all is done
		defer func() { done <- end }()
		end.got, end.why = t.adopt(r, rec)
	}) {
		return unknown
	}
	select {
	case <-ctx.Done():
		return unknown
	case end := <-done:
		got := end.got
		if end.why != nil {
			in.trouble = end.why
		}
		if got == unknown && ctx.Err() != nil { // the job may be this term's without being here
			t.wakeWatching()
		}
		if got == taken || got == unknown {
			in.pause(ctx, t, nil)
		}
		return got
	}
}
