package submit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/readback-go/readback/consistency"
)

// fate is what became of a change of a job's record.
type fate uint8

const (
	kept     fate = iota // it was made
	taken                // it was refused: the job is another's
	unknown              // the store told nothing
	needless             // there is nothing to change
)

// record returns the record of a job as it stands.
func (t *term[J, W, R]) record(j *job) Record {
	rec := jobRecord{
		State: j.state, Holder: t.id, Intent: time.Unix(0, j.intent).UTC(),
		Print: fingerprint(j.data()),
	}
	r := Record{Kind: KindJob, Key: j.key(), Revision: j.revision}
	if !j.handle.IsZero() {
		rec.Pending = &j.handle
	}
	if j.state == ended {
		rec.End = j.more.end.End
		r.Done, r.Keep = true, t.options.Keep
	} else {
		rec.Job = json.RawMessage(j.data())
	}
	r.Value = encode(&rec)
	return r
}

// save records a job of this term as it stands, by compare-and-set.
func (t *term[J, W, R]) save(j *job) fate { return t.change(j, false) }

// change records a job as it stands. Claim says that it is not this term's yet.
func (t *term[J, W, R]) change(j *job, claim bool) fate {
	r := t.record(j)
	for range 3 {
		var err error
		ctx, cancel := t.storing()
		if r.Revision == 0 {
			r.Revision, err = t.options.Store.Create(ctx, r)
		} else {
			r.Revision, err = t.update(ctx, r)
		}
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
			return kept
		case errors.Is(err, errTaken):
			t.noted(nil)
			return taken
		default:
			if t.calls.Err() == nil {
				t.noted(err)
			}
			return unknown
		}
	}
	return unknown
}

func (t *term[J, W, R]) update(ctx context.Context, r Record) (uint64, error) {
	revision, err := t.options.Store.Update(ctx, r)
	if err != nil {
		return r.Revision, err
	}
	return revision, nil
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
	if err != nil || rec.Holder != t.id || rec.Intent.UnixNano() != j.intent {
		return false, errTaken
	}
	made := bytes.Equal(found.Value, r.Value)
	if claim && !made {
		return false, errTaken
	}
	r.Revision = found.Revision
	return !made, nil
}

// adopt makes a job that the store has one of this term's. What it returns is
// unknown if the job may still be nobody's, and taken if there is nothing to do.
func (t *term[J, W, R]) adopt(r Record, rec jobRecord) fate {
	switch t.claim(r, rec) {
	case kept:
		return kept
	case needless:
		return taken
	}
	return unknown // a change that its holder made at last may be why
}

// claim is adopt, and tells what became of the change.
func (t *term[J, W, R]) claim(r Record, rec jobRecord) fate {
	var payload J
	if err := json.Unmarshal(rec.Job, &payload); err != nil {
		t.warn("a job must be left alone", keyField(r.Key), errorField(err))
		return needless
	}
	j := newJob(r.Key, rec.Job, rec.Intent.UnixNano())
	j.revision, j.state, j.resumed = r.Revision, rec.State, rec.State != queued
	switch {
	case rec.State == sending:
		j.state, j.handle = lost, t.options.Flow(r.Key, payload).Lost()
	case rec.Pending != nil:
		j.handle = *rec.Pending
	}
	if !t.add(j) {
		return needless
	}
	if got := t.change(j, true); got != kept {
		t.drop(j)
		return got
	}
	t.place(j, 0)
	return kept
}

// conclude gives a job its outcome, and records it, for as long as that takes.
func (t *term[J, W, R]) conclude(j *job, res consistency.Result[W, R], err error) {
	written, _ := json.Marshal(res.Written)
	t.mu.Lock()
	m := j.wait()
	m.reasons(err, res.History)
	m.end = &jobRecord{Intent: time.Unix(0, j.intent), Pending: &res.Pending, End: endingOf(res.Outcome, written, err)}
	m.err, m.lag = err, -1
	if res.Outcome == consistency.Confirmed && !j.resumed {
		m.lag = res.Elapsed
	}
	t.mu.Unlock()
	j.handle = res.Pending
	t.set(j, ended)
	t.finish(j)
}

// finish records the outcome that a job has.
func (t *term[J, W, R]) finish(j *job) {
	switch t.save(j) {
	case kept:
		t.stats.ended(j.more.end.End.outcome(), j.more.lag)
		t.drop(j)
	case taken:
		t.lose(j)
	case unknown:
		t.later(j)
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
