package submit_test

import (
	"context"
	"fmt"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// Each call of the store in turn fails, before or after it took effect, and the
// store says nothing but that. No job is lost, none is sent twice, and every
// outcome is recorded in the end.
func TestOutage_everyCall(t *testing.T) {
	t.Parallel()
	worlds := map[string]func() *world{
		"applied":     func() *world { return &world{lag: 3 * time.Second, took: time.Second} },
		"lost answer": func() *world { return &world{lag: 3 * time.Second, answer: errLost} },
		"refused":     func() *world { return &world{refuse: status(409)} },
	}
	for name, world := range worlds {
		for _, after := range []bool{false, true} {
			for _, calls := range []int{1, 4} {
				t.Run(fmt.Sprintf("%s, %d calls, after %v", name, calls, after), func(t *testing.T) {
					t.Parallel()
					n := 1
					for ; !failingAt(t, n, calls, after, world()); n++ {
					}
					assert.Greater(t, n, 3, "calls that failed")
				})
			}
		}
	}
}

// failingAt lets calls from the nth on fail, and reports whether there were
// fewer.
func failingAt(t *testing.T, n, calls int, after bool, w *world) (spared bool) {
	synctest.Test(t, func(t *testing.T) {
		msg := fmt.Sprint("from call ", n)
		p := newProcess(w, submit.NewMemory())
		var seen atomic.Int64
		p.fails = func(what string) (bool, bool) {
			if what == "write" {
				return false, false
			}
			if call := int(seen.Add(1)); call < n || call >= n+calls {
				return false, false
			}
			return !after, after
		}
		s, stop := p.starts(t)
		defer stop()
		res, err := s.Submit(within(t, 5*time.Minute), "a", order{"x"})
		spared = int(seen.Load()) < n
		w.agrees(t, "a", res, msg)
		assert.Equal(t, res.Outcome, consistency.OutcomeOf(err), msg)
		assert.Equal(t, 1, w.sent("a"), msg)
		want := confirmed
		if w.refuse != nil {
			want = failed
		}
		assert.Equal(t, want, res.Outcome, msg)
		kept, err := w.on(t, p.Store).Lookup(t.Context(), "a")
		require.NoError(t, err, msg)
		assert.Equal(t, want, kept.Outcome, msg)
		time.Sleep(time.Minute)
		assert.NoError(t, s.Progress().Err, msg)
		assert.Len(t, leases(t, p.Store), 1, msg)
	})
	return spared
}

// Nor does a job that ended unconfirmed lose its other look by that.
func TestOutage_readsAgain(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for n := range 8 {
			bubble(t, fmt.Sprintf("call %d, after %v", n, after), func(t *testing.T) {
				w := &world{lag: time.Hour}
				p := newProcess(w, submit.NewMemory())
				res, _ := w.on(t, p).Submit(t.Context(), "a", order{"x"})
				require.Equal(t, unconfirmed, res.Outcome)
				time.Sleep(time.Hour)
				s, stop := p.starts(t)
				defer stop()
				var seen atomic.Int64
				p.mu.Lock()
				p.fails = func(string) (bool, bool) {
					fails := seen.Add(1) == int64(n)
					return fails && !after, fails && after
				}
				p.mu.Unlock()
				_, err := s.Submit(t.Context(), "a", order{"x"})
				require.NoError(t, err)
				assert.Equal(t, 1, w.sent("a"))
			})
		}
	}
}

