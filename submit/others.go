package submit

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// sighting is what was seen of another holder's lease.
type sighting struct {
	revision uint64
	since    time.Time // when that revision was seen first
}

// watching looks at the leases of other holders three times a lease, and takes over the
// jobs of those that are gone.
func (t *term) watching() {
	seen := make(map[string]sighting)
	due := true // for a look at all jobs
	receiving := false
	last := time.Now()
	tick := time.NewTicker(t.options.Lease / 3)
	defer tick.Stop()
	for t.ctx.Err() == nil { // select may pick a tick although ctx has ended
		receiving = receiving || t.receive()
		gone, err := t.sight(seen)
		if err != nil && t.ctx.Err() == nil {
			t.noteStoreResult(err)
		}
		due = due || gone || time.Since(last)/sweepAfter > t.options.Lease
		if due && err == nil && t.running() {
			due, last = !t.takeOver(), time.Now()
		}
		select {
		case <-t.ctx.Done():
			return
		case <-t.kick:
			due = true
		case <-tick.C:
		}
	}
}

// sweepAfter is how many leases pass between two looks at all jobs that have no other
// reason. A process may have deleted a lease that no other had seen, and died before it
// took over the jobs.
const sweepAfter = 60

// sight looks at all leases once, updates seen, and reports whether a lease that was seen
// is gone. It ends leases that are over: it deletes the record if this process takes the
// jobs over, and otherwise marks it as left. Both are by compare-and-set: a slow holder
// that has renewed is unharmed, and one whose lease was ended can never renew.
func (t *term) sight(seen map[string]sighting) (gone bool, err error) {
	ctx, cancel := context.WithTimeout(t.ctx, min(storeTimeout, t.options.Lease/3))
	defer cancel()
	began := time.Now()
	var found []Record
	for r, err := range t.options.Store.List(ctx, KindLease) {
		if err != nil {
			return false, err
		}
		if r.Key != t.id {
			found = append(found, r)
		}
	}
	ended := time.Now()
	there := make(map[string]bool, len(found))
	for _, r := range found {
		if ctx.Err() != nil { // the store may have ignored ctx, and answered long after it ended
			return false, context.Cause(ctx)
		}
		there[r.Key] = true
		last, known := seen[r.Key]
		if !known || last.revision != r.Revision {
			last = sighting{r.Revision, ended}
			seen[r.Key] = last
		}
		over := began.Sub(last.since) >= t.options.Lease
		switch runs := t.running(); {
		case runs && (over || isLeft(r)):
			err = t.options.Store.Delete(ctx, r)
			there[r.Key] = err != nil
		case over && !isLeft(r):
			r.Value = leaseValue(true, 0)
			_, err = t.options.Store.Update(ctx, r)
		default:
			continue
		}
		if err != nil && !errors.Is(err, ErrConflict) {
			return gone, err
		}
		if err == nil {
			t.info("a lease is over", holderField(r.Key))
		}
		gone = gone || !there[r.Key]
	}
	for id := range seen {
		if !there[id] {
			delete(seen, id)
			gone = true
		}
	}
	return gone, nil
}

// isLeft reports whether a lease was ended: by its holder, or by another process that saw
// that it is over.
func isLeft(r Record) bool {
	var rec leaseRecord
	return json.Unmarshal(r.Value, &rec) == nil && rec.Left
}

// dead reports whether a holder is gone: its lease was ended, or has no record. (A holder
// creates its lease before anything else.) A lease that is over but not yet ended does not
// count: its holder may wake up and renew it.
func (t *term) dead(ctx context.Context, holder string) (bool, error) {
	r, err := t.options.Store.Get(ctx, KindLease, holder)
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	return err == nil && isLeft(r), err
}
