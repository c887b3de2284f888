package submit_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// A process dies at each point in turn: before and after each call of the store,
// before and after the write. Whatever the point, the job is known to another
// process, with the outcome that the service agrees with, and was sent once at
// most.
func TestCrash_everyPoint(t *testing.T) {
	t.Parallel()
	worlds := []struct {
		name  string
		world func() *world
	}{
		{"applied", func() *world { return &world{lag: 3 * time.Second, took: time.Second} }},
		{"lost answer", func() *world { return &world{lag: 3 * time.Second, answer: errLost} }},
		{"refused", func() *world { return &world{refuse: status(409)} }},
	}
	for _, tt := range worlds {
		for _, queue := range []bool{false, true} {
			name := tt.name
			if queue {
				name += ", queued"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				n := 1
				for ; !crashAt(t, n, tt.world(), queue); n++ {
				}
				assert.Greater(t, n, 8, "points at which it died")
			})
		}
	}
}

// crashAt lets a process die at point n, and reports whether it was done before.
func crashAt(t *testing.T, n int, w *world, queue bool) (survived bool) {
	synctest.Test(t, func(t *testing.T) {
		msg := fmt.Sprint("died at point ", n)
		store := submit.NewMemory()
		first := newProcess(w, store)
		first.dieAt = n
		s, stop := first.starts(t)
		stored := false
		if queue {
			stored = s.Enqueue(first.ctx, "a", order{"x"}) == nil
		} else {
			before, _ := s.Submit(first.ctx, "a", order{"x"})
			w.agrees(t, "a", before, msg)
		}
		if queue && stored {
			until(10*time.Second, func() bool {
				res, _ := s.Lookup(first.ctx, "a")
				return first.ctx.Err() != nil || res.Outcome != 0
			})
		}
		survived = first.ctx.Err() == nil
		stop()
		time.Sleep(10 * time.Second)

		second, stop := newProcess(w, store).starts(t)
		defer stop()
		if stored { // it must be known without being submitted again
			require.True(t, until(5*time.Minute, func() bool {
				res, err := second.Lookup(t.Context(), "a")
				return err == nil && res.Outcome != 0
			}), msg)
		}
		res, err := second.Submit(t.Context(), "a", order{"x"})
		w.agrees(t, "a", res, msg)
		assert.LessOrEqual(t, w.sent("a"), 1, msg)
		switch {
		case w.did("a"):
			assert.Equal(t, confirmed, res.Outcome, msg)
		case w.sent("a") == 0:
			assert.Equal(t, unconfirmed, res.Outcome, msg)
		default:
			assert.NotEqual(t, confirmed, res.Outcome, msg)
		}
		assert.Equal(t, res.Outcome, consistency.OutcomeOf(err), msg)

		again, _ := second.Lookup(t.Context(), "a")
		assert.Equal(t, res.Outcome, again.Outcome, msg)
	})
	return survived
}
