package submit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"time"

	"go.uber.org/zap"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/exact"
)

// fate is what became of a change of a job's record.
type fate uint8

const (
	made     fate = iota // it was made
	taken                // it was refused: the job is another's
	unknown              // the store told nothing
	needless             // there is nothing to change
	tooLarge             // the store takes no record of it
)

// record returns the record of a job as it stands, without what is cut.
func (t *term[J, W, R]) record(j *job, cut cut) Record {
	rec := jobRecord{
		State: j.state, Holder: t.id, Intent: time.Unix(0, j.intent).UTC(), Tries: int(j.tries),
		Print: fingerprint(j.data()),
	}
	if j.sent > 0 {
		rec.Sent = time.Unix(0, j.sentAt()).UTC()
	}
	t.mu.Lock()
	if m := j.more; m != nil {
		rec.Tried, rec.unknown = m.tried, m.rest
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
		rec.Pending = kept(&j.handle)
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

// kept returns a handle as it is stored: without a reference that is too long, which
// is then to be found again.
func kept(h *consistency.Pending) *consistency.Pending {
	data, err := json.Marshal(h)
	if err != nil || len(data) <= maxRef {
		return h
	}
	return withoutReference(h)
}

// withoutReference returns a handle whose reference is to be found again; nil if there
// is none such.
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

// save records a job of this term as it stands, by compare-and-set.
func (t *term[J, W, R]) save(j *job) fate { return t.change(j, false) }

// change records a job as it stands, in less detail if the store has no room for all.
// Claim says that it is not this term's yet.
func (t *term[J, W, R]) change(j *job, claim bool) fate {
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

// put makes a record that of a job.
func (t *term[J, W, R]) put(j *job, r Record, claim bool) fate {
	for range 3 {
		if t.storeCtx.Err() != nil { // by a step that was left behind
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
			t.noted(nil)
			j.revision = r.Revision
			t.recorded(j)
			return made
		case errors.Is(err, errTaken):
			t.noted(nil)
			return taken
		case errors.Is(err, ErrTooLarge):
			t.noted(nil)
			return t.noRoom(j, err)
		default:
			j.flags |= unsure
			if t.storeCtx.Err() == nil {
				t.noted(err)
			}
			return unknown
		}
	}
	return unknown
}

var errTaken = errors.New("submit: the job is another's")

// compare asks why a change was refused. An earlier change by this term may have
// been made although the store did not say so: then r gets the revision of that,
// and again says whether more is to be changed.
// Of a job that is claimed, a change by this term may also be one that was made
// after the claim was based on what the store had: that stands.
func (t *term[J, W, R]) compare(ctx context.Context, j *job, r *Record, claim bool) (again bool, err error) {
	found, err := t.options.Store.Get(ctx, r.Kind, r.Key)
	if errors.Is(err, ErrNotFound) && j.revision == 0 {
		return true, nil // what was there is forgotten
	}
	if errors.Is(err, ErrNotFound) {
		return false, errTaken
	}
	if err != nil {
		return false, err
	}
	rec, err := decode(found.Value)
	if err != nil || !t.recordOf(&rec, j) {
		return false, errTaken
	}
	stands := bytes.Equal(found.Value, r.Value)
	if claim && !stands {
		return false, errTaken
	}
	r.Revision = found.Revision
	return !stands, nil
}

// adopt makes a job that the store has one of this term's. What it returns is
// unknown if the job may still be nobody's, taken if there is nothing to do, and
// tooLarge if it was to be revived and is as it was.
func (t *term[J, W, R]) adopt(r Record, rec jobRecord) fate {
	j, got := t.claim(r, rec)
	switch got {
	case made:
		t.place(j, 0)
		return made
	case needless:
		return taken
	case tooLarge:
		return tooLarge
	}
	return unknown // a change that its holder made at last may be why
}

// claim is adopt, but that the job waits for nothing yet, and that it tells what
// became of the change.
func (t *term[J, W, R]) claim(r Record, rec jobRecord) (*job, fate) {
	data, version := rec.payload()
	if _, err := t.options.read(data, version); err != nil {
		t.warn("a job must be left alone", keyField(r.Key), errorField(err))
		return nil, needless
	}
	j := newJob(r.Key, data, rec.Intent.UnixNano())
	j.revision, j.version, j.state, j.tries = r.Revision, uint16(version), rec.State, uint16(min(rec.Tries, math.MaxUint16))
	if !rec.Sent.IsZero() {
		j.sentNow(rec.Sent.UnixNano())
	}
	if rec.State != queued {
		j.flags |= resumed
	}
	if rec.reread {
		j.flags |= stuck
	}
	if rec.Pending != nil {
		j.handle = *rec.Pending
	} else {
		j.handle = j.handle.WithTrace(rec.Trace)
	}
	if rec.State == sending { // the flow is asked for another handle, later
		j.state, j.handle = sending.after(orphans), consistency.Pending{}.WithTrace(j.handle.Trace())
	}
	if rec.unknown != nil || rec.Tried != "" {
		m := j.wait()
		m.rest, m.tried = rec.unknown, rec.Tried
	}
	if !t.add(j) {
		if held, recorded := t.has(r.Key); held && !recorded {
			return nil, unknown
		}
		return nil, needless
	}
	switch got := t.change(j, true); {
	case got == tooLarge && !rec.revived:
		return t.claimLarge(j)
	case got != made:
		t.drop(j)
		return nil, got
	}
	return j, made
}

// conclude gives a job its outcome, and records it, for as long as that takes. Free
// says that its key may be used for another job.
func (t *term[J, W, R]) conclude(j *job, res consistency.Result[W, R], err error, free bool) {
	written, inexact := exact.Encode(&res.Written)
	if inexact != nil && !reflect.ValueOf(&res.Written).Elem().IsZero() { // or there is none
		t.warn("a reference cannot be kept", keyField(j.key()), errorField(inexact))
	}
	if len(written) > maxRef {
		t.warn("a reference is too long to be kept", keyField(j.key()), zap.Int("bytes", len(written)))
	}
	t.mu.Lock()
	m := j.wait()
	if m.closed { // it was left behind
		t.mu.Unlock()
		return
	}
	m.reasons(err, res.History)
	m.end = &jobRecord{Intent: time.Unix(0, j.intent), Pending: &res.Pending, End: endingOf(res.Outcome, written, err)}
	m.end.End.Free = free
	if m.written = nil; inexact != nil {
		m.written = res.Written
	}
	m.err, m.lag, m.why = err, -1, reasonOf(err)
	if res.Outcome == consistency.Confirmed && !j.has(resumed) {
		m.lag = res.Elapsed
	}
	t.mu.Unlock()
	j.handle = res.Pending
	t.move(j, concludes)
	t.finish(j)
}

// finish records the outcome that a job has.
func (t *term[J, W, R]) finish(j *job) {
	switch t.save(j) {
	case made:
		t.stats.ended(j.more.end.End.outcome(), j.more.lag, j.more.why, j.intent)
		defer t.drop(j) // also if the program ends this goroutine
		t.tell(j)
	case taken:
		t.lose(j)
	case unknown, tooLarge: // it may be another day
		t.later(j)
	}
}

// tell tells the program that a job has ended.
func (t *term[J, W, R]) tell(j *job) {
	if t.options.Ended == nil {
		return
	}
	_, err := safely("Options.Ended", func() (none struct{}, _ error) {
		res, _ := toldHere[W](j.more)
		t.options.Ended(j.key(), t.payload(j), res)
		return none, nil
	})
	if err != nil {
		t.warn("a job could not be told of", keyField(j.key()), errorField(err))
	}
}

// lose forgets a job that another holder took over; its word counts.
func (t *term[J, W, R]) lose(j *job) {
	t.mu.Lock()
	if j.more != nil {
		j.more.end, j.more.err = nil, nil
	}
	t.mu.Unlock()
	t.drop(j)
}

// later puts a job back that the store failed at.
func (t *term[J, W, R]) later(j *job) {
	t.place(j, t.now()+t.pause()+rand.N(t.pause()))
}
