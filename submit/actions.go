package submit

import (
	"context"
	"errors"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// Cancel ends a job that was not sent: queued, also between two tries, or set aside
// before it was sent. It is Failed with [ErrCancelled], and its key is free. The
// holder records that it sends before it does: either Cancel is first, and nothing
// is sent, or it returns [ErrWrongState].
//
// Shown is the revision at which the caller saw the job; if it has another by now,
// the error matches [ErrConflict]. Without it any will do. An error that matches
// neither, nor [ErrNotFound], says nothing. So it is for Retry and Forget.
func (s *Submitter[J, W, R]) Cancel(ctx context.Context, key string, shown ...uint64) error {
	var intent time.Time
	err := s.alter(ctx, key, shown, func(r *Record, rec *jobRecord) error {
		intent = rec.Intent
		unsent := rec.State == queued || rec.Broken != nil && rec.Broken.Was == queued
		if !unsent {
			return ErrWrongState
		}
		why := &consistency.Error{Outcome: consistency.Failed, Cause: ErrCancelled, History: new(poll.History)}
		rec.State, rec.Broken, rec.Holder = rec.State.after(concludes), nil, ""
		rec.End = endingOf(consistency.Failed, nil, why)
		rec.End.Free = true
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	t := s.term
	s.mu.Unlock()
	if t != nil {
		t.dropQueued(key, intent) // its holder would find out only when it is due
	}
	return nil
}

// dropQueued forgets a job that waits to be sent and was cancelled: the one of that
// intent, for another one may have been submitted with the key meanwhile.
func (t *term[J, W, R]) dropQueued(key string, intent time.Time) {
	t.mu.Lock()
	j := t.jobs.find(key)
	waits := j != nil && j.state == queued && j.intent == intent.UnixNano()
	t.mu.Unlock()
	if waits {
		t.drop(j)
	}
}

// Forget drops what the store knows of a job that has ended, but for its key, its
// outcome and a fingerprint of its payload: they are kept as long as any outcome, so
// that the key is not taken for a new job. It returns [ErrWrongState] if the job has
// not ended.
func (s *Submitter[J, W, R]) Forget(ctx context.Context, key string, shown ...uint64) error {
	return s.alter(ctx, key, shown, func(r *Record, rec *jobRecord) error {
		if rec.State != ended {
			return ErrWrongState
		}
		rec.setPayload(nil, 0)
		rec.Pending, rec.Tried, rec.unknown = nil, "", nil
		rec.End = &ending{Outcome: rec.End.Outcome, At: rec.End.At, Flow: rec.End.Flow, Free: rec.End.Free, Forgotten: true}
		return nil
	})
}

// alter makes a change of a job that ends it, or that has ended.
func (s *Submitter[J, W, R]) alter(ctx context.Context, key string, shown []uint64, how func(*Record, *jobRecord) error) error {
	for {
		r, rec, err := s.shown(ctx, key, shown)
		if err != nil {
			return err
		}
		if err := how(&r, &rec); err != nil {
			return err
		}
		r.Done, r.Keep, r.Label = true, s.options.keepFor(rec.End.outcome()), rec.End.outcome().String()
		for cut := nothing; cut <= most; cut++ {
			rec.shorten(cut)
			r.Value = encode(&rec)
			if _, err = s.options.Store.Update(ctx, r); !errors.Is(err, ErrTooLarge) {
				break
			}
		}
		if !errors.Is(err, ErrConflict) || len(shown) > 0 {
			return err
		}
	}
}

// shown returns a record, if it is as the caller saw it.
func (s *Submitter[J, W, R]) shown(ctx context.Context, key string, shown []uint64) (r Record, rec jobRecord, err error) {
	if err := checkKey(key); err != nil {
		return r, rec, err
	}
	if r, err = s.options.Store.Get(ctx, KindJob, key); err != nil {
		return r, rec, err
	}
	if len(shown) > 0 && r.Revision != shown[0] {
		return r, rec, ErrConflict
	}
	rec, err = decode(r.Value)
	return r, rec, err
}

// Retry goes on with a job that was set aside, where it was, and reads one that ended
// Unconfirmed once more. It returns once that is recorded: then a Run goes on with it,
// here or elsewhere. It is no consent: what may have been sent is looked for, and sent
// again only where [Resubmit] allows it. There is nothing to do for a job that is
// pending; for one that ended otherwise, or was forgotten, it returns [ErrWrongState].
func (s *Submitter[J, W, R]) Retry(ctx context.Context, key string, shown ...uint64) error {
	s.enter(0)
	defer s.leave(0, 0)
	for {
		r, rec, err := s.shown(ctx, key, shown)
		switch {
		case err != nil:
			return err
		case rec.State != aside && rec.State != ended:
			return nil
		case rec.State == ended && (!rec.unconfirmed() || rec.End.Forgotten):
			return ErrWrongState
		}
		if _, err := s.options.read(rec.payload()); err != nil {
			return err
		}
		t := s.held(ctx)
		if t == nil {
			return context.Cause(ctx)
		}
		rec.revive()
		done := make(chan fate, 1)
		if t.spawn(func() {
			j, got := t.claim(r, rec)
			defer func() { done <- got }() // also if the program ends this goroutine
			if got == made && t.running() {
				t.place(j, t.now())
			} else if got == made {
				t.leaveBehind(j)
			}
		}) {
			select {
			case got := <-done:
				switch got {
				case made:
					return nil
				case tooLarge:
					return ErrTooLarge
				}
			case <-ctx.Done():
			}
		}
		if !sleep(ctx, t.pause()/10) {
			return context.Cause(ctx)
		}
	}
}
