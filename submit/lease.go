package submit

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// lease is a process's own.
type lease struct {
	mu       sync.Mutex
	revision uint64
	renewed  time.Time // before the last renewal that is known to have succeeded
}

// leaseRecord is the value of a lease's record.
type leaseRecord struct {
	Version int  `json:"submit"`
	Left    bool `json:"left,omitempty"` // it was ended, and its jobs are free
}

func leaseValue(left bool) []byte {
	value, _ := json.Marshal(leaseRecord{Version: recordVersion, Left: left})
	return value
}

func (t *term[J, W, R]) leaseRecord(left bool) Record {
	t.lease.mu.Lock()
	defer t.lease.mu.Unlock()
	return Record{Kind: KindLease, Key: t.id, Value: leaseValue(left), Revision: t.lease.revision}
}

// valid reports whether nobody can have taken over yet, with a third of the
// lease to spare.
func (t *term[J, W, R]) valid() bool {
	t.lease.mu.Lock()
	defer t.lease.mu.Unlock()
	return t.ctx.Err() == nil && time.Since(t.lease.renewed) < t.options.Lease*2/3
}

func (t *term[J, W, R]) renewedAt(began time.Time, revision uint64) {
	t.lease.mu.Lock()
	defer t.lease.mu.Unlock()
	t.lease.revision, t.lease.renewed = revision, began
}

// found takes note of a revision that was written who knows when: the lease counts
// from the next renewal.
func (t *term[J, W, R]) found(revision uint64) {
	t.lease.mu.Lock()
	defer t.lease.mu.Unlock()
	t.lease.revision = revision
}

// acquire creates the lease, and returns false if the term ends before.
func (t *term[J, W, R]) acquire() bool {
	for !t.create() {
		if !sleep(t.ctx, t.pause()) {
			return false
		}
	}
	return t.ctx.Err() == nil
}

// create reports whether it need not be called again soon.
func (t *term[J, W, R]) create() bool {
	ctx, cancel := context.WithTimeout(t.ctx, min(storeTimeout, t.options.Lease/3))
	defer cancel()
	began := time.Now()
	revision, err := t.options.Store.Create(ctx, t.leaseRecord(false))
	if errors.Is(err, ErrExists) { // an earlier try has succeeded
		return t.renew()
	}
	if err == nil {
		t.renewedAt(began, revision)
	}
	if t.ctx.Err() == nil {
		t.noted(err)
	}
	return err == nil
}

// pause is the time between two tries of what the store failed at.
func (t *term[J, W, R]) pause() time.Duration { return min(time.Second, t.options.Lease/12) }

// renewing keeps the lease until the term ends, or ends it if the lease is lost.
func (t *term[J, W, R]) renewing() {
	for sleep(t.ctx, t.options.Lease/3) {
		for !t.renew() {
			if !sleep(t.ctx, t.pause()) {
				return
			}
		}
	}
}

// renew reports whether it need not be called again soon.
func (t *term[J, W, R]) renew() bool {
	ctx, cancel := t.storing()
	defer cancel()
	began := time.Now()
	revision, err := t.options.Store.Update(ctx, t.leaseRecord(false))
	if err == nil {
		t.noted(nil)
		t.renewedAt(began, revision)
		return true
	}
	if errors.Is(err, ErrConflict) {
		var r Record
		r, err = t.options.Store.Get(ctx, KindLease, t.id)
		switch {
		case err == nil && !left(r): // an earlier try has succeeded, later than it seemed
			t.found(r.Revision)
			return false
		case err == nil, errors.Is(err, ErrNotFound):
			t.warn("the lease was lost", holderField(t.id))
			t.end(errLeaseLost, writeGrace)
			return true
		}
	}
	t.noted(err)
	return false
}

// resign gives up the lease. If there are jobs, they are free for others once
// the record says so; if it cannot, once the lease is over.
func (t *term[J, W, R]) resign(jobs bool) {
	r := t.leaseRecord(jobs)
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
