package submit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// view is what Jobs yields, by key, in order.
func view(t *testing.T, s *submitter, f submit.Filter) (keys []string, jobs map[string]submit.Job[order, string]) {
	t.Helper()
	jobs = make(map[string]submit.Job[order, string])
	for job, err := range s.Jobs(t.Context(), f) {
		require.NoError(t, err)
		keys = append(keys, job.Key)
		jobs[job.Key] = job
	}
	return keys, jobs
}

func TestJobs(t *testing.T) {
	t.Parallel()
	bubble(t, "of every state", func(t *testing.T) {
		w := &world{lag: time.Second}
		b := &bug{in: "Read"}
		u := &outage{until: time.Now().Add(24 * time.Hour)}
		store := submit.NewMemory()
		s := w.on(t, store, everySecond, b.into(w))
		defer running(s)()
		require.NoError(t, s.Enqueue(t.Context(), "confirmed", order{"x"}))
		time.Sleep(time.Minute)
		require.NoError(t, s.Enqueue(t.Context(), "aside", order{"bad"}))
		time.Sleep(time.Minute)
		w.mu.Lock()
		w.lag = time.Hour
		w.mu.Unlock()
		require.NoError(t, s.Enqueue(t.Context(), "unconfirmed", order{"x"}))
		time.Sleep(time.Minute)
		w.mu.Lock()
		w.refuse = status(422)
		w.mu.Unlock()
		require.NoError(t, s.Enqueue(t.Context(), "failed", order{"x"}))
		time.Sleep(time.Minute)
		other := w.on(t, store, u.before(w))
		defer running(other)()
		require.NoError(t, other.Enqueue(t.Context(), "queued", order{"x"}))
		time.Sleep(time.Minute)
		w.mu.Lock()
		w.refuse = nil
		w.mu.Unlock()
		require.NoError(t, s.Enqueue(t.Context(), "answered", order{"x"}))
		time.Sleep(time.Second)

		keys, jobs := view(t, s, submit.Filter{})
		assert.Equal(t, []string{"answered", "queued", "failed", "unconfirmed", "aside", "confirmed"}, keys, "the newest first")
		for key, want := range map[string]submit.State{
			"queued": submit.Queued, "answered": submit.Answered, "aside": submit.SetAside,
			"confirmed": submit.Ended, "unconfirmed": submit.Ended, "failed": submit.Ended,
		} {
			assert.Equal(t, want, jobs[key].State, key)
			assert.NotEmpty(t, jobs[key].Payload.Name)
			assert.NoError(t, jobs[key].Unreadable)
		}
		assert.Equal(t, unconfirmed, jobs["unconfirmed"].Outcome)
		assert.Equal(t, "confirmed", jobs["confirmed"].Written)
		assert.ErrorContains(t, jobs["failed"].Err, "422")
		assert.Positive(t, jobs["queued"].Tries)
		assert.Contains(t, jobs["queued"].Tried, "connection refused")
		assert.Equal(t, "a bug in Read", jobs["aside"].Panic)
		assert.Contains(t, jobs["aside"].Stack, "aside_test.go")
		assert.False(t, jobs["answered"].Pending.IsZero())
		assert.Len(t, jobs["confirmed"].Steps, 3)

		for want, f := range map[string]submit.Filter{
			"[answered queued]":              {States: []submit.State{submit.Answered, submit.Queued}},
			"[unconfirmed]":                  {Outcomes: []consistency.Outcome{unconfirmed}},
			"[failed unconfirmed]":           {Outcomes: []consistency.Outcome{unconfirmed, failed}, Limit: 2},
			"[failed unconfirmed confirmed]": {States: []submit.State{submit.Ended}},
			"[unconfirmed aside]":            {After: jobs["failed"].Cursor, Limit: 2},
			"[aside answered]":               {KeyPrefix: "a"},
			"[aside confirmed]":              {OlderThan: 190 * time.Second},
			"[answered]":                     {NewerThan: 30 * time.Second},
			"[]":                             {States: []submit.State{submit.Sending}},
		} {
			keys, _ := view(t, s, f)
			if want == "[aside answered]" {
				want = "[answered aside]"
			}
			assert.Equal(t, want, fmt.Sprint(keys))
		}
		stats := s.Stats()
		assert.Equal(t, map[string]int{"refused": 1, "not seen in time": 1}, stats.Reasons)
		assert.Equal(t, 1, stats.SetAside)
		assert.Equal(t, jobs["unconfirmed"].Intent.Unix(), stats.OldestUnconfirmed.Unix())
		assert.Positive(t, stats.Store.P50)
	})
	bubble(t, "pages while jobs change", func(t *testing.T) {
		w := &world{lag: 10 * time.Second}
		s := w.on(t, submit.NewMemory(), everySecond)
		defer running(s)()
		for i := range 200 {
			require.NoError(t, s.Enqueue(t.Context(), fmt.Sprint(i), order{"x"}))
			time.Sleep(50 * time.Millisecond)
		}
		seen := make(map[string]int)
		for cursor, n := "", -1; n != 0; {
			n = 0
			for job, err := range s.Jobs(t.Context(), submit.Filter{After: cursor, Limit: 7}) {
				require.NoError(t, err)
				seen[job.Key]++
				cursor = job.Cursor
				n++
			}
			time.Sleep(time.Second / 2)
		}
		assert.Len(t, seen, 200)
		for key, n := range seen {
			assert.Equal(t, 1, n, key)
		}
	})
	bubble(t, "records that cannot be read", func(t *testing.T) {
		w := &world{}
		store := submit.NewMemory()
		s := w.on(t, store)
		for key, value := range map[string]string{"damaged": `{`, "typed": `{"submit":1,"state":"queued","holder":"x","job":7}`} {
			_, err := store.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: key, Value: []byte(value)})
			require.NoError(t, err)
		}
		_, jobs := view(t, s, submit.Filter{})
		assert.ErrorIs(t, jobs["damaged"].Unreadable, submit.ErrUnreadable)
		assert.ErrorIs(t, jobs["typed"].Unreadable, submit.ErrUnreadable)
		assert.Equal(t, submit.Queued, jobs["typed"].State)
	})
	bubble(t, "a store without a journal", func(t *testing.T) {
		w := &world{}
		s := w.on(t, struct{ submit.Store }{submit.NewMemory()})
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		keys, _ := view(t, s, submit.Filter{States: []submit.State{submit.Queued}})
		assert.Equal(t, []string{"a"}, keys)
		for _, err := range s.Jobs(t.Context(), submit.Filter{}) {
			assert.ErrorIs(t, err, errors.ErrUnsupported)
		}
		for _, err := range s.Feed(t.Context(), 0) {
			assert.ErrorIs(t, err, errors.ErrUnsupported)
		}
	})
}

