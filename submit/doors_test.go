package submit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// A door is a way in which jobs J come into a store, where it has an inbox. Some wait
// for the outcome.
type door[J any] func(ctx context.Context, s *submit.Submitter[J, string, *thing], store *inbox, key string, job J) error

func doors[J any]() map[string]door[J] {
	type jobs = submit.Submitter[J, string, *thing]
	one := func(key string, job J) func(yield func(string, J) bool) {
		return func(yield func(string, J) bool) { yield(key, job) }
	}
	return map[string]door[J]{
		"Submit": func(ctx context.Context, s *jobs, _ *inbox, key string, job J) error {
			_, err := s.Submit(ctx, key, job)
			return err
		},
		"SubmitAll": func(ctx context.Context, s *jobs, _ *inbox, key string, job J) (err error) {
			for _, res := range s.SubmitAll(ctx, one(key, job)) {
				err = res.Err
			}
			return err
		},
		"Enqueue": func(ctx context.Context, s *jobs, _ *inbox, key string, job J) error { return s.Enqueue(ctx, key, job) },
		"EnqueueAll": func(ctx context.Context, s *jobs, _ *inbox, key string, job J) (err error) {
			for _, one := range s.EnqueueAll(ctx, one(key, job)) {
				err = one
			}
			return err
		},
		"Draft": func(ctx context.Context, s *jobs, store *inbox, key string, job J) error {
			d, err := s.Draft(ctx, key, job)
			if err != nil {
				return err
			}
			return store.enter(ctx, d)
		},
	}
}

// enter is what a transaction does that commits, with a key that may be there.
func (in *inbox) enter(ctx context.Context, d submit.Draft) error {
	r := d.Record()
	found, err := in.Get(ctx, r.Kind, r.Key)
	switch {
	case errors.Is(err, submit.ErrNotFound):
		r.Revision, err = in.Create(ctx, r)
	case err == nil:
		var joins bool
		if joins, err = d.Joins(found); joins || err != nil {
			return err
		}
		r.Revision, err = in.Update(ctx, submit.Record{Kind: r.Kind, Key: r.Key, Value: r.Value, Label: r.Label, Revision: found.Revision})
	}
	if err == nil {
		in.mu.Lock()
		defer in.mu.Unlock()
		in.fresh[r.Key] = r.Revision
	}
	return err
}

// Whatever door a job came in by, and whatever door it comes to again after a deploy, it
// is the same job.
func TestDoors_sameJob(t *testing.T) {
	t.Parallel()
	for first, in := range doors[order]() {
		for second, again := range doors[wideOrder]() {
			bubble(t, first+", "+second, func(t *testing.T) {
				w, store := &world{lag: 10 * time.Second}, newInbox()
				before, after := w.on(t, store), jobsOf[wideOrder](t, w, store)
				stop := running(before)
				var all sync.WaitGroup
				all.Go(func() { assert.NoError(t, in(t.Context(), before, store, "a", order{"x"})) })
				for _, later := range []time.Duration{5 * time.Second, time.Minute} { // while it is pending, and afterwards
					time.Sleep(later)
					err := again(t.Context(), after, store, "a", wideOrder{Name: "x", Tip: 1})
					require.ErrorIs(t, err, submit.ErrKeyReused)
					require.ErrorIs(t, err, consistency.ErrFailed)
					require.NoError(t, again(t.Context(), after, store, "a", wideOrder{Name: "x"}))
				}
				all.Wait()
				stop()
				assert.Equal(t, 1, w.sent("a"))
			})
		}
	}
}

