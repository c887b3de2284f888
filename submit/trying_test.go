package submit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

var errRefused = errors.New("connection refused")

// outage is what becomes of writes until a time: no connection is got, or err is
// their answer.
type outage struct {
	until time.Time
	tries atomic.Int64

	mu  sync.Mutex
	err error // nil is that nothing can be sent
}

func (u *outage) answer() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// becomes makes err the answer from now on.
func (u *outage) becomes(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.err = err
}

func (u *outage) before(w *world) func(*options) {
	return func(o *options) {
		o.Flow = func(key string, o order) consistency.Flow[string, *thing] {
			f := w.flow(key, o)
			write := f.Write
			f.Write = func(ctx context.Context) (string, error) {
				u.tries.Add(1)
				if !time.Now().Before(u.until) {
					return write(ctx)
				}
				if err := u.answer(); err != nil {
					return "", err
				}
				trace := httptrace.ContextClientTrace(ctx)
				trace.GetConn("example.com:443")
				trace.ConnectDone("tcp", "example.com:443", errRefused)
				return "", errRefused
			}
			return f
		}
	}
}

// Jobs ride out an outage in which nothing can be sent: each is sent once it is over,
// in whatever process.
func TestTrying(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"nothing is sent": nil, "429": status(429), "the client's word": consistency.As(consistency.NotExecuted, errRefused)} {
		bubble(t, name, func(t *testing.T) {
			w := &world{lag: time.Second}
			u := &outage{until: time.Now().Add(10 * time.Minute), err: err}
			store := submit.NewMemory()
			s := w.on(t, store, u.before(w))
			stop := running(s)
			enqueue(t, s, 50)
			time.Sleep(5 * time.Minute)
			p := s.Progress()
			assert.Equal(t, 50, p.Queued+p.Sending)
			assert.Zero(t, p.Failed)
			stop()
			second := w.on(t, store, u.before(w))
			defer running(second)()
			res, err := second.Submit(t.Context(), "0", order{"x"})
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome)
			assert.Less(t, time.Since(u.until), 10*time.Second, "with the waits of the schedule")
			time.Sleep(time.Minute)
			assert.Equal(t, 50, second.Progress().Confirmed)
			assert.Equal(t, 50, w.seen().received)
			assert.Less(t, u.tries.Load(), int64(50*600/2), "with waits in between")
		})
	}
}

// A refusal that the caller knows to pass is waited out like an outage, but the
// service has looked at the job: its key stays its own.
func TestTrying_when(t *testing.T) {
	t.Parallel()
	passes := func(o *options) {
		o.Policy.Resend.When = func(a consistency.Answer) bool { return a.Status == 400 }
		o.Policy.Schedule = every(time.Minute)
	}
	bubble(t, "it passes", func(t *testing.T) {
		w := &world{}
		u := &outage{until: time.Now().Add(time.Hour), err: status(400)}
		s := w.on(t, submit.NewMemory(), u.before(w), passes)
		defer running(s)()
		res, err := s.Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome)
		assert.Equal(t, 1, w.sent("a"))
		assert.InDelta(t, 61, u.tries.Load(), 2)
	})
	bubble(t, "it does not", func(t *testing.T) {
		w := &world{}
		u := &outage{until: time.Now().Add(48 * time.Hour), err: status(400)}
		s := w.on(t, submit.NewMemory(), u.before(w), passes)
		defer running(s)()
		_, err := s.Submit(t.Context(), "a", order{"x"})
		require.ErrorIs(t, err, submit.ErrGaveUp)
		_, err = s.Submit(t.Context(), "a", order{"y"})
		require.ErrorIs(t, err, submit.ErrKeyReused)
	})
	bubble(t, "another refusal ends it", func(t *testing.T) {
		w := &world{refuse: status(422)}
		s := w.on(t, submit.NewMemory(), passes)
		_, err := s.Submit(t.Context(), "a", order{"x"})
		require.ErrorIs(t, err, consistency.ErrFailed)
		assert.Equal(t, 1, w.sent("a"))
	})
}

