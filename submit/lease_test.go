package submit_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
)

// Jobs of a process that died are taken over within two leases, and not before
// one is over.
func TestLease_takeover(t *testing.T) {
	t.Parallel()
	for _, lease := range []time.Duration{time.Second, 15 * time.Second, time.Minute} {
		for after := time.Duration(0); after < lease; after += lease / 7 {
			bubble(t, fmt.Sprint(lease, " ", after), func(t *testing.T) {
				set := func(o *options) { o.Lease, o.Policy.Within = lease, time.Hour }
				w := &world{lag: time.Hour}
				store := submit.NewMemory()
				first := newProcess(w, store)
				s, stopFirst := first.starts(t, set)
				second, stop := newProcess(w, store).starts(t, set)
				defer stop()
				require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
				time.Sleep(3*lease + after)
				assert.Equal(t, 1, s.Progress().Reading)
				assert.Zero(t, second.Progress().Reading)

				first.kill()
				died := time.Now()
				stopFirst()
				require.True(t, until(3*lease, func() bool { return second.Progress().Reading == 1 }))
				took := time.Since(died)
				assert.GreaterOrEqual(t, took, lease*2/3, "since the last renewal it is a whole lease")
				assert.LessOrEqual(t, took, 2*lease)
				assert.Equal(t, 1, w.sent("a"))
			})
		}
	}
}

// Without any Run, who submits the job of a process that died takes it over.
func TestLease_takeoverBySubmit(t *testing.T) {
	t.Parallel()
	bubble(t, "and nothing else", func(t *testing.T) {
		w := &world{lag: 5 * time.Second}
		store := submit.NewMemory()
		first := newProcess(w, store)
		s, stopFirst := first.starts(t)
		for _, key := range []string{"a", "b"} {
			require.NoError(t, s.Enqueue(t.Context(), key, order{"x"}))
		}
		time.Sleep(time.Second)
		first.kill()
		stopFirst()
		second := w.on(t, store)
		start := time.Now()
		_, err := second.Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		assert.LessOrEqual(t, time.Since(start), 30*time.Second)
		assert.Equal(t, 1, w.sent("a"))
		assert.Equal(t, 1, second.Progress().Confirmed)
		res, err := second.Lookup(t.Context(), "b")
		require.NoError(t, err)
		assert.Zero(t, res.Outcome)
		assert.Len(t, leases(t, store), 1, "that of the dead, for a Run to find")
	})
}

// A process that stops in good order leaves its jobs to others at once.
func TestLease_left(t *testing.T) {
	t.Parallel()
	bubble(t, "by the end of Run", func(t *testing.T) {
		w := &world{lag: 20 * time.Second}
		store := submit.NewMemory()
		first := w.on(t, store)
		stopFirst := running(first)
		second := w.on(t, store)
		defer running(second)()
		require.NoError(t, first.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(time.Second)
		stopFirst()
		time.Sleep(5 * time.Second) // a third of the lease
		assert.Equal(t, 1, second.Progress().Reading)
		assert.Len(t, leases(t, store), 1)
	})
	bubble(t, "by Enqueue without a Run, while others submit without one", func(t *testing.T) {
		w := &world{lag: 20 * time.Second}
		store := submit.NewMemory()
		worker := w.on(t, store)
		defer running(worker)()
		time.Sleep(time.Second)
		require.NoError(t, w.on(t, store).Enqueue(t.Context(), "a", order{"x"}))
		_, err := (&world{took: time.Second}).on(t, store).Submit(t.Context(), "b", order{"x"})
		require.NoError(t, err)
		time.Sleep(5 * time.Second)
		assert.Equal(t, 1, w.sent("a"))
		assert.Equal(t, 1, worker.Progress().Reading)
	})
	bubble(t, "by Enqueue without a Run", func(t *testing.T) {
		w := &world{}
		store := submit.NewMemory()
		worker := w.on(t, store)
		defer running(worker)()
		time.Sleep(time.Second)
		for i := range 3 {
			require.NoError(t, w.on(t, store).Enqueue(t.Context(), fmt.Sprint(i), order{"x"}))
			assert.Zero(t, w.sent(fmt.Sprint(i)), "it sends nothing itself")
		}
		time.Sleep(5 * time.Second)
		for i := range 3 {
			res, err := worker.Lookup(t.Context(), fmt.Sprint(i))
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome)
		}
	})
}

