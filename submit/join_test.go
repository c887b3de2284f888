package submit_test

import (
	"bytes"
	"context"
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

// However often, wherever and whenever a key is submitted, it is sent once, and
// all get the same outcome.
func TestJoin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		world func() *world
		want  consistency.Outcome
	}{
		{"confirmed", func() *world { return &world{took: time.Second, lag: 5 * time.Second} }, confirmed},
		{"failed", func() *world { return &world{took: time.Second, refuse: status(422)} }, failed},
		{"unconfirmed", func() *world { return &world{took: time.Second, lag: time.Hour} }, unconfirmed},
	} {
		for _, run := range []bool{true, false} {
			bubble(t, fmt.Sprint(tt.name, ", run ", run), func(t *testing.T) {
				w := tt.world()
				store := submit.NewMemory()
				submitters := []*submitter{w.on(t, store, everySecond), w.on(t, store, everySecond), w.on(t, store, everySecond)}
				var all sync.WaitGroup
				for i, s := range submitters {
					if run {
						defer running(s)()
					}
					for n := range 4 {
						all.Go(func() {
							time.Sleep(time.Duration(n*i) * 300 * time.Millisecond)
							res, err := s.Submit(t.Context(), "a", order{"x"})
							assert.Equal(t, tt.want, res.Outcome)
							assert.Equal(t, tt.want, consistency.OutcomeOf(err))
							if tt.want == confirmed {
								assert.Equal(t, "a", res.Written)
							}
						})
					}
				}
				all.Wait()
				sum := 0
				for _, s := range submitters {
					p := s.Progress()
					sum += p.Confirmed + p.Failed + p.Unconfirmed
				}
				assert.Equal(t, 1, sum, "one outcome")
				time.Sleep(24 * time.Hour)
				if tt.want != unconfirmed {
					reads := w.seen().reads
					res, err := submitters[0].Submit(t.Context(), "a", order{"x"})
					assert.Equal(t, tt.want, res.Outcome)
					assert.Equal(t, tt.want, consistency.OutcomeOf(err))
					assert.Equal(t, reads, w.seen().reads, "the outcome is known")
				}
				assert.Equal(t, 1, w.sent("a"))
				assert.NoError(t, submitters[1].Enqueue(t.Context(), "a", order{"x"}), "there is nothing to do")
				time.Sleep(time.Minute)
				assert.Equal(t, 1, w.sent("a"))
			})
		}
	}
}

// A key belongs to the job that it was submitted with.
func TestJoin_anotherPayload(t *testing.T) {
	t.Parallel()
	bubble(t, "while it is pending here, elsewhere, and later", func(t *testing.T) {
		w := &world{lag: 5 * time.Second}
		store := submit.NewMemory()
		here, there := w.on(t, store), w.on(t, store)
		defer running(here)()
		var all sync.WaitGroup
		all.Go(func() {
			_, err := here.Submit(t.Context(), "a", order{"x"})
			assert.NoError(t, err)
		})
		for range 2 {
			time.Sleep(time.Second)
			for _, s := range []*submitter{here, there} {
				start := time.Now()
				res, err := s.Submit(t.Context(), "a", order{"y"})
				assert.Equal(t, failed, res.Outcome)
				assert.ErrorIs(t, err, submit.ErrKeyReused)
				assert.ErrorIs(t, err, consistency.ErrFailed)
				assert.ErrorContains(t, err, "create thing")
				assert.ErrorIs(t, s.Enqueue(t.Context(), "a", order{"y"}), submit.ErrKeyReused)
				assert.Zero(t, time.Since(start))
			}
			all.Wait()
		}
		assert.Equal(t, 1, w.sent("a"))
	})
}