// A job that could not be sent in its time is Failed, and its key is free for any
// other job; that of a job that was refused is not.
func TestTrying_givesUp(t *testing.T) {
	t.Parallel()
	bubble(t, "after a day", func(t *testing.T) {
		w := &world{}
		u := &outage{until: time.Now().Add(36 * time.Hour)}
		store := submit.NewMemory()
		everyMinute := func(o *options) { o.Policy.Schedule = every(time.Minute) }
		s, other := w.on(t, store, u.before(w), everyMinute), w.on(t, store, u.before(w), everyMinute)
		defer running(s)()
		start := time.Now()
		var all sync.WaitGroup
		all.Go(func() { // it joins it elsewhere
			time.Sleep(time.Hour)
			_, err := other.Submit(t.Context(), "a", order{"x"})
			assert.ErrorIs(t, err, consistency.ErrFailed)
			assert.ErrorContains(t, err, "given up")
		})
		res, err := s.Submit(t.Context(), "a", order{"x"})
		assert.Equal(t, failed, res.Outcome)
		require.ErrorIs(t, err, submit.ErrGaveUp)
		require.ErrorIs(t, err, errRefused)
		assert.InDelta(t, 24, time.Since(start).Hours(), 0.02)
		all.Wait()
		ended(t, s, "a", failed)

		require.NoError(t, s.Enqueue(t.Context(), "a", order{"another"}))
		res, err = other.Submit(t.Context(), "a", order{"another"})
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome)
		assert.Equal(t, 1, w.sent("a"))
	})
	bubble(t, "once only", func(t *testing.T) {
		w := &world{}
		u := &outage{until: time.Now().Add(time.Hour)}
		s := w.on(t, submit.NewMemory(), u.before(w), func(o *options) { o.GiveUpAfter = 1 })
		for range 3 {
			_, err := s.Submit(t.Context(), "a", order{"x"})
			require.ErrorIs(t, err, consistency.ErrFailed)
		}
		assert.EqualValues(t, 3, u.tries.Load())
	})
	bubble(t, "a job that comes late is tried", func(t *testing.T) {
		w := &world{}
		store := submit.NewMemory()
		require.NoError(t, w.on(t, store).Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(72 * time.Hour)
		s := w.on(t, store)
		defer running(s)()
		time.Sleep(time.Minute)
		assert.Equal(t, 1, s.Progress().Confirmed)
	})
	bubble(t, "not after a refusal", func(t *testing.T) {
		w := &world{refuse: status(422)}
		s := w.on(t, submit.NewMemory())
		for range 2 {
			_, err := s.Submit(t.Context(), "a", order{"x"})
			require.ErrorIs(t, err, consistency.ErrFailed)
		}
		_, err := s.Submit(t.Context(), "a", order{"y"})
		require.ErrorIs(t, err, submit.ErrKeyReused)
		assert.Equal(t, 1, w.sent("a"))
	})
	bubble(t, "a try of unknown fate ends the trying", func(t *testing.T) {
		w := &world{}
		u := &outage{until: time.Now().Add(24 * time.Hour)}
		s := w.on(t, submit.NewMemory(), u.before(w))
		var all sync.WaitGroup
		all.Go(func() {
			res, err := s.Submit(t.Context(), "a", order{"x"})
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.ErrorIs(t, err, status(503))
		})
		time.Sleep(time.Hour)
		u.becomes(status(503))
		all.Wait()
		assert.Zero(t, w.sent("a"))
	})
}

// The time for which a key is honoured counts from when it was first sent, and not
// from the intent.
func TestTrying_keyFromFirstSend(t *testing.T) {
	t.Parallel()
	bubble(t, "after an outage", func(t *testing.T) {
		w := &world{honours: true}
		u := &outage{until: time.Now().Add(2 * time.Hour)}
		store := submit.NewMemory()
		p := newProcess(w, store)
		s, stop := p.starts(t, func(o *options) {
			u.before(w)(o)
			inner := o.Flow
			o.Flow = func(key string, o order) consistency.Flow[string, *thing] { return p.reach(inner(key, o)) }
		})
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(2*time.Hour - time.Second)
		p.mu.Lock()
		p.hook = func(what string) {
			if what == "before write" && !time.Now().Before(u.until) {
				p.kill()
			}
		}
		p.mu.Unlock()
		time.Sleep(10 * time.Second)
		stop()
		assert.Zero(t, w.sent("a"))
		second := w.on(t, store, func(o *options) { o.Resubmit.KeyHonouredFor = time.Hour })
		defer running(second)()
		res, err := second.Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome)
		assert.Equal(t, 1, w.sent("a"))
	})
}