// A holder that is paused just before its write, for longer than its lease, and
// then wakes up: another has taken over by then, so its change of the record is
// refused. If it had asked the store and looked at its lease before the pause,
// it still sends the write, which nothing can prevent: one write is what the
// service gets, without Resubmit. If it wakes up before the last look at its
// lease, it sends nothing.
func TestLease_pausedHolder(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		at     string
		resend time.Duration
		sent   int
	}{
		{"after update job", 0, 0},
		{"before write", 0, 1},
		{"after write", 0, 1},
		{"after update job", time.Hour, 1},
		{"before write", time.Hour, 2},
		{"after write", time.Hour, 1}, // the look before the second write shows the first
	} {
		bubble(t, fmt.Sprint(tt.at, ", resubmit for ", tt.resend), func(t *testing.T) {
			w := &world{}
			store := submit.NewMemory()
			first := newProcess(w, store)
			set := func(o *options) { o.Resubmit.KeyHonouredFor = tt.resend }
			var resume func()
			first.hook = func(what string) {
				if what == tt.at && resume == nil {
					resume = first.pause()
				}
			}
			s, stopFirst := first.starts(t, set)
			require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
			synctest.Wait()
			require.NotNil(t, resume)

			second, stop := newProcess(w, store).starts(t, set)
			defer stop()
			time.Sleep(time.Minute)
			if tt.at == "after write" || tt.resend > 0 {
				res, err := second.Lookup(t.Context(), "a")
				require.NoError(t, err)
				assert.Equal(t, confirmed, res.Outcome)
			} else {
				assert.Equal(t, 1, second.Progress().Reading)
			}

			resume()
			time.Sleep(5 * time.Minute)
			assert.Equal(t, tt.sent, w.sent("a"))
			res, err := second.Lookup(t.Context(), "a")
			require.NoError(t, err)
			w.agrees(t, "a", res)
			assert.Equal(t, tt.sent > 0, res.Outcome == confirmed)
			p := second.Progress()
			assert.Equal(t, 1, p.Confirmed+p.Unconfirmed, "the outcome is that of who took over")
			p = s.Progress()
			assert.Zero(t, p.Confirmed+p.Unconfirmed+p.Failed, "what was taken away counts elsewhere")
			assert.Len(t, leases(t, store), 2, "the first has a lease again")
			stopFirst()
		})
	}
}

// A holder that cannot renew its lease sends nothing from two thirds of it on,
// and goes on when it can.
func TestLease_sendsNothingWithout(t *testing.T) {
	t.Parallel()
	bubble(t, "store down for lease renewals alone", func(t *testing.T) {
		w := &world{}
		p := newProcess(w, submit.NewMemory())
		var down atomic.Bool
		p.fails = func(what string) (before, after bool) { return down.Load() && what == "update lease", false }
		s, stop := p.starts(t)
		defer stop()
		time.Sleep(14 * time.Second) // renewed at 10 s
		down.Store(true)
		_, err := s.Submit(within(t, time.Second), "a", order{"x"})
		require.NoError(t, err, "for a while all is well")
		time.Sleep(6 * time.Second) // 21 s
		_, err = s.Submit(within(t, 10*time.Second), "b", order{"x"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, errDown)
		assert.Zero(t, w.sent("b"))
		down.Store(false)
		_, err = s.Submit(within(t, 10*time.Second), "b", order{"x"})
		require.NoError(t, err)
		assert.Equal(t, 1, w.sent("b"))
	})
}

// A lease counts from before it was asked for, however late the answer comes.
func TestLease_lateAnswer(t *testing.T) {
	t.Parallel()
	for _, late := range []string{"after create lease", "after update lease"} {
		bubble(t, late, func(t *testing.T) {
			w := &world{}
			p := newProcess(w, submit.NewMemory())
			var down, slow atomic.Bool
			slow.Store(true)
			p.fails = func(what string) (bool, bool) { return down.Load() && what == "update lease", false }
			p.hook = func(what string) {
				if what == late && slow.Load() {
					time.Sleep(4 * time.Second)
				}
			}
			s, stop := p.starts(t)
			defer stop()
			time.Sleep(4500 * time.Millisecond)
			if late == "after update lease" {
				time.Sleep(5 * time.Second) // renewed at 5 s, answered at 9 s
			}
			down.Store(true)
			slow.Store(false)
			_, err := s.Submit(within(t, time.Second), "a", order{"x"})
			require.NoError(t, err)
			time.Sleep(6 * time.Second)
			_, err = s.Submit(within(t, time.Second), "b", order{"x"})
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Zero(t, w.sent("b"))
		})
	}
}
