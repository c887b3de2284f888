package submit_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/internal/pause"
	"github.com/readback-go/readback/submit"
)

// Jobs of a process that died are taken over within two thirds of a lease after it
// is over, and not before.
func TestLease_takenOverInTime(t *testing.T) {
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

				defer stopFirst()
				first.kill()
				died := time.Now()
				require.True(t, until(3*lease, func() bool { return second.Progress().Reading == 1 }))
				took := time.Since(died)
				assert.GreaterOrEqual(t, took, lease*2/3, "since the last renewal it is a whole lease")
				assert.LessOrEqual(t, took, lease*5/3+100*time.Millisecond, "until looks ten times a second")
				assert.Equal(t, 1, w.sent("a"))
			})
		}
	}
}

// slowly is a store that takes a while to create the record of a job.
type slowly struct{ submit.Store }

func (s slowly) Create(ctx context.Context, r submit.Record) (uint64, error) {
	if r.Kind == submit.KindJob {
		pause.For(ctx, time.Second)
	}
	return s.Store.Create(ctx, r)
}

// A job of a process that has gone is taken over although somebody enqueues it again
// just when the new process looks for such jobs.
func TestLease_takeoverBesideEnqueue(t *testing.T) {
	t.Parallel()
	bubble(t, "at the start", func(t *testing.T) {
		w := &world{lag: time.Minute}
		store := submit.NewMemory()
		first := w.on(t, store)
		stop := running(first)
		require.NoError(t, first.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(time.Second)
		stop()
		second := w.on(t, slowly{store})
		over := make(chan error)
		go func() { over <- second.Enqueue(t.Context(), "a", order{"x"}) }()
		synctest.Wait()
		defer running(second)()
		require.NoError(t, <-over)
		assert.True(t, until(30*time.Second, func() bool { return second.Progress().Reading == 1 }))
	})
}

// A program that enqueues without a pause and runs nothing does not keep its jobs from
// those who run: they have them within a lease. What it submits meanwhile is written
// once.
func TestLease_leftByProducer(t *testing.T) {
	t.Parallel()
	bubble(t, "that never pauses", func(t *testing.T) {
		w := &world{lag: time.Second}
		store := submit.NewMemory()
		producer := w.on(t, slowly{store})
		worker := w.on(t, store)
		defer running(worker)()
		ctx, stop := context.WithCancel(t.Context())
		var calls sync.WaitGroup
		var recorded atomic.Int64
		for i := range 4 {
			calls.Go(func() {
				time.Sleep(time.Duration(i) * 300 * time.Millisecond)
				for n := 0; ctx.Err() == nil; n++ {
					key := fmt.Sprint(i, "-", n)
					if i == 3 {
						_, err := producer.Submit(ctx, key, order{"x"})
						assert.True(t, err == nil || ctx.Err() != nil, err)
						continue
					}
					if producer.Enqueue(ctx, key, order{"x"}) == nil {
						recorded.Add(1)
					}
				}
			})
		}
		time.Sleep(time.Minute)
		assert.GreaterOrEqual(t, worker.Progress().Confirmed, 3*40)
		stop()
		calls.Wait()
		assert.True(t, until(time.Minute, func() bool { return worker.Progress().Confirmed >= int(recorded.Load()) }))
		for i := range 4 {
			for n := range 60 {
				assert.LessOrEqual(t, w.sent(fmt.Sprint(i, "-", n)), 1)
			}
		}
	})
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
func TestLease_leftJobsAreFreeAtOnce(t *testing.T) {
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
			ended(t, worker, fmt.Sprint(i), confirmed)
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
				ended(t, second, "a", confirmed)
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

// A write that is to be sent again, since it was refused for a while, and may not
// be, since the lease may be over, is sent once there is a lease again.
func TestLease_sendsAgainWith(t *testing.T) {
	t.Parallel()
	bubble(t, "after 429", func(t *testing.T) {
		w := &world{refuse: status(429)}
		p := newProcess(w, submit.NewMemory())
		var down atomic.Bool
		p.fails = func(what string) (before, after bool) { return down.Load() && what == "update lease", false }
		s, stop := p.starts(t, func(o *options) {
			o.Policy.Resend.OnRateLimited = true
			o.Policy.Schedule = readback.Backoff{Initial: 13 * time.Second, Max: 13 * time.Second, NoJitter: true}
		})
		defer stop()
		down.Store(true)
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(20 * time.Second)
		assert.Equal(t, 1, w.sent("a"))
		assert.Equal(t, 1, s.Progress().Queued)
		w.mu.Lock()
		w.refuse = nil
		w.mu.Unlock()
		down.Store(false)
		_, err := s.Submit(within(t, 30*time.Second), "a", order{"x"})
		require.NoError(t, err)
		assert.Equal(t, 2, w.sent("a"))
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

// A lease that was created by a call whose answer was lost counts from the first
// renewal: others may have seen it long ago.
func TestLease_lostAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, "of its creation", func(t *testing.T) {
		w := &world{}
		p := newProcess(w, submit.NewMemory())
		start := time.Now()
		var renewals atomic.Bool
		p.fails = func(what string) (before, after bool) {
			switch what {
			case "create lease":
				return time.Since(start) > 0 && time.Since(start) < 8*time.Second, time.Since(start) == 0
			case "update lease":
				return !renewals.Load(), false
			}
			return false, false
		}
		s, stop := p.starts(t)
		defer stop()
		_, err := s.Submit(within(t, 12*time.Second), "a", order{"x"})
		require.ErrorIs(t, err, errDown)
		assert.Zero(t, w.sent("a"))
		renewals.Store(true)
		_, err = s.Submit(within(t, 5*time.Second), "a", order{"x"})
		require.NoError(t, err)
		assert.Equal(t, 1, w.sent("a"))
		assert.Len(t, leases(t, p.Store), 1)
	})
}

// A lease that is over is ended in the store before a job of its holder is taken
// over, also by who submits without a Run: the holder that wakes up cannot renew
// it, and sends nothing, however late it comes to the write.
func TestLease_endedBySubmit(t *testing.T) {
	t.Parallel()
	bubble(t, "without a Run", func(t *testing.T) {
		w := &world{}
		store := submit.NewMemory()
		first := newProcess(w, store)
		var resume func()
		first.hook = func(what string) {
			if what == "after update job" && resume == nil {
				resume = first.pause()
				time.Sleep(time.Minute) // longer than the rest of the process
			}
		}
		s, stopFirst := first.starts(t)
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		synctest.Wait()
		require.NotNil(t, resume)

		second := w.on(t, store, everySecond)
		took := make(chan error)
		go func() {
			_, err := second.Submit(t.Context(), "a", order{"x"})
			took <- err
		}()
		require.True(t, until(31*time.Second, func() bool { return second.Progress().Reading == 1 }))
		resume()
		require.Error(t, <-took)
		time.Sleep(5 * time.Minute)
		assert.Zero(t, w.sent("a"))
		assert.Len(t, leases(t, store), 1, "the first has another lease, and found its old one's jobs done")
		stopFirst()
	})
}

// Nobody takes over a job whose holder has woken up and renewed its lease, even
// if it was over when it was last looked at, and could not be ended.
func TestLease_notEnded(t *testing.T) {
	t.Parallel()
	for _, runs := range []bool{true, false} {
		for _, fails := range []bool{true, false} {
			bubble(t, fmt.Sprint("by Run ", runs, ", store down ", fails), func(t *testing.T) {
				w := &world{lag: time.Minute}
				set := func(o *options) { o.Policy.Within = 5 * time.Minute }
				memory := submit.NewMemory()
				first := newProcess(w, memory)
				s, stopFirst := first.starts(t, set)
				defer stopFirst()
				require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
				time.Sleep(time.Second)
				require.Equal(t, 1, s.Progress().Reading)
				resume := sync.OnceFunc(first.pause())

				store := &endings{Store: memory, of: leases(t, memory)[0], before: func() error {
					resume()
					time.Sleep(2 * time.Second)
					if fails {
						return errDown
					}
					return nil
				}}
				second := w.on(t, store, everySecond, set)
				if runs {
					defer running(second)()
				}
				res, err := second.Submit(t.Context(), "a", order{"x"})
				require.NoError(t, err)
				assert.Equal(t, confirmed, res.Outcome)
				assert.Positive(t, store.tries.Load())
				assert.Equal(t, 1, s.Progress().Confirmed, "by who held it all the time")
				assert.Zero(t, second.Progress().Confirmed)
				assert.Equal(t, 1, w.sent("a"))
			})
		}
	}
}

// endings is a store that calls before when somebody ends another's lease.
type endings struct {
	submit.Store
	of     string
	before func() error
	tries  atomic.Int64
}

func (e *endings) about(r submit.Record) error {
	if r.Kind != submit.KindLease || r.Key != e.of {
		return nil
	}
	e.tries.Add(1)
	return e.before()
}

func (e *endings) Update(ctx context.Context, r submit.Record) (uint64, error) {
	if err := e.about(r); err != nil {
		return 0, err
	}
	return e.Store.Update(ctx, r)
}

func (e *endings) Delete(ctx context.Context, r submit.Record) error {
	if err := e.about(r); err != nil {
		return err
	}
	return e.Store.Delete(ctx, r)
}