// A job is cancelled only if it is not sent, also between two tries; its key is free.
func TestCancel(t *testing.T) {
	t.Parallel()
	bubble(t, "between tries", func(t *testing.T) {
		w := &world{}
		u := &outage{until: time.Now().Add(time.Hour)}
		store := submit.NewMemory()
		s, elsewhere := w.on(t, store, u.before(w)), w.on(t, store)
		defer running(s)()
		var all sync.WaitGroup
		for _, s := range []*submitter{s, elsewhere} {
			all.Go(func() {
				res, err := s.Submit(t.Context(), "a", order{"x"})
				assert.Equal(t, failed, res.Outcome)
				assert.ErrorIs(t, err, submit.ErrCancelled)
			})
			time.Sleep(time.Second) // the one for which there is an outage is first
		}
		time.Sleep(time.Minute)
		require.NoError(t, elsewhere.Cancel(t.Context(), "a"))
		time.Sleep(10 * time.Second)
		all.Wait()
		assert.ErrorIs(t, elsewhere.Cancel(t.Context(), "a"), submit.ErrWrongState)
		time.Sleep(2 * time.Hour)
		assert.Zero(t, w.sent("a"))
		assert.Zero(t, s.Progress().Queued)
		_, err := s.Submit(t.Context(), "a", order{"another"})
		require.NoError(t, err)
	})
	bubble(t, "too late", func(t *testing.T) {
		w := &world{took: time.Second, lag: time.Minute}
		s := w.on(t, submit.NewMemory())
		defer running(s)()
		require.ErrorIs(t, s.Cancel(t.Context(), "a"), submit.ErrNotFound)
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		for range 3 {
			time.Sleep(700 * time.Millisecond)
			require.ErrorIs(t, s.Cancel(t.Context(), "a"), submit.ErrWrongState)
			require.ErrorIs(t, s.Forget(t.Context(), "a"), submit.ErrWrongState)
		}
	})
	bubble(t, "it is an outcome like others", func(t *testing.T) {
		w, told := &world{}, 0
		var s *submitter
		s = w.on(t, submit.NewMemory(), func(o *options) {
			o.Ended = func(key string, job order, res result) {
				told++
				assert.Equal(t, "a", key)
				assert.Equal(t, order{"x"}, job)
				assert.Equal(t, failed, res.Outcome)
				assert.ErrorIs(t, res.Err, submit.ErrCancelled)
				stored, err := s.Lookup(t.Context(), key)
				assert.NoError(t, err)
				assert.True(t, stored.Ended.Equal(res.Ended))
				panic("a bug in the hook")
			}
		})
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		require.NoError(t, s.Cancel(t.Context(), "a"))
		require.ErrorIs(t, s.Cancel(t.Context(), "a"), submit.ErrWrongState)
		assert.Equal(t, 1, told)
		assert.Equal(t, 1, s.Progress().Failed)
		assert.Equal(t, map[string]int{"cancelled": 1}, s.Stats().Reasons)
	})
	// Whoever is first: cancelled and never sent, or sent and not cancelled.
	for n := range 60 {
		bubble(t, fmt.Sprint("a race ", n), func(t *testing.T) {
			w := &world{}
			p := newProcess(w, submit.NewMemory())
			var points atomic.Int64
			var err error
			p.hook = func(string) {
				if points.Add(1) == int64(n) {
					err = w.on(t, p.Store).Cancel(t.Context(), "a")
				}
			}
			s, stop := p.starts(t)
			defer stop()
			require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
			time.Sleep(time.Minute)
			synctest.Wait()
			cancelled := err == nil && points.Load() >= int64(n) && n > 0
			if cancelled {
				res, _ := s.Lookup(t.Context(), "a")
				if res.Outcome == confirmed { // it was made again, or there was none yet
					return
				}
				assert.ErrorIs(t, res.Err, submit.ErrCancelled)
				assert.Zero(t, w.sent("a"))
			} else {
				assert.Equal(t, 1, w.sent("a"))
			}
		})
	}
}

