package submit

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/readback-go/readback/internal/pause"
)

// lease is the lease of this process.
type lease struct {
	mu       sync.Mutex
	revision uint64
	renewed  time.Time // when the last successful renewal began
	number   int       // of that renewal; 0 is the creation
	created  bool      // the creation was answered
}

// leaseRecord is the value of a lease's record.
type leaseRecord struct {
	Version int  `json:"submit"`
	Left    bool `json:"left,omitempty"` // the lease was ended, and its jobs are free
	Number  int  `json:"number,omitempty"`
}

func leaseValue(left bool, number int) []byte {
	value, _ := json.Marshal(leaseRecord{Version: recordVersion, Left: left, Number: number})
	return value
}

func (t *term) leaseRecord(left bool, number int) Record {
	t.lease.mu.Lock()
	defer t.lease.mu.Unlock()
	return Record{Kind: KindLease, Key: t.id, Value: leaseValue(left, number), Revision: t.lease.revision}
}

// valid reports whether the lease was renewed less than two thirds of a lease ago. Then
// nobody can have taken over, with a third of the lease to spare.
func (t *term) valid() bool {
	t.lease.mu.Lock()
	defer t.lease.mu.Unlock()
	return t.ctx.Err() == nil && time.Since(t.lease.renewed) < t.options.Lease/3*2
}

func (t *term) renewedAt(began time.Time, revision uint64, number int) {
	t.lease.mu.Lock()
	defer t.lease.mu.Unlock()
	t.lease.revision, t.lease.renewed, t.lease.number, t.lease.created = revision, began, number, true
}

// nextRenewal returns the number of the next renewal. Each try until one is answered has the
// same number, so that the record tells whether one of them was made.
func (t *term) nextRenewal() int {
	t.lease.mu.Lock()
	defer t.lease.mu.Unlock()
	return t.lease.number + 1
}

// isRenewal reports whether a record of this lease is that of an earlier try that was not
// answered. A try to create it may be made late, after the lease was ended and others have
// taken over: that is another lease.
func (t *term) isRenewal(r Record) bool {
	var rec leaseRecord
	t.lease.mu.Lock()
	defer t.lease.mu.Unlock()
	return json.Unmarshal(r.Value, &rec) == nil && !rec.Left && (rec.Number > t.lease.number || !t.lease.created)
}

// adoptRevision adopts a revision of unknown age. The lease counts from the next renewal.
func (t *term) adoptRevision(revision uint64) {
	t.lease.mu.Lock()
	defer t.lease.mu.Unlock()
	t.lease.revision = revision
}

// acquire creates the lease, for as long as that takes. It returns false if the term ends
// first.
func (t *term) acquire() bool {
	for !t.create() {
		if !pause.For(t.ctx, t.pause()) {
			return false
		}
	}
	return t.ctx.Err() == nil
}

// create tries once to create the lease, and returns false if that must be tried again.
func (t *term) create() bool {
	ctx, cancel := context.WithTimeout(t.ctx, min(storeTimeout, t.options.Lease/3))
	defer cancel()
	began := time.Now()
	revision, err := t.options.Store.Create(ctx, t.leaseRecord(false, 0))
	if errors.Is(err, ErrExists) { // an earlier try has succeeded
		return t.renew()
	}
	if err == nil {
		t.renewedAt(began, revision, 0)
	}
	if t.ctx.Err() == nil {
		t.noteStoreResult(err)
	}
	return err == nil
}

// pause is the time to wait after a failure of the store.
func (t *term) pause() time.Duration { return min(time.Second, t.options.Lease/12) }

// renewing keeps the lease until the term ends, or ends it if the lease is lost.
func (t *term) renewing() {
	for pause.For(t.ctx, t.options.Lease/3) {
		for !t.renew() {
			if !pause.For(t.ctx, t.pause()) {
				return
			}
		}
	}
}

// renew tries once to renew the lease, and returns false if that must be tried again soon.
// It ends the term if the lease was ended by another.
func (t *term) renew() bool {
	ctx, cancel := t.storing()
	defer cancel()
	began := time.Now()
	number := t.nextRenewal()
	revision, err := t.options.Store.Update(ctx, t.leaseRecord(false, number))
	if err == nil {
		t.noteStoreResult(nil)
		t.renewedAt(began, revision, number)
		return true
	}
	if errors.Is(err, ErrConflict) {
		var r Record
		r, err = t.options.Store.Get(ctx, KindLease, t.id)
		switch {
		case err == nil && t.isRenewal(r): // an earlier try has succeeded, later than it seemed
			t.adoptRevision(r.Revision)
			return false
		case err == nil, errors.Is(err, ErrNotFound):
			t.warn("the lease was lost", holderField(t.id))
			t.end(errLeaseLost, writeGrace)
			return true
		}
	}
	t.noteStoreResult(err)
	return false
}

// resign gives up the lease. If jobs are left, the record of the lease says that they are
// free for others; if it cannot be changed, they are free once the lease is over.
func (t *term) resign(jobs bool) {
	r := t.leaseRecord(jobs, t.nextRenewal())
	if context.Cause(t.ctx) == errLeaseLost || r.Revision == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), resignTimeout)
	defer cancel()
	var err error
	if jobs {
		_, err = t.options.Store.Update(ctx, r)
	} else {
		err = t.options.Store.Delete(ctx, r)
	}
	if err != nil {
		t.warn("the lease could not be given up", holderField(t.id), errorField(err))
	}
}

// resignTimeout bounds how long the end of a term waits for the store, to record
// the last answers and then to give up the lease.
const resignTimeout = 2 * time.Second