// What ended unconfirmed is read back once more by who submits it again, and
// never written again.
func TestJoin_readsAgain(t *testing.T) {
	t.Parallel()
	for _, answer := range []error{nil, errLost} {
		bubble(t, fmt.Sprint(answer), func(t *testing.T) {
			w := &world{lag: time.Hour, answer: answer}
			store := submit.NewMemory()
			res, _ := w.on(t, store).Submit(t.Context(), "a", order{"x"})
			require.Equal(t, unconfirmed, res.Outcome)
			time.Sleep(2 * time.Hour)
			reads := w.seen().reads
			defer running(w.on(t, store))()
			time.Sleep(time.Hour)
			assert.Equal(t, reads, w.seen().reads, "nobody asks any more")

			res, err := w.on(t, store).Submit(t.Context(), "a", order{"x"})
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome)
			kept, err := w.on(t, store).Lookup(t.Context(), "a")
			require.NoError(t, err)
			assert.Equal(t, confirmed, kept.Outcome)
			assert.Equal(t, 1, w.sent("a"))
		})
	}
}

// What ended unconfirmed without an answer that tells anything is looked for, and
// not sent.
func TestJoin_noHandle(t *testing.T) {
	t.Parallel()
	bubble(t, "by an older hand", func(t *testing.T) {
		w := &world{}
		store := submit.NewMemory()
		s := w.on(t, store)
		_, err := s.Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		r, err := store.Get(t.Context(), submit.KindJob, "a")
		require.NoError(t, err)
		r.Value = bytes.ReplaceAll(r.Value, []byte("confirmed"), []byte("unconfirmed"))
		_, err = store.Update(t.Context(), r)
		require.NoError(t, err)
		_, err = s.Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		assert.Equal(t, 1, w.sent("a"))
	})
}

// Once its outcome is forgotten, a key is a new job.
func TestJoin_forgottenKeyIsANewJob(t *testing.T) {
	t.Parallel()
	for _, keep := range []time.Duration{0, time.Hour, submit.Forever} {
		bubble(t, fmt.Sprint(keep), func(t *testing.T) {
			w := &world{}
			s := w.on(t, submit.NewMemory(), func(o *options) { o.Keep = keep })
			_, err := s.Submit(t.Context(), "a", order{"x"})
			require.NoError(t, err)
			last := keep
			if last == 0 {
				last = 7 * 24 * time.Hour
			}
			last = min(last, 100*365*24*time.Hour)
			time.Sleep(last)
			_, err = s.Submit(t.Context(), "a", order{"x"})
			require.NoError(t, err)
			assert.Equal(t, 1, w.sent("a"))
			time.Sleep(time.Second)
			_, err = s.Submit(t.Context(), "a", order{"x"})
			require.NoError(t, err)
			want := 2
			if keep == submit.Forever {
				want = 1
			}
			assert.Equal(t, want, w.sent("a"))
		})
	}
}

// Two processes work on many jobs, and one of them stops and starts again and
// again: no job is sent twice, and every outcome agrees with the service.
func TestJoin_contention(t *testing.T) {
	t.Parallel()
	bubble(t, "stopped and started", func(t *testing.T) {
		const jobs = 60
		w := &world{took: 2 * time.Second, lag: 20 * time.Second, answer: nil}
		store := submit.NewMemory()
		steady := w.on(t, store)
		defer running(steady)()
		stop := make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				done := running(w.on(t, store))
				time.Sleep(time.Duration(n%7) * time.Second)
				done()
			}
		})
		var calls sync.WaitGroup
		for i := range jobs {
			calls.Go(func() {
				time.Sleep(time.Duration(i) * 300 * time.Millisecond)
				key := fmt.Sprint(i)
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%40)*time.Second+time.Millisecond)
				defer cancel()
				res, _ := w.on(t, store).Submit(ctx, key, order{key})
				w.agrees(t, key, res)
				res, _ = steady.Submit(t.Context(), key, order{key})
				w.agrees(t, key, res)
				if w.did(key) {
					assert.Equal(t, confirmed, res.Outcome)
				}
				assert.LessOrEqual(t, w.sent(key), 1)
			})
		}
		calls.Wait()
		close(stop)
		all.Wait()
		synctest.Wait()
	})
}

func TestLookup(t *testing.T) {
	t.Parallel()
	bubble(t, "pending and unknown", func(t *testing.T) {
		w := &world{lag: time.Minute}
		s := w.on(t, submit.NewMemory())
		_, err := s.Lookup(t.Context(), "a")
		require.ErrorIs(t, err, submit.ErrNotFound)
		stop := running(s)
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(time.Second)
		res, err := s.Lookup(t.Context(), "a")
		require.NoError(t, err)
		assert.Zero(t, res.Outcome)
		assert.NoError(t, res.Err)
		assert.False(t, res.Pending.IsZero())
		assert.Zero(t, res.Ended)
		stop()
	})
}