// Retry reads once more, and goes on with what was set aside; it never sends what may
// have been sent.
func TestRetry(t *testing.T) {
	t.Parallel()
	for _, run := range []bool{true, false} {
		bubble(t, fmt.Sprint("unconfirmed, run here ", run), func(t *testing.T) {
			w := &world{lag: time.Hour}
			store := submit.NewMemory()
			s := w.on(t, store, func(o *options) { o.Resubmit.KeyHonouredFor = time.Minute })
			_, err := s.Submit(t.Context(), "a", order{"x"})
			require.Error(t, err)
			if run {
				defer running(s)()
			} else {
				defer running(w.on(t, store))()
			}
			time.Sleep(2 * time.Hour)
			_, jobs := view(t, s, submit.Filter{})
			require.ErrorIs(t, s.Retry(t.Context(), "a", jobs["a"].Revision+1), submit.ErrConflict)
			require.NoError(t, s.Retry(t.Context(), "a", jobs["a"].Revision))
			time.Sleep(time.Minute)
			ended(t, s, "a", confirmed)
			assert.Equal(t, 1, w.sent("a"))
			require.ErrorIs(t, s.Retry(t.Context(), "a"), submit.ErrWrongState)
		})
	}
	for _, in := range []string{"Flow", "Write", "Write, sent", "Read"} {
		bubble(t, "set aside by a bug in "+in, func(t *testing.T) {
			w := &world{}
			b := &bug{in: in}
			store := submit.NewMemory()
			s := w.on(t, store, b.into(w), everySecond)
			defer running(s)()
			require.NoError(t, s.Enqueue(t.Context(), "a", order{"bad"}))
			time.Sleep(time.Minute)
			b.mends.Store(true)
			require.NoError(t, w.on(t, store).Retry(t.Context(), "a"))
			time.Sleep(5 * time.Minute)
			res, err := s.Lookup(t.Context(), "a")
			require.NoError(t, err)
			want := confirmed
			if in == "Write" { // nobody knows how far it came
				want = unconfirmed
			}
			assert.Equal(t, want, res.Outcome)
			assert.Equal(t, in != "Write", w.did("a"))
			assert.LessOrEqual(t, w.sent("a"), 1)
		})
	}
}

