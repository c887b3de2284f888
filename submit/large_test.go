package submit_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// limited is a store that keeps jobs whose records are up to so long.
type limited struct {
	submit.BatchStore
	most     atomic.Int64
	refusals atomic.Int64
}

func newLimited(most int) *limited {
	l := &limited{BatchStore: submit.NewMemory().Batching()}
	l.most.Store(int64(most))
	return l
}

func (l *limited) check(records ...submit.Record) error {
	for _, r := range records {
		if r.Kind == submit.KindJob && len(r.Value) > int(l.most.Load()) {
			l.refusals.Add(1)
			return fmt.Errorf("a store of %d bytes: %w", l.most.Load(), submit.ErrTooLarge)
		}
	}
	return nil
}

func (l *limited) Create(ctx context.Context, r submit.Record) (uint64, error) {
	if err := l.check(r); err != nil {
		return 0, err
	}
	return l.BatchStore.Create(ctx, r)
}

func (l *limited) Update(ctx context.Context, r submit.Record) (uint64, error) {
	if err := l.check(r); err != nil {
		return 0, err
	}
	return l.BatchStore.Update(ctx, r)
}

func (l *limited) ChangeAll(ctx context.Context, records []submit.Record) ([]uint64, error) {
	if err := l.check(records...); err != nil {
		return nil, err
	}
	return l.BatchStore.ChangeAll(ctx, records)
}

// lengthOf returns how long the record of a job is now.
func lengthOf(t *testing.T, store submit.Store, key string) int {
	t.Helper()
	r, err := store.Get(t.Context(), submit.KindJob, key)
	require.NoError(t, err)
	return len(r.Value)
}

func longName(n int) order { return order{strings.Repeat("x", n)} }

// A job for which the store has no room is refused at every door, before anything of
// it is sent or kept; those beside it are not held up, and its key is free.
func TestTooLarge_refusedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	large, small := longName(2000), longName(10)
	for name, enter := range map[string]func(context.Context, *submitter, string, order) error{
		"Submit": func(ctx context.Context, s *submitter, key string, o order) error {
			_, err := s.Submit(ctx, key, o)
			return err
		},
		"Enqueue": func(ctx context.Context, s *submitter, key string, o order) error { return s.Enqueue(ctx, key, o) },
		"SubmitAll": func(ctx context.Context, s *submitter, key string, o order) (err error) {
			for _, res := range s.SubmitAll(ctx, among(key, o, 20)) {
				err = errors.Join(err, res.Err)
			}
			return err
		},
		"EnqueueAll": func(ctx context.Context, s *submitter, key string, o order) (err error) {
			for _, one := range s.EnqueueAll(ctx, among(key, o, 20)) {
				err = errors.Join(err, one)
			}
			return err
		},
	} {
		for _, runs := range []bool{true, false} {
			bubble(t, fmt.Sprintf("%s, run %v", name, runs), func(t *testing.T) {
				w := &world{}
				store := newLimited(1000)
				s := w.on(t, store, everySecond)
				if runs {
					defer running(s)()
				}
				start := time.Now()
				err := enter(within(t, time.Hour), s, "a", large)
				require.ErrorIs(t, err, submit.ErrTooLarge)
				assert.Equal(t, failed, consistency.OutcomeOf(err))
				assert.ErrorContains(t, err, "a store of 1000 bytes")
				assert.Less(t, time.Since(start), time.Minute)
				assert.NoError(t, s.Progress().Err, "the store is well")
				assert.Zero(t, w.sent("a"))
				_, err = store.Get(t.Context(), submit.KindJob, "a")
				require.ErrorIs(t, err, submit.ErrNotFound)
				if strings.HasSuffix(name, "All") {
					for i := range 20 {
						_, err = store.Get(t.Context(), submit.KindJob, fmt.Sprint("beside ", i))
						require.NoError(t, err)
					}
				}
				_, err = s.Submit(within(t, time.Hour), "a", small)
				require.NoError(t, err)
			})
		}
	}
}