// A record that somebody deletes while its job is pending is not a reason to
// send it again.
func TestJoin_deletedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for _, run := range []bool{true, false} {
		bubble(t, fmt.Sprint("run ", run), func(t *testing.T) {
			w := &world{lag: 10 * time.Second}
			store := submit.NewMemory()
			s := w.on(t, store, everySecond)
			if run {
				defer running(s)()
			}
			var all sync.WaitGroup
			for _, joining := range []*submitter{s, s, w.on(t, store)} {
				all.Go(func() {
					res, err := joining.Submit(t.Context(), "a", order{"x"})
					assert.Equal(t, unconfirmed, res.Outcome)
					assert.ErrorIs(t, err, submit.ErrNotFound)
				})
			}
			time.Sleep(time.Second)
			r, err := store.Get(t.Context(), submit.KindJob, "a")
			require.NoError(t, err)
			require.NoError(t, store.Delete(t.Context(), r))
			all.Wait()
			assert.Equal(t, 1, w.sent("a"))
		})
	}
}

// A job that was sent, and forgotten while somebody waits for it, is not Failed since another job has
// taken the key meanwhile.
func TestJoin_keyTakenMeanwhile(t *testing.T) {
	t.Parallel()
	for _, run := range []bool{true, false} {
		bubble(t, fmt.Sprint("run ", run), func(t *testing.T) {
			w := &world{lag: 10 * time.Second}
			store := submit.NewMemory()
			var sent atomic.Int32 // of this job, and not of the one that has its key then
			counted := func(o *options) {
				of := o.Flow
				o.Flow = func(key string, job order) consistency.Flow[string, *thing] {
					flow := of(key, job)
					write := flow.Write
					flow.Write = func(ctx context.Context) (string, error) {
						if job.Name == "x" {
							sent.Add(1)
						}
						return write(ctx)
					}
					return flow
				}
			}
			s, elsewhere := w.on(t, store, everySecond, counted), w.on(t, store, counted)
			if run {
				defer running(s)()
			}
			var all sync.WaitGroup
			for _, joining := range []*submitter{s, s, elsewhere} {
				all.Go(func() {
					res, err := joining.Submit(t.Context(), "a", order{"x"})
					assert.Equal(t, unconfirmed, res.Outcome)
					assert.ErrorIs(t, err, submit.ErrKeyReused)
				})
			}
			time.Sleep(time.Second)
			r, err := store.Get(t.Context(), submit.KindJob, "a")
			require.NoError(t, err)
			require.NoError(t, store.Delete(t.Context(), r)) // as once Keep is over, for who was paused
			require.NoError(t, w.on(t, store).Enqueue(t.Context(), "a", order{"y"}))
			all.Wait()
			assert.EqualValues(t, 1, sent.Load())
		})
	}
}

// The same of a job that was recorded without the knowledge of who submits it.
func TestJoin_keyTakenBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	for name, enter := range map[string]func(context.Context, *submitter) error{
		"Submit": func(ctx context.Context, s *submitter) error {
			_, err := s.Submit(ctx, "a", order{"x"})
			return err
		},
		"Enqueue": func(ctx context.Context, s *submitter) error { return s.Enqueue(ctx, "a", order{"x"}) },
	} {
		bubble(t, name, func(t *testing.T) {
			w, store := &world{}, submit.NewMemory()
			s := w.on(t, &forgetful{Store: store})
			var all sync.WaitGroup
			all.Go(func() {
				err := enter(within(t, time.Hour), s)
				assert.ErrorIs(t, err, submit.ErrKeyReused)
				assert.ErrorIs(t, err, consistency.ErrUnconfirmed)
			})
			time.Sleep(time.Second)
			r, err := store.Get(t.Context(), submit.KindJob, "a")
			require.NoError(t, err)
			require.NoError(t, store.Delete(t.Context(), r))
			require.NoError(t, w.on(t, store).Enqueue(t.Context(), "a", order{"y"}))
			all.Wait()
			assert.Zero(t, w.sent("a"))
		})
	}
}