// What nobody can read proves nothing at any door, and no operator's action touches it.
func TestDoors_unreadable(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"newer":                    `{"submit":2,"state":"queued","holder":"x","job":{"Name":"x"}}`,
		"not JSON":                 `{"submit":1,"sta`,
		"another payload":          `{"submit":1,"state":"queued","holder":"x","job":7}`,
		"a newer payload":          `{"submit":1,"state":"sending","holder":"x","payload":{"version":1,"job":{"Name":"x"}}}`,
		"a handle of what is new":  `{"submit":1,"state":"answered","holder":"x","job":{"Name":"x"},"pending":{"version":99}}`,
		"aside, it was something":  `{"submit":1,"state":"aside","holder":"x","job":{"Name":"x"},"broken":{"was":"dreaming"}}`,
		"ended without an outcome": `{"submit":1,"state":"ended","holder":"x","job":{"Name":"x"}}`,
	} {
		for way, in := range doors[order]() {
			bubble(t, name+", "+way, func(t *testing.T) {
				w, store := &world{}, newInbox()
				_, err := store.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "a", Value: []byte(value)})
				require.NoError(t, err)
				s := w.on(t, store)
				defer running(s)()
				err = in(within(t, time.Minute), s, store, "a", order{"x"})
				require.ErrorIs(t, err, submit.ErrUnreadable)
				if way != "Draft" { // its error is none of a job's
					require.ErrorIs(t, err, consistency.ErrUnconfirmed)
				}
				require.NotErrorIs(t, err, consistency.ErrFailed)
				if name != "another payload" && name != "a newer payload" { // those can be cancelled, if they are queued
					require.ErrorIs(t, s.Cancel(t.Context(), "a"), submit.ErrUnreadable)
					require.ErrorIs(t, s.Forget(t.Context(), "a"), submit.ErrUnreadable)
					require.ErrorIs(t, s.Retry(t.Context(), "a"), submit.ErrUnreadable)
					for _, res := range s.Wait(within(t, time.Minute), "a") {
						require.ErrorIs(t, res.Err, submit.ErrUnreadable)
						require.Equal(t, unconfirmed, res.Outcome)
					}
				}
				time.Sleep(time.Minute)
				r, err := store.Get(t.Context(), submit.KindJob, "a")
				require.NoError(t, err)
				assert.Equal(t, value, string(r.Value))
				assert.Zero(t, w.sent("a"))
			})
		}
	}
}

// By whatever door a job came that meets a bug, it is set aside, the others go on, and
// it goes on where it was once the bug is mended.
func TestDoors_aside(t *testing.T) {
	t.Parallel()
	for _, bugIn := range []string{"Flow", "Write, sent", "Read", "Origin", "Group"} {
		for way, in := range doors[order]() {
			bubble(t, bugIn+", "+way, func(t *testing.T) {
				w, store := &world{lag: 5 * time.Second}, newInbox()
				b := &bug{in: bugIn}
				s := w.on(t, store, b.into(w), everySecond, func(o *options) { o.Workers = 2 })
				defer running(s)()
				var all sync.WaitGroup
				for i := range 3 {
					all.Go(func() { assert.NoError(t, in(t.Context(), s, store, fmt.Sprint("good ", i), order{"x"})) })
					all.Go(func() {
						if err := in(t.Context(), s, store, fmt.Sprint("bad ", i), order{"bad"}); err != nil {
							assert.ErrorIs(t, err, submit.ErrSetAside)
							assert.ErrorIs(t, err, consistency.ErrUnconfirmed)
						}
					})
				}
				all.Wait()
				time.Sleep(time.Minute)
				assert.Equal(t, 3, s.Progress().Confirmed)
				assert.Equal(t, 3, s.Stats().SetAside)
				b.mends.Store(true)
				for i := range 3 {
					require.NoError(t, s.Retry(t.Context(), fmt.Sprint("bad ", i)))
				}
				time.Sleep(time.Minute)
				assert.Equal(t, 6, s.Progress().Confirmed)
				assert.Equal(t, 6, w.seen().received)
			})
		}
	}
}

// By whatever door jobs came, they ride out an outage, and never more of them are sent
// at once than there are workers.
func TestDoors_outage(t *testing.T) {
	t.Parallel()
	for way, in := range doors[order]() {
		bubble(t, way, func(t *testing.T) {
			w, store := &world{lag: time.Second}, newInbox()
			u := &outage{until: time.Now().Add(time.Minute)}
			var now, most atomic.Int64
			s := w.on(t, store, u.before(w), func(o *options) {
				o.Workers = 4
				flow := o.Flow
				o.Flow = func(key string, o order) consistency.Flow[string, *thing] {
					f := flow(key, o)
					write := f.Write
					f.Write = func(ctx context.Context) (string, error) {
						most.Store(max(most.Load(), now.Add(1)))
						defer now.Add(-1)
						time.Sleep(100 * time.Millisecond)
						return write(ctx)
					}
					return f
				}
			})
			defer running(s)()
			var all sync.WaitGroup
			for i := range 20 {
				all.Go(func() { assert.NoError(t, in(t.Context(), s, store, fmt.Sprint(i), order{"x"})) })
			}
			time.Sleep(30 * time.Second)
			assert.Zero(t, s.Progress().Failed)
			all.Wait()
			require.True(t, until(time.Hour, func() bool { return s.Progress().Confirmed == 20 }))
			assert.Less(t, time.Since(u.until), time.Minute)
			assert.Equal(t, 20, w.seen().received)
			assert.LessOrEqual(t, most.Load(), int64(4))
		})
	}
}