// among yields a job among others.
func among(key string, o order, others int) iter.Seq2[string, order] {
	return func(yield func(string, order) bool) {
		for i := range others {
			if i == others/2 && !yield(key, o) || !yield(fmt.Sprint("beside ", i), longName(10)) {
				return
			}
		}
	}
}

// A job that may have been recorded before the store had no room for it any more is
// not Failed: it may go on.
func TestTooLarge_unsureIsNotFailed(t *testing.T) {
	t.Parallel()
	for _, recorded := range []bool{true, false} {
		bubble(t, fmt.Sprint("recorded ", recorded), func(t *testing.T) {
			w := &world{}
			store := newLimited(1000)
			p := newProcess(w, store)
			p.fails = func(what string) (before, after bool) {
				if what == "create job" && store.most.Swap(100) == 1000 {
					if recorded {
						store.most.Store(1000)
					}
					return !recorded, recorded
				}
				return false, false
			}
			s, stop := p.starts(t)
			defer stop()
			go func() { // a little later the server takes less
				time.Sleep(time.Millisecond)
				store.most.Store(100)
			}()
			err := s.Enqueue(within(t, time.Minute), "a", longName(500))
			if !recorded {
				require.ErrorIs(t, err, submit.ErrTooLarge)
				assert.Equal(t, unconfirmed, consistency.OutcomeOf(err))
			}
			time.Sleep(time.Minute)
			store.most.Store(1000)
			time.Sleep(time.Hour)
			res, err := s.Lookup(t.Context(), "a")
			if !recorded {
				require.ErrorIs(t, err, submit.ErrNotFound)
				assert.Zero(t, w.sent("a"))
				return
			}
			w.agrees(t, "a", res)
			assert.NotZero(t, res.Outcome)
		})
	}
}

// A queued job that the store has no room for as one that is sent ends Failed: nothing
// was sent, and its key is free. Whoever held it before makes no difference.
func TestTooLarge_queued(t *testing.T) {
	t.Parallel()
	for _, inbox := range []bool{false, true} {
		for _, room := range []int{0, 20} { // for the claim, or not even for that
			bubble(t, fmt.Sprintf("inbox %v, room %d", inbox, room), func(t *testing.T) {
				w := &world{}
				store := newLimited(1000)
				s := w.on(t, store, everySecond)
				if inbox {
					d, err := s.Draft(t.Context(), "a", longName(500))
					require.NoError(t, err)
					_, err = store.Create(t.Context(), d.Record())
					require.NoError(t, err)
				} else {
					require.NoError(t, s.Enqueue(t.Context(), "a", longName(500)))
				}
				store.most.Store(int64(lengthOf(t, store, "a") + room))
				defer running(s)()
				time.Sleep(time.Minute)
				res, err := s.Lookup(t.Context(), "a")
				require.NoError(t, err)
				assert.Equal(t, failed, res.Outcome)
				require.ErrorIs(t, res.Err, submit.ErrTooLarge)
				assert.Zero(t, w.sent("a"))
				assert.Equal(t, 1, s.Stats().Reasons["too large"])
				store.most.Store(2000)
				_, err = s.Submit(t.Context(), "a", longName(100))
				require.NoError(t, err, "the key is free")
			})
		}
	}
}

