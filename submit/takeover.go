package submit

import (
	"context"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"
)

// takeOver takes over all jobs whose holder is gone. It returns false if that
// must be tried again.
func (t *term) takeOver() bool {
	var (
		tasks  sync.WaitGroup
		unsure atomic.Bool
		taken  atomic.Int64
		gone   = map[string]bool{t.id: true} // this term's jobs that are not in memory were left by a Submit
	)
	for r, err := range t.options.Store.List(t.ctx, KindJob) {
		if err == nil && unsure.Load() {
			err = t.storeError() // the store is in trouble: all others would fail too
		}
		if err == nil && t.ctx.Err() != nil {
			err = context.Cause(t.ctx)
		}
		if held, recorded := t.holdsKey(r.Key); held && err == nil {
			if !recorded {
				unsure.Store(true)
			}
			continue
		}
		var rec jobRecord
		var orphaned bool
		if err == nil {
			rec, orphaned, err = t.orphaned(r, gone)
		}
		if err != nil {
			if t.ctx.Err() == nil {
				t.noteStoreResult(err)
			}
			unsure.Store(true)
			break
		}
		if !orphaned {
			continue
		}
		tasks.Add(1)
		t.crew.take(r.Key, func() {
			switch got, _ := t.adopt(r, rec); got {
			case made:
				taken.Add(1)
			case unknown:
				unsure.Store(true)
			}
		}, tasks.Done)
	}
	tasks.Wait()
	if n := taken.Load(); n > 0 {
		t.info("jobs were taken over", holderField(t.id), zap.Int64("jobs", n))
	}
	return !unsure.Load()
}

// orphaned reports whether a job of the list is pending and its holder is gone. Gone
// remembers which holders are.
func (t *term) orphaned(r Record, gone map[string]bool) (rec jobRecord, yes bool, err error) {
	rec, err = decode(r.Value)
	if err != nil {
		t.warn("a job must be left alone", keyField(r.Key), errorField(err))
		return rec, false, nil
	}
	if rec.State == aside || rec.State == ended { // the latter if the store lists what is Done
		return rec, false, nil
	}
	yes, known := gone[rec.Holder]
	if !known {
		if yes, err = t.dead(t.ctx, rec.Holder); err != nil {
			return rec, false, err
		}
		gone[rec.Holder] = yes
	}
	return rec, yes, nil
}