// If the store's answer is lost, Retry does not take its own change for another's, and the job is
// gone on with at once.
func TestRetry_lostAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, "unconfirmed", func(t *testing.T) {
		w := &world{lag: time.Hour}
		p := newProcess(w, submit.NewMemory())
		s, stop := p.starts(t)
		defer stop()
		_, err := s.Submit(t.Context(), "a", order{"x"})
		require.Error(t, err)
		time.Sleep(2 * time.Hour)
		_, jobs := view(t, w.on(t, p.Store), submit.Filter{})
		var lost atomic.Bool
		p.mu.Lock()
		p.fails = func(what string) (before, after bool) {
			after = what == "update job" && lost.CompareAndSwap(false, true)
			return false, after
		}
		p.mu.Unlock()
		require.NoError(t, s.Retry(t.Context(), "a", jobs["a"].Revision))
		require.True(t, lost.Load())
		time.Sleep(20 * time.Second)
		ended(t, s, "a", confirmed)
		assert.Equal(t, 1, w.sent("a"))
	})
}

// What is forgotten leaves its key and outcome.
func TestForget(t *testing.T) {
	t.Parallel()
	bubble(t, "a confirmed job", func(t *testing.T) {
		w := &world{}
		store := submit.NewMemory()
		s := w.on(t, store)
		_, err := s.Submit(t.Context(), "a", order{"a secret"})
		require.NoError(t, err)
		require.NoError(t, s.Forget(t.Context(), "a"))
		r, err := store.Get(t.Context(), submit.KindJob, "a")
		require.NoError(t, err)
		assert.NotContains(t, string(r.Value), "secret")
		_, jobs := view(t, s, submit.Filter{})
		assert.True(t, jobs["a"].Forgotten)
		_, err = s.Submit(t.Context(), "a", order{"a secret"})
		require.NoError(t, err)
		_, err = s.Submit(t.Context(), "a", order{"another"})
		require.ErrorIs(t, err, submit.ErrKeyReused)
		assert.Equal(t, 1, w.sent("a"))
		time.Sleep(7*24*time.Hour + time.Minute)
		_, err = s.Lookup(t.Context(), "a")
		require.ErrorIs(t, err, submit.ErrNotFound)
	})
}