// What was sent is never Failed for want of room, is read back, and ends with an outcome
// that has less to tell; also after a crash.
func TestTooLarge_sentIsNeverFailed(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		bubble(t, fmt.Sprint("crash ", crash), func(t *testing.T) {
			w := &world{lag: 10 * time.Second, took: time.Second}
			store := newLimited(10_000)
			p := newProcess(w, store)
			s, stop := p.starts(t)
			require.NoError(t, s.Enqueue(t.Context(), "a", longName(500)))
			require.True(t, until(time.Minute, func() bool { return w.sent("a") == 1 }))
			store.most.Store(int64(lengthOf(t, store, "a") + 10))
			time.Sleep(5 * time.Second)
			assert.Positive(t, store.refusals.Load(), "the answer did not fit")
			if crash {
				stop()
				s, stop = newProcess(w, store).starts(t)
			}
			defer stop()
			time.Sleep(5 * time.Minute)
			ended(t, s, "a", confirmed)
			assert.Equal(t, 1, w.sent("a"))
		})
	}
}

// A job that there is no room to revive stays as it is, and whoever asked is told.
func TestTooLarge_revived(t *testing.T) {
	t.Parallel()
	for _, is := range []string{"ended", "aside"} {
		bubble(t, is, func(t *testing.T) {
			w := &world{lag: time.Hour}
			b := &bug{in: "Read"}
			store := newLimited(10_000)
			name := "x"
			if is == "aside" {
				name = "bad"
			}
			s := w.on(t, store, everySecond, b.into(w), func(o *options) { o.KeepPayload = -1 })
			defer running(s)()
			res, err := s.Submit(within(t, 5*time.Minute), "a", order{name})
			require.Equal(t, unconfirmed, res.Outcome, "%v", err)
			before, err := store.Get(t.Context(), submit.KindJob, "a")
			require.NoError(t, err)
			store.most.Store(150)
			require.ErrorIs(t, s.Retry(within(t, time.Minute), "a"), map[string]error{
				"ended": submit.ErrUnreadable, "aside": submit.ErrTooLarge, // without its payload nobody can retry it
			}[is])
			start := time.Now()
			res, err = s.Submit(within(t, 5*time.Minute), "a", order{name})
			assert.Equal(t, unconfirmed, res.Outcome)
			require.ErrorIs(t, err, submit.ErrTooLarge)
			assert.Less(t, time.Since(start), time.Minute)
			after, err := store.Get(t.Context(), submit.KindJob, "a")
			require.NoError(t, err)
			assert.Equal(t, before, after)
			store.most.Store(10_000)
			b.mends.Store(true)
			time.Sleep(time.Hour)
			_, err = s.Submit(within(t, 5*time.Minute), "a", order{name})
			require.NoError(t, err)
			assert.Equal(t, 1, w.sent("a"))
		})
	}
}

// A job that ended Unconfirmed is read once more when its key comes again, and not
// sent, also if its record had no room for the handle and the service honours keys.
func TestTooLarge_readOnceMore(t *testing.T) {
	t.Parallel()
	bubble(t, "with consent to a second try after a crash", func(t *testing.T) {
		w := &world{lag: time.Hour}
		store := newLimited(10_000)
		s := w.on(t, store, everySecond, func(o *options) {
			o.KeepPayload = -1
			o.Resubmit = submit.Resubmit{KeyHonouredFor: time.Hour}
			o.Policy.Within = time.Minute
		})
		defer running(s)()
		go func() {
			time.Sleep(30 * time.Second)
			store.most.Store(400)
		}()
		res, err := s.Submit(t.Context(), "a", order{"x"})
		require.Equal(t, unconfirmed, res.Outcome, "%v", err)
		found, err := store.Get(t.Context(), submit.KindJob, "a")
		require.NoError(t, err)
		require.NotContains(t, string(found.Value), `"pending"`)
		store.most.Store(10_000)
		res, err = s.Submit(t.Context(), "a", order{"x"})
		assert.Equal(t, unconfirmed, res.Outcome, "%v", err)
		assert.Equal(t, 1, w.sent("a"))
	})
}

