package submit_test

import (
	"context"
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

// With consent, a job that was being sent at the crash is sent again.
func TestResubmit(t *testing.T) {
	t.Parallel()
	resubmit := func(o *options) { o.Resubmit.KeyHonouredFor = time.Hour }
	for _, where := range []string{"before write", "after write"} {
		for _, after := range []time.Duration{time.Minute, 59 * time.Minute, 61 * time.Minute} {
			bubble(t, fmt.Sprintf("died %s, restarted after %v", where, after), func(t *testing.T) {
				w := &world{lag: 2 * time.Hour, honours: true}
				if where == "after write" {
					w.lag = after + 30*time.Second // it shows later than the restart
				}
				store := submit.NewMemory()
				first := newProcess(w, store)
				first.hook = func(what string) {
					if what == where {
						first.kill()
					}
				}
				s, stop := first.starts(t, resubmit)
				_, err := s.Submit(first.ctx, "a", order{"x"})
				require.Error(t, err)
				stop()
				time.Sleep(after)

				w.mu.Lock()
				if where == "before write" {
					w.lag = 10 * time.Second
				}
				w.mu.Unlock()
				second, stop := newProcess(w, store).starts(t, resubmit)
				defer stop()
				res, _ := second.Submit(t.Context(), "a", order{"x"})
				sent := 0
				if where == "after write" {
					sent++
				}
				if after < time.Hour {
					sent++
				}
				assert.Equal(t, sent, w.sent("a"))
				assert.Equal(t, w.did("a"), res.Outcome == confirmed)
				assert.NotEqual(t, failed, res.Outcome)
				assert.LessOrEqual(t, w.seen().executed, 1, "the service honours the key")
			})
		}
	}
}

// A look comes first, and spares the second write.
func TestResubmit_looksFirst(t *testing.T) {
	t.Parallel()
	bubble(t, "found", func(t *testing.T) {
		w := &world{}
		store := submit.NewMemory()
		first := newProcess(w, store)
		first.hook = func(what string) {
			if what == "after write" {
				first.kill()
			}
		}
		s, stop := first.starts(t)
		_, err := s.Submit(first.ctx, "a", order{"x"})
		require.Error(t, err)
		stop()
		second, stop := newProcess(w, store).starts(t, func(o *options) { o.Resubmit.KeyHonouredFor = time.Hour })
		defer stop()
		_, err = second.Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		assert.Equal(t, 1, w.sent("a"))
	})
}

// After a crash that left the answer in doubt, a refusal of the second try does
// not prove that the first was not carried out.
func TestResubmit_neverFailed(t *testing.T) {
	t.Parallel()
	bubble(t, "refused the second time", func(t *testing.T) {
		w := &world{lag: time.Hour}
		store := submit.NewMemory()
		first := newProcess(w, store)
		first.hook = func(what string) {
			if what == "after write" {
				first.kill()
			}
		}
		s, stop := first.starts(t)
		_, err := s.Submit(first.ctx, "a", order{"x"})
		require.Error(t, err)
		stop()
		w.mu.Lock()
		w.refuse = status(422)
		w.mu.Unlock()
		second, stop := newProcess(w, store).starts(t, func(o *options) { o.Resubmit.KeyHonouredFor = time.Hour })
		defer stop()
		res, _ := second.Submit(context.WithoutCancel(t.Context()), "a", order{"x"})
		assert.Equal(t, 2, w.sent("a"))
		assert.Equal(t, unconfirmed, res.Outcome)
	})
}