// The store is down for a while: what was sent is read back all the same, the
// outcome is recorded when the store is back, and what could not be recorded was
// not sent.
func TestOutage_forAWhile(t *testing.T) {
	t.Parallel()
	for _, down := range []time.Duration{5 * time.Second, time.Minute, time.Hour} {
		bubble(t, fmt.Sprint(down), func(t *testing.T) {
			w := &world{lag: 3 * time.Second}
			p := newProcess(w, submit.NewMemory())
			s, stop := p.starts(t)
			defer stop()
			require.NoError(t, s.Enqueue(t.Context(), "before", order{"x"}))
			time.Sleep(time.Second)
			p.cutOff(true)
			start := time.Now()
			res, err := s.Submit(within(t, 20*time.Second), "during", order{"x"})
			if down > 20*time.Second {
				assert.Equal(t, unconfirmed, res.Outcome)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.ErrorIs(t, err, errDown)
				assert.Error(t, s.Progress().Err)
			}
			assert.Zero(t, w.sent("during"))
			assert.Equal(t, 1, s.Progress().Recording, "confirmed by reads, not recorded")
			time.Sleep(down - time.Since(start))
			p.cutOff(false)
			for _, key := range []string{"before", "during"} {
				res, err = s.Submit(within(t, time.Minute), key, order{"x"})
				require.NoError(t, err)
				assert.Equal(t, confirmed, res.Outcome)
				assert.Equal(t, 1, w.sent(key))
			}
			assert.NoError(t, s.Progress().Err)
		})
	}
}

// A store that is down from the beginning keeps Submit waiting, and nothing is
// sent.
func TestOutage_fromTheBeginning(t *testing.T) {
	t.Parallel()
	bubble(t, "then it is back", func(t *testing.T) {
		w := &world{}
		p := newProcess(w, submit.NewMemory())
		p.cutOff(true)
		s, stop := p.starts(t)
		defer stop()
		start := time.Now()
		_, err := s.Submit(within(t, 30*time.Second), "a", order{"x"})
		assert.Equal(t, 30*time.Second, time.Since(start))
		assert.ErrorIs(t, err, consistency.ErrUnconfirmed, "nobody knows whether the key was submitted before")
		assert.ErrorIs(t, err, errDown)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorIs(t, s.Enqueue(within(t, time.Second), "a", order{"x"}), consistency.ErrUnconfirmed)
		p.cutOff(false)
		_, err = s.Submit(within(t, 30*time.Second), "a", order{"x"})
		require.NoError(t, err)
	})
}

// The end of Run does not wait for a store that is down.
func TestOutage_runEndsAllTheSame(t *testing.T) {
	t.Parallel()
	bubble(t, "while a job is recorded", func(t *testing.T) {
		w := &world{lag: time.Second}
		p := newProcess(w, submit.NewMemory())
		s := w.on(t, p, func(o *options) { o.Flow = p.flow })
		stop := running(s)
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		synctest.Wait()
		p.cutOff(true)
		time.Sleep(time.Minute)
		start := time.Now()
		stop()
		assert.LessOrEqual(t, time.Since(start), 9*time.Second)
		p.cutOff(false)
		defer running(w.on(t, p.Store))()
		time.Sleep(time.Minute)
		ended(t, s, "a", confirmed)
		assert.Equal(t, 1, w.sent("a"))
	})
}

