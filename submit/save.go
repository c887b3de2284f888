package submit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"github.com/readback-go/readback/consistency"
)

// saveResult says what became of a change of a job's record.
type saveResult uint8

const (
	made     saveResult = iota // it was made
	taken                      // it was refused: another holder has the job
	unknown                    // the store did not say whether it was made
	needless                   // there is nothing to change
	tooLarge                   // the store has no room for the record
)

// record returns the record of a job in its state, without what cut leaves out.
func (t *term) record(j *job, cut cut) Record {
	rec := jobRecord{
		State: j.state, Holder: t.id, Intent: time.Unix(0, j.intent).UTC(), Tries: int(j.tries),
		Print: fingerprint(j.data()),
	}
	if j.sent != 0 {
		rec.Sent = time.Unix(0, j.sentAt()).UTC()
	}
	t.mu.Lock()
	if m := j.details; m != nil {
		rec.Tried, rec.unknown = m.tried, m.unknown
		switch j.state {
		case aside:
			rec.Broken = m.broken
		case ended:
			rec.End = m.end.End
		}
	}
	t.mu.Unlock()
	r := Record{Kind: KindJob, Key: j.key(), Revision: j.revision, Label: j.state.String()}
	if !j.handle.IsZero() {
		rec.Pending = storable(&j.handle)
	} else {
		rec.Trace = j.handle.Trace()
	}
	if rec.End == nil || t.options.keeps(rec.End.outcome(), len(j.data())) {
		rec.setPayload([]byte(j.data()), int(j.version))
	}
	if rec.End != nil {
		end := *rec.End
		if len(end.Written) > maxRef {
			end.Written = nil
		}
		rec.End = &end
		r.Done, r.Keep, r.Label = true, t.options.keepFor(end.outcome()), end.outcome().String()
	}
	rec.shorten(cut)
	r.Value = encode(&rec)
	return r
}

// storable returns a handle as it is stored: without its reference if that is too long. Find
// must then find it again.
func storable(h *consistency.Pending) *consistency.Pending {
	data, err := json.Marshal(h)
	if err != nil || len(data) <= maxRef {
		return h
	}
	return withoutReference(h)
}

// withoutReference returns a handle without its reference, which Find must find again; nil
// if there can be no such handle.
func withoutReference(h *consistency.Pending) *consistency.Pending {
	data, err := json.Marshal(h)
	var all map[string]json.RawMessage
	if err != nil || json.Unmarshal(data, &all) != nil {
		return nil
	}
	delete(all, "written")
	var without consistency.Pending
	if data, err = json.Marshal(all); err != nil || json.Unmarshal(data, &without) != nil {
		return nil
	}
	return &without
}

// save records a job of this term in its state, by compare-and-set.
func (t *term) save(j *job) saveResult { return t.change(j, false) }

// change records a job in its state, in less detail if the store has no room for all. Claim
// says that the job is not this term's yet.
func (t *term) change(j *job, claim bool) saveResult {
	var last []byte
	for cut := nothing; cut <= most; cut++ {
		r := t.record(j, cut)
		if cut > nothing && len(r.Value) >= len(last) {
			continue
		}
		if got := t.put(j, r, claim); got != tooLarge {
			return got
		}
		last = r.Value
	}
	return tooLarge
}

// put stores r as the record of a job.
func (t *term) put(j *job, r Record, claim bool) saveResult {
	for range 3 {
		if t.storeCtx.Err() != nil { // the term is over, and has left this step behind
			return unknown
		}
		var err error
		ctx, cancel := t.storing()
		r.Revision, err = t.changes.change(ctx, r)
		again := false
		if errors.Is(err, ErrExists) || errors.Is(err, ErrConflict) {
			again, err = t.compare(ctx, j, &r, claim)
		}
		cancel()
		switch {
		case again:
		case err == nil:
			t.noteStoreResult(nil)
			j.revision = r.Revision
			t.recorded(j)
			return made
		case errors.Is(err, errTaken):
			t.noteStoreResult(nil)
			return taken
		case errors.Is(err, ErrTooLarge):
			t.noteStoreResult(nil)
			return t.noRoom(j, err)
		default:
			j.flags |= unsure
			if t.storeCtx.Err() == nil {
				t.noteTrouble(j, err)
				t.noteStoreResult(err)
			}
			return unknown
		}
	}
	return unknown
}

var errTaken = errors.New("submit: the job is another's")

// compare finds out why a change was refused. An earlier change by this term may have been
// made although the store did not say so: then r gets its revision, and again says whether
// the change must still be made. The error is errTaken if the job is another holder's.
//
// For a claim, a record of this term that differs from r means that the job has moved on
// since the claim read it: that record stands, and the claim is refused.
func (t *term) compare(ctx context.Context, j *job, r *Record, claim bool) (again bool, err error) {
	found, err := t.options.Store.Get(ctx, r.Kind, r.Key)
	if errors.Is(err, ErrNotFound) && j.revision == 0 {
		return true, nil // the record that was in the way is forgotten
	}
	if errors.Is(err, ErrNotFound) {
		return false, errTaken
	}
	if err != nil {
		return false, err
	}
	rec, err := decode(found.Value)
	if err != nil || !t.isOwnRecord(&rec, j) {
		return false, errTaken
	}
	stands := bytes.Equal(found.Value, r.Value)
	if claim && !stands {
		return false, errTaken
	}
	r.Revision = found.Revision
	return !stands, nil
}

