package submit

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"github.com/readback-go/readback/consistency"
)

// cut says how much a record leaves out because the store has no room for all of it. It
// never leaves out that the write may have been sent, or an outcome.
type cut uint8

const (
	nothing cut = iota
	texts       // reasons, bodies and stacks, but for their beginning
	data        // also the payload of an ended job; or the reference of a job that is read back, which Find must find again
	most        // also the reference and the handle of an ended job, and all reasons but its cause
)

// maxCut is how many bytes of a text are left.
const maxCut = 80

// shorten leaves out of a record what cut says.
func (rec *jobRecord) shorten(cut cut) {
	if cut >= texts {
		rec.Tried = truncate(rec.Tried, maxCut)
		if b := rec.Broken; b != nil {
			rec.Broken = &breakage{At: b.At, Was: b.Was, Panic: truncate(b.Panic, maxCut)}
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

// shortened returns an outcome with only the beginnings of its texts.
func (e *ending) shortened() *ending {
	less := *e
	for _, text := range []*string{
		&less.Body, &less.Cause, &less.Write, &less.Last, &less.Seen, &less.Note, &less.Counted, &less.Hint,
	} {
		*text = truncate(*text, maxCut)
	}
	return &less
}

// noRoom returns what it means for a job that the store has no room for its record. If
// the job is not known to be recorded, the store is asked: it may have a job under this
// key that was sent.
func (t *term) noRoom(j *job, why error) saveResult {
	if t.isRecorded(j) {
		t.noteTrouble(j, why)
		return tooLarge
	}
	ctx, cancel := t.storing()
	defer cancel()
	found, err := t.options.Store.Get(ctx, KindJob, j.key())
	switch {
	case errors.Is(err, ErrNotFound), err == nil && found.Revision == j.revision: // its key is free
		t.noteTrouble(j, why)
		return tooLarge
	case err != nil:
		if t.storeCtx.Err() == nil {
			t.noteStoreResult(err)
		}
		return unknown
	}
	if rec, err := decode(found.Value); err != nil || !t.isOwnRecord(&rec, j) {
		return taken
	}
	j.revision = found.Revision
	t.recorded(j)
	t.noteTrouble(j, why)
	return tooLarge
}

// isRecorded reports whether the store is known to have a record of a job.
func (t *term) isRecorded(j *job) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return j.details == nil || j.details.isStored
}

// isOwnRecord reports whether this term made the record of the job, by an earlier change.
func (t *term) isOwnRecord(rec *jobRecord, j *job) bool {
	return rec.Holder == t.id && rec.Intent.UnixNano() == j.intent
}

// reject ends a job for whose record the store has no room. A job that was not recorded
// yet is dropped. A job that was not sent is Failed, by a record that needs no payload. A
// job that was set aside after it was sent is Unconfirmed.
func (t *term) reject(j *job) {
	m, recorded := j.details, t.isRecorded(j)
	why := m.trouble
	switch {
	case !recorded && j.has(unsure): // an earlier change may have recorded it all the same
		m.mayBeStored = true
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
	name, _ := safely("Options.Flow", func() (string, error) { return t.flow(j).name(), nil })
	t.conclude(j, result{outcome: outcome}, failure(context.Background(), outcome, name, forSize(why)), j.sent == 0)
}

// claimLarge goes on with a job whose record the store has, but has no room for a new
// record that names this holder. A job that was not sent ends. Any other is read back
// without being claimed: its record says that it may have been sent, and the holder that
// is first records the outcome.
func (t *term) claimLarge(j *job) (*job, saveResult) {
	if j.state == queued {
		t.reject(j)
		return nil, needless
	}
	t.warn("the store has no room for a job, which is read back all the same", keyField(j.key()), zap.Int("bytes", len(j.data())))
	j.flags |= stuck
	return j, made
}

// refused returns the error of a call whose job was not recorded because it is too large;
// nil if the job was dropped for another reason.
func (in *call) refused(ctx context.Context, m *details) error {
	switch {
	case m.isStored || !errors.Is(m.trouble, ErrTooLarge):
		return nil
	case m.mayBeStored:
		return waiting(ctx, in.name(), forSize(m.trouble))
	}
	return refusal(ctx, in.name(), forSize(m.trouble))
}

// forSize returns err with a text that begins with the text of ErrTooLarge: errorOf
// recognises the cause by it when it reads the record.
func forSize(err error) error {
	if strings.HasPrefix(err.Error(), ErrTooLarge.Error()) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrTooLarge, err)
}