// unrenewed is a store in which no lease is renewed.
type unrenewed struct{ submit.Store }

func (s unrenewed) Update(ctx context.Context, r submit.Record) (uint64, error) {
	if r.Kind == submit.KindLease {
		return 0, errLost
	}
	return s.Store.Update(ctx, r)
}

// When a job was first sent is not forgotten where a later try is not made, or is proven
// not to have left: the service may have seen the key then.
func TestTrying_firstSendIsKept(t *testing.T) {
	t.Parallel()
	neverSent := consistency.As(consistency.NotExecuted, errRefused)
	tests := []struct {
		name    string
		answers []error // to the tries; then the code panics
		resend  consistency.Resend
		after   time.Duration // the process ends
	}{
		{"the lease is over", []error{status(404)}, consistency.Resend{OnMissingParent: true}, 90 * time.Second},
		{"the next is never sent", []error{status(404), neverSent}, consistency.Resend{OnMissingParent: true}, 90 * time.Second},
		{"one from the queue is never sent", []error{status(400), neverSent}, consistency.Resend{When: func(consistency.Answer) bool { return true }}, 90 * time.Second},
		{"the code panics", []error{status(400)}, consistency.Resend{When: func(consistency.Answer) bool { return true }}, time.Hour},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			store, tries := submit.NewMemory(), 0
			var reached submit.Store = store
			if tt.name == "the lease is over" {
				reached = unrenewed{store}
			}
			s := (&world{}).on(t, reached, func(o *options) {
				o.Policy.Resend, o.Policy.Schedule = tt.resend, every(time.Minute)
				flow := o.Flow
				o.Flow = func(key string, job order) consistency.Flow[string, *thing] {
					if tries == len(tt.answers) {
						panic("a bug")
					}
					f := flow(key, job)
					f.Write = func(context.Context) (string, error) {
						tries++
						return "", tt.answers[tries-1]
					}
					return f
				}
			})
			began, stop := time.Now(), running(s)
			require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
			time.Sleep(tt.after)
			stop()
			found, err := store.Get(t.Context(), submit.KindJob, "a")
			require.NoError(t, err)
			var rec struct{ Sent time.Time }
			require.NoError(t, json.Unmarshal(found.Value, &rec))
			assert.WithinDuration(t, began, rec.Sent, time.Second, "%s", found.Value)
		})
	}
}

// Workers bounds the writes of Submit too, and WritesPerSecond how many of an origin
// begin.
func TestWrites_bounded(t *testing.T) {
	t.Parallel()
	bubble(t, "workers", func(t *testing.T) {
		w := &world{}
		var now, most atomic.Int64
		s := w.on(t, submit.NewMemory(), func(o *options) {
			o.Workers = 4
			o.Flow = func(key string, o order) consistency.Flow[string, *thing] {
				f := w.flow(key, o)
				write := f.Write
				f.Write = func(ctx context.Context) (string, error) {
					most.Store(max(most.Load(), now.Add(1)))
					defer now.Add(-1)
					time.Sleep(time.Second)
					return write(ctx)
				}
				return f
			}
		})
		var all sync.WaitGroup
		start := time.Now()
		for i := range 200 {
			all.Go(func() {
				_, err := s.Submit(t.Context(), fmt.Sprint(i), order{"x"})
				assert.NoError(t, err)
			})
		}
		all.Wait()
		assert.EqualValues(t, 4, most.Load())
		assert.Equal(t, 50*time.Second, time.Since(start))
	})
	bubble(t, "rate", func(t *testing.T) {
		w := &world{}
		s := w.on(t, submit.NewMemory(), func(o *options) {
			o.WritesPerSecond = 10
			o.Origin = func(o order) string { return o.Name }
		})
		defer running(s)()
		start := time.Now()
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				_, err := s.Submit(t.Context(), fmt.Sprint(i), order{fmt.Sprint(i % 2)})
				assert.NoError(t, err)
			})
		}
		all.Wait()
		assert.InDelta(t, 4.9, time.Since(start).Seconds(), 0.2, "50 of each")
	})
}