// What is forgotten cannot be read once more: nothing says what to read.
func TestForget_unconfirmedIsNotReadAgain(t *testing.T) {
	t.Parallel()
	bubble(t, "no retry", func(t *testing.T) {
		w := &world{lag: time.Hour}
		s := w.on(t, submit.NewMemory())
		_, err := s.Submit(t.Context(), "a", order{"x"})
		require.Error(t, err)
		require.NoError(t, s.Forget(t.Context(), "a"))
		require.ErrorIs(t, s.Retry(t.Context(), "a"), submit.ErrWrongState)
	})
}

// Unconfirmed outcomes are kept longer.
func TestKeep_unconfirmedIsKeptLonger(t *testing.T) {
	t.Parallel()
	bubble(t, "four weeks", func(t *testing.T) {
		w := &world{lag: 1000 * time.Hour}
		s := w.on(t, submit.NewMemory())
		_, _ = s.Submit(t.Context(), "a", order{"x"})
		time.Sleep(27 * 24 * time.Hour)
		_, err := s.Lookup(t.Context(), "a")
		require.NoError(t, err)
		time.Sleep(2 * 24 * time.Hour)
		_, err = s.Lookup(t.Context(), "a")
		require.ErrorIs(t, err, submit.ErrNotFound)
	})
}

// The feed has each outcome, in order, whoever records it and wherever it is read
// from; the hook has those of its process.
func TestFeed(t *testing.T) {
	t.Parallel()
	bubble(t, "read again after a crash", func(t *testing.T) {
		w := &world{lag: 5 * time.Second}
		store := submit.NewMemory()
		var mu sync.Mutex
		told := make(map[string]consistency.Outcome)
		s := w.on(t, store, func(o *options) {
			o.Ended = func(key string, job order, res result) {
				mu.Lock()
				defer mu.Unlock()
				assert.Equal(t, order{"x"}, job)
				told[key] = res.Outcome
				if key == "7" {
					panic("a bug in the hook")
				}
			}
		})
		defer running(s)()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var fed []string
		var all sync.WaitGroup
		all.Go(func() {
			var cursor uint64
			for crashes := 0; crashes < 10; crashes++ {
				n := 0
				for job, err := range s.Feed(ctx, cursor) {
					if err != nil {
						assert.ErrorIs(t, err, context.Canceled)
						return
					}
					if n++; n == 10 {
						break // the tenth was not dealt with
					}
					assert.Equal(t, confirmed, job.Outcome)
					assert.Equal(t, order{"x"}, job.Payload)
					fed = append(fed, job.Key)
					cursor = job.Revision
				}
			}
		})
		for i := range 60 {
			require.NoError(t, s.Enqueue(t.Context(), fmt.Sprint(i), order{"x"}))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		cancel()
		all.Wait()
		assert.Len(t, fed, 60)
		mu.Lock()
		assert.Len(t, told, 60)
		mu.Unlock()
	})
}

// A filter that no job can fit is refused, and asks no store.
func TestJobs_badFilter(t *testing.T) {
	t.Parallel()
	bubble(t, "refused", func(t *testing.T) {
		s := new(world).on(t, submit.NewMemory())
		for _, f := range []submit.Filter{
			{States: []submit.State{"a\x00b"}}, {States: []submit.State{submit.Queued, ""}}, {Outcomes: []consistency.Outcome{0}},
			{Outcomes: []consistency.Outcome{99}}, {Limit: -1}, {After: "x"}, {After: " "}, {After: "99999999999999999999 a"},
		} {
			n := 0
			for _, err := range s.Jobs(t.Context(), f) {
				require.ErrorIs(t, err, consistency.ErrInvalid, "%+v", f)
				n++
			}
			assert.Equal(t, 1, n)
		}
		for _, f := range []submit.Filter{
			{States: []submit.State{submit.Queued}, Outcomes: []consistency.Outcome{confirmed}}, {KeyPrefix: "\x00"}, {OlderThan: submit.Forever},
			{NewerThan: -1}, {After: "-1 "},
		} {
			for _, err := range s.Jobs(t.Context(), f) {
				require.NoError(t, err)
			}
		}
	})
}
