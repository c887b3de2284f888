package play

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/world"
	"github.com/readback-go/readback/submit"
)

// room is that of a store which refuses the records of jobs for their size, for a while.
// Zero bytes are no limit.
type room struct {
	bytes       int
	from, until time.Time
	refusals    *atomic.Int64
}

// drawRoom draws by dice of its own, so that a seed means what it meant.
func drawRoom(seed uint64) (r room) {
	d := world.NewDice(seed, 0x726f6f6d)
	r.refusals = new(atomic.Int64)
	if !d.Chance(0.15) {
		return r
	}
	r.bytes = 200 + d.IntN(500)
	r.from = time.Now()
	if d.Chance(0.7) { // some are recorded before
		r.from = r.from.Add(d.Between(time.Millisecond, 30*time.Second))
	}
	r.until = r.from.Add(d.Between(100*time.Millisecond, 10*time.Minute))
	return r
}

// takes returns an error for a record that there is no room for now.
func (r *room) takes(record submit.Record) error {
	now := time.Now()
	if r.bytes == 0 || record.Kind != submit.KindJob || len(record.Value) <= r.bytes || now.Before(r.from) || now.After(r.until) {
		return nil
	}
	r.refusals.Add(1)
	return fmt.Errorf("%w: %d bytes", submit.ErrTooLarge, len(record.Value))
}

// narrow reports whether the store has refused a record for its size.
func (s *submission) narrow() bool { return s.room.refusals.Load() > 0 }

// tooLarge reports whether a call was told that there is no room for its job, which is
// Failed: nothing of it was sent before, and what is submitted with the key later is
// another job.
func (a *ask) tooLarge() bool {
	return a.result.Outcome == consistency.Failed && errors.Is(a.err, submit.ErrTooLarge)
}

// judgeTooLarge judges what such a call was told.
func (s *submission) judgeTooLarge(j *submitted, a *ask) {
	if !s.narrow() {
		s.f.violate(Misreport, "%s %s, and is told that there is no room: %v", a, j.key, a.err)
	}
	for _, run := range j.w.Runs {
		if run.At.Before(a.ended) {
			s.f.violate(FalseFailed, "%s %s, and is told that there is no room for it; it was carried out %v before", a, j.key, a.ended.Sub(run.At))
		}
	}
}