// A list gathers what is due soon, without a rate being set, and
// nothing is confirmed late for it.
func TestReading_gathers(t *testing.T) {
	t.Parallel()
	for _, took := range []time.Duration{0, 20 * time.Millisecond, time.Second / 2} {
		bubble(t, fmt.Sprint("a stream of jobs, lists that take ", took), func(t *testing.T) {
			w := &world{lag: 10 * time.Second, readFor: took}
			s := w.on(t, submit.NewMemory(), func(o *options) {
				o.ReadMany = func(ctx context.Context, _ string, refs []string) (func(string) (*thing, bool), error) {
					return w.list(ctx, nil, refs)
				}
			})
			defer running(s)()
			for i := range 300 {
				require.NoError(t, s.Enqueue(t.Context(), fmt.Sprint(i), order{"x"}))
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(time.Minute)
			assert.Equal(t, 300, s.Progress().Confirmed)
			assert.Less(t, s.Progress().Lag.P90, 17*time.Second)
			assert.LessOrEqual(t, w.seen().lists, 400, "of 3,000 reads")
		})
	}
}

// Jobs that come together, by whatever door and from whatever origins, are read by few
// lists, and confirmed as soon as by many.
func TestReading_gathersBursts(t *testing.T) {
	t.Parallel()
	for way, in := range doors[order]() {
		for _, origins := range []int{1, 5} {
			bubble(t, fmt.Sprintf("%s, %d origins", way, origins), func(t *testing.T) {
				const jobs = 250
				w, store := &world{lag: 10 * time.Second, readFor: 50 * time.Millisecond}, newInbox()
				s := w.on(t, store, func(o *options) {
					o.Origin = func(o order) string { return o.Name }
					o.ReadMany = func(ctx context.Context, _ string, refs []string) (func(string) (*thing, bool), error) {
						return w.list(ctx, nil, refs)
					}
				})
				defer running(s)()
				var all sync.WaitGroup
				for i := range jobs {
					all.Go(func() { assert.NoError(t, in(t.Context(), s, store, fmt.Sprint(i), order{fmt.Sprint(i % origins)})) })
				}
				all.Wait()
				require.True(t, until(time.Minute, func() bool { return s.Progress().Confirmed == jobs }))
				assert.LessOrEqual(t, w.seen().lists, 50*origins, "of 3,500 reads")
				assert.Less(t, s.Progress().Lag.P90, 17*time.Second)
			})
		}
	}
}

// What is sent again after a crash is bounded with all other writes, and has their rate.
func TestWrites_boundedResends(t *testing.T) {
	t.Parallel()
	const lost, fresh, workers = 100, 100, 4
	for _, rate := range []float64{0, 10} {
		bubble(t, fmt.Sprint("per second ", rate), func(t *testing.T) {
			w := &world{honours: true, took: time.Second}
			store := submit.NewMemory()
			for i := range lost {
				value := fmt.Sprintf(`{"submit":1,"state":"sending","holder":"gone","intent":%q,"print":"","job":{"Name":"x"}}`, time.Now().Format(time.RFC3339))
				_, err := store.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: fmt.Sprint("lost ", i), Value: []byte(value)})
				require.NoError(t, err)
			}
			var now, most atomic.Int64
			var mu sync.Mutex
			var began []time.Time
			s := w.on(t, store, everySecond, func(o *options) {
				o.Workers, o.WritesPerSecond = workers, rate
				o.Resubmit.KeyHonouredFor = time.Hour
				wrap(o, func(_ string, f *consistency.Flow[string, *thing]) {
					write := f.Write
					f.Write = func(ctx context.Context) (string, error) {
						most.Store(max(most.Load(), now.Add(1)))
						defer now.Add(-1)
						mu.Lock()
						began = append(began, time.Now())
						mu.Unlock()
						return write(ctx)
					}
				})
			})
			defer running(s)()
			enqueued := func(yield func(string, order) bool) {
				for i := 0; i < fresh && yield(fmt.Sprint("fresh ", i), order{"x"}); i++ {
				}
			}
			for _, err := range s.EnqueueAll(t.Context(), enqueued) {
				require.NoError(t, err)
			}
			require.True(t, until(time.Hour, func() bool { return s.Progress().Confirmed == lost+fresh }))
			assert.EqualValues(t, workers, most.Load())
			assert.Len(t, began, lost+fresh)
			if rate > 0 {
				assert.GreaterOrEqual(t, began[len(began)-1].Sub(began[0]).Seconds(), (lost+fresh-1)/rate-0.1)
			}
		})
	}
}