// adopt makes a recorded job one of this term's, and lets it go on. It returns made;
// unknown if the job may still be without a holder, and what the store said then; taken if
// there is nothing to do; or tooLarge if a revived job could not be recorded, and has not
// changed.
func (t *term) adopt(r Record, rec jobRecord) (saveResult, error) {
	j, got, why := t.claim(r, rec)
	switch got {
	case made:
		t.place(j, 0)
		return made, nil
	case needless:
		return taken, nil
	case tooLarge:
		return tooLarge, why
	}
	return unknown, why // also if taken: its old holder may have changed it at the last moment
}

// claimResult is what became of a claim, and why if the store did not make it.
type claimResult struct {
	got saveResult
	why error
}

// claim makes a recorded job one of this term's, but does not queue it. It returns what
// became of the change, and why if the store did not make it; the job is nil unless it was
// made.
func (t *term) claim(r Record, rec jobRecord) (*job, saveResult, error) {
	data, version := rec.payload()
	if _, err := t.options.readStored(data, version); err != nil {
		t.warn("a job must be left alone", keyField(r.Key), errorField(err))
		return nil, needless, nil
	}
	j := newJob(r.Key, data, rec.Intent.UnixNano())
	j.revision, j.version, j.state, j.tries = r.Revision, uint16(version), rec.State, uint16(min(rec.Tries, math.MaxUint16))
	if !rec.Sent.IsZero() {
		j.sentNow(rec.Sent.UnixNano())
	}
	if rec.State != queued {
		j.flags |= resumed
	}
	if rec.Pending != nil {
		j.handle = *rec.Pending
	} else {
		j.handle = j.handle.WithTrace(rec.Trace)
	}
	if rec.State == sending { // visit makes the handle of a lost write later
		j.state, j.handle = sending.after(orphans), consistency.Pending{}.WithTrace(j.handle.Trace())
	}
	if rec.unknown != nil || rec.Tried != "" {
		m := j.withDetails()
		m.unknown, m.tried = rec.unknown, rec.Tried
	}
	if !t.add(j) {
		if held, recorded := t.holdsKey(r.Key); held && !recorded {
			return nil, unknown, nil
		}
		return nil, needless, nil
	}
	switch got := t.change(j, true); {
	case got == tooLarge && !rec.revived:
		j, got = t.claimLarge(j)
		return j, got, nil
	case got != made:
		t.drop(j)
		return nil, got, j.withDetails().trouble
	}
	return j, made, nil
}

// conclude gives a job its outcome, and records that, for as long as it takes. Free says
// that the key may be used for another job.
func (t *term) conclude(j *job, res result, err error, free bool) {
	if res.reference != nil {
		t.warn("a reference cannot be kept", keyField(j.key()), errorField(res.inexact))
	}
	if len(res.written) > maxRef {
		t.warn("a reference is too long to be kept", keyField(j.key()), zap.Int("bytes", len(res.written)))
	}
	t.mu.Lock()
	m := j.withDetails()
	if m.closed { // the term is over, and has left this step behind
		t.mu.Unlock()
		return
	}
	m.complete(err, res.history)
	m.end = &jobRecord{Intent: time.Unix(0, j.intent), Pending: &res.pending, End: endingOf(res.outcome, res.written, err)}
	m.end.End.Free = free
	m.written, m.err, m.lag, m.reason = res.reference, err, -1, reasonOf(err)
	if res.outcome == consistency.Confirmed && !j.has(resumed) {
		m.lag = res.elapsed
	}
	t.mu.Unlock()
	j.handle = res.pending
	t.move(j, concludes)
	t.finish(j)
}

// finish records the outcome of a job.
func (t *term) finish(j *job) {
	switch t.save(j) {
	case made:
		t.stats.ended(j.details.end.End.outcome(), j.details.lag, j.details.reason, j.intent)
		t.forget(j, true)
		defer t.drop(j) // also if the program ends this goroutine
		t.callEnded(j.key(), []byte(j.data()), int(j.version), j.details)
	case taken:
		t.lose(j)
	case unknown, tooLarge: // tried again: the store may have room later
		t.later(j)
	}
}

// callEnded calls Options.Ended.
func (s *engine) callEnded(key string, data []byte, version int, m *details) {
	if s.options.Ended == nil {
		return
	}
	_, err := safely("Options.Ended", func() (none struct{}, _ error) {
		job, err := s.options.read(data, version)
		if err == nil {
			s.options.Ended(key, job, m)
		}
		return none, err
	})
	if err != nil {
		s.warn("a job could not be told of", keyField(key), errorField(err))
	}
}

// lose forgets a job that another holder took over, and the outcome that it has here: the
// other holder decides.
func (t *term) lose(j *job) {
	t.mu.Lock()
	if j.details != nil {
		j.details.end, j.details.err = nil, nil
	}
	t.mu.Unlock()
	t.drop(j)
}

// later queues a job again after a failure of the store.
func (t *term) later(j *job) {
	t.place(j, t.now()+t.pause()+rand.N(t.pause()))
}