// Operators too get their way in less detail.
func TestTooLarge_operatorsGetTheirWay(t *testing.T) {
	t.Parallel()
	bubble(t, "cancel", func(t *testing.T) {
		w := &world{}
		store := newLimited(1000)
		s := w.on(t, store)
		require.NoError(t, s.Enqueue(t.Context(), "a", longName(500)))
		store.most.Store(int64(lengthOf(t, store, "a")))
		require.NoError(t, s.Cancel(t.Context(), "a"))
		res, err := s.Lookup(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, failed, res.Outcome)
		require.ErrorIs(t, res.Err, submit.ErrCancelled)
	})
}

// Whatever the store has room for, from the beginning or since the job was sent, a job
// ends, nothing is sent twice, and the outcome is what the service says.
func TestTooLarge_anyRoom(t *testing.T) {
	t.Parallel()
	long := errors.New(strings.Repeat("because ", 100))
	worlds := map[string]func() *world{
		"answered":  func() *world { return &world{lag: 3 * time.Second} },
		"lost":      func() *world { return &world{lag: 3 * time.Second, answer: long} },
		"refused":   func() *world { return &world{refuse: errors.Join(status(400), long)} },
		"throttled": func() *world { return &world{refuse: errors.Join(status(429), long)} },
		"unsent":    func() *world { return &world{refuse: consistency.As(consistency.NotExecuted, long)} },
		"unseen":    func() *world { return &world{lag: time.Hour} },
	}
	const payload, least = 400, 300 // an outcome takes less than the payload
	for name, make := range worlds {
		for _, panics := range []string{"", "Read", "Write, sent"} {
			for _, crash := range []bool{false, true} {
				bubble(t, fmt.Sprintf("%s, panic %q, crash %v", name, panics, crash), func(t *testing.T) {
					for room := least; room < 3000; room += 325 {
						w := make()
						key := "a"
						store := newLimited(10_000)
						b := &bug{in: panics}
						o := order{"bad"}
						change := func(o *options) {
							b.into(w)(o)
							o.GiveUpAfter = time.Minute
							flow := o.Flow
							o.Flow = func(key string, o order) consistency.Flow[string, *thing] {
								return flow(key, order{strings.TrimRight(o.Name, ".")})
							}
						}
						o.Name += strings.Repeat(".", payload)
						p := newProcess(w, store)
						s, stop := p.starts(t, change)
						if room%2 == 0 { // from the beginning
							store.most.Store(int64(room))
						}
						err := s.Enqueue(within(t, time.Hour), key, o)
						if err != nil {
							require.ErrorIs(t, err, submit.ErrTooLarge, room)
							require.Equal(t, failed, consistency.OutcomeOf(err))
							require.Zero(t, w.sent(key))
							stop()
							continue
						}
						store.most.Store(int64(room))
						time.Sleep(2 * time.Second)
						if crash {
							stop()
							s, stop = newProcess(w, store).starts(t, change)
						}
						time.Sleep(5 * time.Minute)
						b.mends.Store(true)
						res, err := s.Lookup(t.Context(), key)
						require.NoError(t, err)
						if res.Outcome == 0 { // it was set aside
							require.NotEmpty(t, panics, room)
							store.most.Store(10_000)
							require.NoError(t, s.Retry(t.Context(), key))
							time.Sleep(5 * time.Minute)
							res, err = s.Lookup(t.Context(), key)
							require.NoError(t, err)
						}
						w.agrees(t, key, res, room)
						require.NotZero(t, res.Outcome, room)
						if errors.Is(res.Err, submit.ErrTooLarge) && res.Outcome == failed && name != "throttled" && name != "unsent" {
							require.Zero(t, w.sent(key), room)
						}
						if name != "throttled" && name != "unsent" {
							require.LessOrEqual(t, w.sent(key), 1, room)
						}
						if panics == "" && w.did(key) && name != "unseen" {
							require.Equal(t, confirmed, res.Outcome, room)
						}
						n := store.refusals.Load()
						time.Sleep(5 * time.Minute)
						require.Equal(t, n, store.refusals.Load(), "nothing is tried for ever")
						stop()
					}
				})
			}
		}
	}
}
