package submit

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"github.com/readback-go/readback/consistency"
)

// cut is how much a record leaves out, since the store has no room for all. That the
// write may have been sent is never left out, nor is an outcome.
type cut uint8

const (
	nothing cut = iota
	texts       // reasons, bodies and stacks, but for their beginning
	data        // the payload of an outcome; of what is read back the reference, to be found again
	most        // the reference and the handle of an outcome, and all reasons but its cause
)

// maxCut is how much of a text is left.
const maxCut = 80

// shorten leaves out of a record what is cut.
func (rec *jobRecord) shorten(cut cut) {
	if cut >= texts {
		rec.Tried = short(rec.Tried, maxCut)
		if b := rec.Broken; b != nil {
			rec.Broken = &breakage{At: b.At, Was: b.Was, Panic: short(b.Panic, maxCut)}
		}
		if rec.End != nil {
			rec.End = rec.End.shortened()
		}
	}
	if cut >= data && rec.End != nil {
		rec.setPayload(nil, 0)
	}
	if cut >= data && rec.End == nil && rec.Pending != nil {
		rec.Pending = withoutReference(rec.Pending)
	}
	if cut >= most && rec.End != nil {
		e := rec.End
		rec.Pending, rec.Trace, rec.Tried = nil, "", ""
		rec.End = &ending{Outcome: e.Outcome, At: e.At, Status: e.Status, Cause: e.Cause, Free: e.Free, Forgotten: e.Forgotten, unknown: e.unknown}
	}
}

// shortened returns an outcome with the beginnings of its texts.
func (e *ending) shortened() *ending {
	less := *e
	for _, text := range []*string{
		&less.Body, &less.Cause, &less.Write, &less.Last, &less.Seen, &less.Note, &less.Counted, &less.Hint,
	} {
		*text = short(*text, maxCut)
	}
	return &less
}

// noRoom returns what it means for a job that the store takes no record of it. Of one
// that is not recorded, as far as is known, it tells nothing of what the store has under
// its key: that may be a job that was sent.
func (t *term[J, W, R]) noRoom(j *job, why error) fate {
	if t.isRecorded(j) {
		t.rejected(j, why)
		return tooLarge
	}
	ctx, cancel := t.storing()
	defer cancel()
	found, err := t.options.Store.Get(ctx, KindJob, j.key())
	switch {
	case errors.Is(err, ErrNotFound), err == nil && found.Revision == j.revision: // its key is free
		t.rejected(j, why)
		return tooLarge
	case err != nil:
		if t.storeCtx.Err() == nil {
			t.noted(err)
		}
		return unknown
	}
	if rec, err := decode(found.Value); err != nil || !t.recordOf(&rec, j) {
		return taken
	}
	j.revision = found.Revision
	t.recorded(j)
	t.rejected(j, why)
	return tooLarge
}

// isRecorded reports whether the store is known to have a record of a job.
func (t *term[J, W, R]) isRecorded(j *job) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return j.more == nil || j.more.known
}

// rejected notes why the store takes no record of a job.
func (t *term[J, W, R]) rejected(j *job, why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j.wait().large = why
}

// recordOf reports whether a record is of an earlier change that this term made of a job.
func (t *term[J, W, R]) recordOf(rec *jobRecord, j *job) bool {
	return rec.Holder == t.id && rec.Intent.UnixNano() == j.intent
}

// reject ends a job of which the store takes no record as it stands. One that was not
// recorded yet was never there. What was not sent is Failed, in a record that needs no
// payload; of what was set aside after that, nobody knows.
func (t *term[J, W, R]) reject(j *job) {
	m, recorded := j.more, t.isRecorded(j)
	why := m.large
	switch {
	case !recorded && j.has(unsure): // an earlier change may have recorded it all the same
		m.unsure = true
		t.leaveBehind(j)
		return
	case !recorded:
		t.drop(j)
		return
	}
	outcome := consistency.Failed
	if b := m.broken; j.state == aside && b.Was != queued {
		outcome, why = consistency.Unconfirmed, errors.Join(why, b.err())
	}
	name, _ := safely("Options.Flow", func() (string, error) { return t.flow(j).Name, nil })
	t.conclude(j, consistency.Result[W, R]{Outcome: outcome}, failure(context.Background(), outcome, name, forSize(why)), j.sent == 0)
}

// claimLarge goes on with a job that the store has, and which has no room for a record
// that says whose it is now. What was not sent ends. Any other is read back: its record
// says that it may have been sent, and whoever is first records the outcome.
func (t *term[J, W, R]) claimLarge(j *job) (*job, fate) {
	if j.state == queued {
		t.reject(j)
		return nil, needless
	}
	t.warn("the store has no room for a job, which is read back all the same", keyField(j.key()), zap.Int("bytes", len(j.data())))
	j.flags |= stuck
	return j, made
}

// refused returns the error of a call whose job was not recorded for its size; nil if
// that is not why it is no longer held.
func (in *call[J, W, R]) refused(ctx context.Context, m *more) error {
	switch {
	case m.large == nil || m.known:
		return nil
	case m.unsure:
		return waiting(ctx, in.name(), forSize(m.large))
	}
	return refusal(ctx, in.name(), forSize(m.large))
}

// forSize returns err as one whose text begins with that of ErrTooLarge: by it the
// cause is known again in a record.
func forSize(err error) error {
	if strings.HasPrefix(err.Error(), ErrTooLarge.Error()) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrTooLarge, err)
}