// Without a Run, a Submit that gives up waits 4 s for a store that is down, at
// whatever step it was.
func TestOutage_givenUp(t *testing.T) {
	t.Parallel()
	for _, down := range []time.Duration{0, 500 * time.Millisecond, 2 * time.Second} {
		bubble(t, fmt.Sprint(down), func(t *testing.T) {
			w := &world{took: time.Second, lag: time.Hour}
			p := newProcess(w, submit.NewMemory())
			s := w.on(t, p, everySecond, func(o *options) { o.Flow = p.flow })
			time.AfterFunc(down, func() { p.cutOff(true) })
			start := time.Now()
			res, err := s.Submit(within(t, 5*time.Second), "a", order{"x"})
			assert.LessOrEqual(t, time.Since(start), 9*time.Second)
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
}

// The end of Run lets a write finish, so that it does not become ambiguous, but
// not for ever.
func TestRun_endsWrites(t *testing.T) {
	t.Parallel()
	for _, took := range []time.Duration{time.Second, time.Minute} {
		bubble(t, fmt.Sprint(took), func(t *testing.T) {
			w := &world{took: took}
			store := submit.NewMemory()
			s := w.on(t, store)
			stop := running(s)
			require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
			synctest.Wait()
			assert.Equal(t, 1, s.Progress().Sending)
			start := time.Now()
			stop()
			assert.Equal(t, min(took, 5*time.Second), time.Since(start))
			res, err := s.Lookup(t.Context(), "a")
			require.NoError(t, err)
			assert.Zero(t, res.Outcome)
			assert.Equal(t, took < 5*time.Second, w.did("a"))

			_, err = s.Submit(t.Context(), "a", order{"x"})
			assert.Equal(t, took < 5*time.Second, err == nil)
			assert.Equal(t, 1, w.sent("a"))
		})
	}
}

// A write that gave up at the end of Run before it was sent is sent by the next
// Run: there is proof that it was not carried out, and none that it is refused.
func TestRun_endsBeforeConnection(t *testing.T) {
	t.Parallel()
	bubble(t, "while it waits for a connection", func(t *testing.T) {
		w := &world{}
		store := submit.NewMemory()
		first := w.on(t, store, func(o *options) {
			o.Flow = func(key string, o order) consistency.Flow[string, *thing] {
				f := w.flow(key, o)
				f.Write = func(ctx context.Context) (string, error) {
					httptrace.ContextClientTrace(ctx).GetConn("example.com:443")
					<-ctx.Done()
					return "", &url.Error{Op: "Post", URL: "https://example.com/", Err: ctx.Err()}
				}
				return f
			}
		})
		stop := running(first)
		require.NoError(t, first.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(time.Second)
		assert.Equal(t, 1, first.Progress().Sending)
		start := time.Now()
		stop()
		assert.Equal(t, 5*time.Second, time.Since(start))
		s := w.on(t, store)
		res, err := s.Lookup(t.Context(), "a")
		require.NoError(t, err)
		assert.Zero(t, res.Outcome)
		defer running(s)()
		_, err = s.Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		assert.Equal(t, 1, w.sent("a"))
	})
}

// coded is a reference of a client that answers with a status and without an error.
type coded struct{ Status int }

func (c coded) StatusCode() int { return c.Status }

// A write that was refused just when the end of Run cuts it was sent all the same:
// it is Failed, and not sent again.
func TestRun_endsWithAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, "422", func(t *testing.T) {
		sent := 0
		s, err := submit.New(submit.Options[order, coded, *thing]{
			Store: submit.NewMemory(),
			Flow: func(string, order) consistency.Flow[coded, *thing] {
				return consistency.Create("create thing", func(ctx context.Context) (coded, error) {
					sent++
					<-ctx.Done()
					return coded{422}, nil
				}, func(context.Context, coded) (*thing, error) { return nil, status(404) })
			},
		})
		require.NoError(t, err)
		for range 2 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(10*time.Second, cancel)
			assert.NoError(t, s.Enqueue(ctx, "a", order{"x"}))
			s.Run(ctx)
		}
		assert.Equal(t, 1, sent)
		res, err := s.Lookup(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, failed, res.Outcome)
	})
}

// A read that the end of Run cuts short says nothing.
func TestRun_endsReads(t *testing.T) {
	t.Parallel()
	bubble(t, "in the middle", func(t *testing.T) {
		w := &world{readFor: 2 * time.Second}
		store := submit.NewMemory()
		s := w.on(t, store)
		stop := running(s)
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(time.Second)
		stop()
		res, err := s.Lookup(t.Context(), "a")
		require.NoError(t, err)
		assert.Zero(t, res.Outcome)
		assert.Equal(t, 1, w.sent("a"))
	})
}

// Queued jobs that were not sent before the end of Run are sent by the next.
func TestRun_leavesQueued(t *testing.T) {
	t.Parallel()
	bubble(t, "one worker", func(t *testing.T) {
		w := &world{took: 2 * time.Second}
		store := submit.NewMemory()
		one := func(o *options) { o.Workers = 1 }
		s := w.on(t, store, one)
		stop := running(s)
		enqueue(t, s, 10)
		time.Sleep(5 * time.Second)
		stop()
		assert.Equal(t, 3, w.seen().received)
		defer running(w.on(t, store, one))()
		time.Sleep(time.Minute)
		assert.Equal(t, 10, w.seen().received)
		for i := range 10 {
			ended(t, s, fmt.Sprint(i), confirmed)
			assert.Equal(t, 1, w.sent(fmt.Sprint(i)))
		}
	})
}
