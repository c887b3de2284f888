package submit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/pause"
	"github.com/readback-go/readback/poll"
)

// Cancel ends a job that was not sent, as Failed with [ErrCancelled], and frees its key.
// Such a job is queued (also between two tries), or was set aside before it was sent;
// for any other, Cancel returns [ErrWrongState]. If Cancel returns nil, nothing is
// sent: the holder of a job records that it sends before it does.
//
// Shown is the revision at which the caller saw the job; if the job has changed since,
// the error matches [ErrConflict]. Without it, any revision will do. After an error
// that matches none of ErrWrongState, ErrConflict and [ErrNotFound], the change may
// have been made or not. Shown and errors mean the same in Retry and Forget.
func (s *engine) Cancel(ctx context.Context, key string, shown ...uint64) error {
	var end jobRecord
	err := s.alter(ctx, key, shown, func(r *Record, rec *jobRecord) error {
		unsent := rec.State == queued || rec.Broken != nil && rec.Broken.Was == queued
		if !unsent {
			return ErrWrongState
		}
		why := &consistency.Error{Outcome: consistency.Failed, Cause: ErrCancelled, History: new(poll.History)}
		rec.State, rec.Broken, rec.Holder = rec.State.after(concludes), nil, ""
		rec.End = endingOf(consistency.Failed, nil, why)
		rec.End.Free = true
		end = *rec
		return nil
	})
	if err != nil {
		return err
	}
	defer func() { // also if the program ends this goroutine
		s.mu.Lock()
		t := s.term
		s.mu.Unlock()
		if t != nil {
			t.dropQueued(key, end.Intent) // or this process would find out only when the job is due
		}
	}()
	s.stats.ended(consistency.Failed, -1, reasonOf(end.End.err()), end.Intent.UnixNano())
	data, version := end.payload()
	s.callEnded(key, data, version, &details{end: &end})
	return nil
}

// dropQueued forgets a cancelled job that waits to be sent. The intent must match:
// another job may have been submitted with the key meanwhile.
func (t *term) dropQueued(key string, intent time.Time) {
	t.mu.Lock()
	j := t.jobs.find(key)
	waits := j != nil && j.state == queued && j.intent == intent.UnixNano()
	t.mu.Unlock()
	if waits {
		t.drop(j)
	}
}

// Forget removes the payload, the reference, the handle and the reasons of an ended job
// from its record. The key, the outcome and a fingerprint of the payload are kept as
// long as any outcome, so that the key is not taken for a new job. Forget returns
// [ErrWrongState] if the job has not ended.
func (s *engine) Forget(ctx context.Context, key string, shown ...uint64) error {
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

// alter changes a record by how, and leaves it ended. Without a shown revision, it tries
// again after a conflict.
func (s *engine) alter(ctx context.Context, key string, shown []uint64, how func(*Record, *jobRecord) error) error {
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

// shown returns the record of a job, or ErrConflict if it is not the one that the caller
// saw.
func (s *engine) shown(ctx context.Context, key string, shown []uint64) (r Record, rec jobRecord, err error) {
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

// Retry lets a job go on that was set aside, from the state that it had, and reads a job
// back once more that ended Unconfirmed. It returns nil once that is recorded: then a
// Run goes on with the job, here or elsewhere. Retry does not allow a second write: what
// had ended is not sent again, and what was set aside while it may have been sent is looked
// for, and sent again only where [Resubmit] allows it. For a pending job there is nothing to
// do, and Retry returns nil; for one that ended Confirmed or Failed, or was forgotten, it
// returns [ErrWrongState].
func (s *engine) Retry(ctx context.Context, key string, shown ...uint64) error {
	defer s.use(ctx)()
	var trouble error   // what the store said of this job last, if it was an error
	for mine := ""; ; { // the holder by whom a change may have been made
		r, rec, err := s.shown(ctx, key, shown)
		if mine != "" && errors.Is(err, ErrConflict) {
			if _, now, err := s.shown(ctx, key, nil); err == nil && now.Holder == mine {
				return nil
			}
		}
		switch {
		case err != nil:
			return err
		case rec.State != aside && rec.State != ended:
			return nil
		case rec.State == ended && (!rec.unconfirmed() || rec.End.Forgotten):
			return ErrWrongState
		}
		if _, err := s.options.readStored(rec.payload()); err != nil {
			return err
		}
		t := s.leasedTerm(ctx)
		if t == nil {
			return interrupted(ctx, cmp.Or(trouble, s.storeError(), errLeft))
		}
		rec.revive()
		done := make(chan claimResult, 1)
		if t.spawn(func() {
			j, got, why := t.claim(r, rec)
			defer func() { done <- claimResult{got, why} }() // also if the program ends this goroutine
			if got == made && t.running() {
				t.place(j, t.now())
			} else if got == made {
				t.leaveBehind(j)
			}
		}) {
			select {
			case end := <-done:
				trouble = end.why
				switch end.got {
				case made:
					return nil
				case tooLarge:
					return ErrTooLarge
				case unknown: // the job may be this term's without being here
					mine = t.id
					t.wakeWatching()
				}
			case <-ctx.Done():
			}
		}
		if !pause.For(ctx, t.pause()/10) {
			return interrupted(ctx, trouble)
		}
	}
}

// interrupted is the error of an action whose ctx has ended, or that nobody can take.
func interrupted(ctx context.Context, trouble error) error {
	switch {
	case ctx.Err() == nil:
		return trouble
	case trouble == nil:
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), trouble)
}
