package submit_test

import (
	"context"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/submit"
)

// slowList is a store whose lists of jobs are a while old when they arrive.
type slowList struct{ submit.Store }

func (s slowList) List(ctx context.Context, kind submit.Kind) iter.Seq2[submit.Record, error] {
	return func(yield func(submit.Record, error) bool) {
		var all []submit.Record
		for r, err := range s.Store.List(ctx, kind) {
			if err != nil {
				yield(r, err)
				return
			}
			all = append(all, r)
		}
		if kind == submit.KindJob {
			time.Sleep(10 * time.Second)
		}
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// A job that ended after it was listed is not taken over by the process that
// ended it: it keeps its outcome, and is sent once.
func TestLease_listedBeforeItEnded(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]*world{"refused": {refuse: status(409), took: time.Second}, "applied": {took: time.Second}} {
		bubble(t, name, func(t *testing.T) {
			store := submit.NewMemory()
			s := w.on(t, slowList{store})
			over := make(chan result, 1)
			go func() {
				res, _ := s.Submit(t.Context(), "a", order{"x"})
				over <- res
			}()
			synctest.Wait()
			stop := running(s) // lists "a" while it is being sent
			res := <-over
			time.Sleep(time.Minute)
			found, err := s.Lookup(t.Context(), "a")
			require.NoError(t, err)
			assert.Equal(t, res.Outcome, found.Outcome)
			assert.NotZero(t, found.Outcome)
			assert.Equal(t, 1, w.sent("a"))
			stop()
		})
	}
}

// slowStore answers changes of jobs after a while.
type slowStore struct{ submit.Store }

func (s slowStore) Create(ctx context.Context, r submit.Record) (uint64, error) {
	revision, err := s.Store.Create(ctx, r)
	if r.Kind == submit.KindJob {
		time.Sleep(time.Second)
	}
	return revision, err
}

// Whoever tries to use a key that is another's does not make it theirs, while the
// store is asked.
func TestSubmit_besideAnotherPayload(t *testing.T) {
	t.Parallel()
	bubble(t, "recorded before", func(t *testing.T) {
		w := &world{}
		store := submit.NewMemory()
		_, err := w.on(t, store).Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		s := w.on(t, slowStore{store})
		wrong := make(chan error, 1)
		go func() {
			_, err := s.Submit(t.Context(), "a", order{"y"})
			wrong <- err
		}()
		synctest.Wait()
		_, err = s.Submit(t.Context(), "a", order{"x"})
		assert.NoError(t, err)
		assert.ErrorIs(t, <-wrong, submit.ErrKeyReused)
	})
}

// A job that was taken over is known to be recorded.
func TestEnqueue_takenOver(t *testing.T) {
	t.Parallel()
	bubble(t, "and is read back", func(t *testing.T) {
		w := &world{lag: time.Hour}
		set := func(o *options) { o.Policy.Within = 2 * time.Hour }
		store := submit.NewMemory()
		first := w.on(t, store, set)
		stopFirst := running(first)
		require.NoError(t, first.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(time.Second)
		stopFirst()
		second := w.on(t, store, set)
		stop := running(second)
		defer stop()
		require.True(t, until(time.Minute, func() bool { return second.Progress().Reading == 1 }))
		start := time.Now()
		assert.NoError(t, second.Enqueue(within(t, time.Minute), "a", order{"x"}))
		assert.Zero(t, time.Since(start))
	})
}

// What the policy sends again is not sent again once Run has ended: the lease is
// no longer renewed, and others take over.
func TestRun_endsResending(t *testing.T) {
	t.Parallel()
	bubble(t, "of a lost answer", func(t *testing.T) {
		w := &world{answer: errLost, honours: true, lag: time.Hour} // or a look would show it
		s := w.on(t, submit.NewMemory(), func(o *options) {
			o.Lease = time.Second
			o.Policy.Resend.WithKey = time.Minute
			o.Policy.Schedule = readback.Backoff{Initial: 3 * time.Second, Max: 3 * time.Second, NoJitter: true}
		})
		stop := running(s)
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(4 * time.Second)
		require.Equal(t, 2, w.sent("a"))
		stop()
		assert.Equal(t, 2, w.sent("a"))
	})
}
