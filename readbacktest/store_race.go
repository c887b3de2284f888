package readbacktest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
)

// race calls f here and there at once, and returns how many calls succeeded. The
// others must have failed with want.
func (t storeTest) race(want error, f func(store submit.Store, n int) error) int64 {
	t.Helper()
	var won atomic.Int64
	var all sync.WaitGroup
	for n := range 16 {
		all.Go(func() {
			store := t.here
			if n%2 == 1 {
				store = t.there
			}
			if err := f(store, n); err == nil {
				won.Add(1)
			} else {
				assert.ErrorIs(t, err, want)
			}
		})
	}
	all.Wait()
	return won.Load()
}

func (t storeTest) oneCreates() {
	for i := range 20 {
		key := fmt.Sprint(i)
		var winner atomic.Pointer[submit.Record]
		won := t.race(submit.ErrExists, func(store submit.Store, n int) error {
			r := job(key, fmt.Sprint(n))
			revision, err := store.Create(t.ctx, r)
			if r.Revision = revision; err == nil {
				winner.Store(&r)
			}
			return err
		})
		require.EqualValues(t, 1, won)
		t.same(*winner.Load())
	}
}

func (t storeTest) oneUpdates() {
	r := t.made(job("a", ""))
	for range 20 {
		won := t.race(submit.ErrConflict, func(store submit.Store, _ int) error {
			_, err := store.Update(t.ctx, r)
			return err
		})
		require.EqualValues(t, 1, won)
		var err error
		r, err = t.there.Get(t.ctx, r.Kind, r.Key)
		require.NoError(t, err)
	}
}

func (t storeTest) oneDeletes() {
	for range 20 {
		r := t.made(job("a", ""))
		won := t.race(submit.ErrConflict, func(store submit.Store, n int) error {
			if n%4 < 2 {
				return store.Delete(t.ctx, r)
			}
			changed := r
			changed.Done = true
			_, err := store.Update(t.ctx, changed)
			return err
		})
		require.EqualValues(t, 1, won, "deleted or changed, not both")
		if left, err := t.there.Get(t.ctx, r.Kind, r.Key); err == nil {
			require.NoError(t, t.here.Delete(t.ctx, left))
		}
	}
}
