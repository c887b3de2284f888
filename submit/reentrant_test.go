package submit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// Options.Ended may call the Submitter for the job that it is told of: the store has the outcome by
// then, and nothing waits for the hook.
func TestEnded_asksBack(t *testing.T) {
	t.Parallel()
	calls := map[string]func(ctx context.Context, s *submitter, key string) error{
		"submit": func(ctx context.Context, s *submitter, key string) error {
			_, err := s.Submit(ctx, key, order{"x"})
			return err
		},
		"enqueue": func(ctx context.Context, s *submitter, key string) error { return s.Enqueue(ctx, key, order{"x"}) },
		"wait": func(ctx context.Context, s *submitter, key string) error {
			for _, r := range s.Wait(ctx, key) {
				return r.Err
			}
			return nil
		},
		"retry": func(ctx context.Context, s *submitter, key string) error {
			return ignore(s.Retry(ctx, key), submit.ErrWrongState)
		},
		"cancel": func(ctx context.Context, s *submitter, key string) error {
			return ignore(s.Cancel(ctx, key), submit.ErrWrongState)
		},
		"forget": func(ctx context.Context, s *submitter, key string) error { return s.Forget(ctx, key) },
	}
	for name, call := range calls {
		for _, lost := range []bool{false, true} {
			bubble(t, fmt.Sprint(name, " lost ", lost), func(t *testing.T) {
				w := &world{lag: 2 * time.Second}
				if lost {
					w.lag = time.Hour
				}
				var s *submitter
				var got error
				var n atomic.Int32
				s = w.on(t, submit.NewMemory(), everySecond, func(o *options) {
					o.Ended = func(key string, _ order, res result) {
						if n.Add(1) > 1 {
							return
						}
						ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
						defer cancel()
						got = call(ctx, s, key)
					}
				})
				defer running(s)()
				_, _ = s.Submit(within(t, time.Hour), "a", order{"x"})
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if lost && (name == "submit" || name == "wait") {
					assert.ErrorIs(t, got, consistency.ErrUnconfirmed)
					assert.NotErrorIs(t, got, context.DeadlineExceeded)
				} else {
					assert.NoError(t, got)
				}
				assert.Equal(t, 1, w.sent("a"))
				assert.Zero(t, s.Progress().Recording)
			})
		}
	}
}

// A write that submits its own job is told so, and one that submits another keeps no term going
// that waits for it.
func TestWrite_submits(t *testing.T) {
	t.Parallel()
	for _, other := range []string{"a", "b"} {
		bubble(t, other, func(t *testing.T) {
			w := &world{lag: 2 * time.Second}
			var s *submitter
			var inner error
			s = w.on(t, submit.NewMemory(), everySecond, func(o *options) {
				o.Workers = 1 // of which "a" has the only one
				wrap(o, func(key string, f *consistency.Flow[string, *thing]) {
					write := f.Write
					f.Write = func(ctx context.Context) (string, error) {
						if key == "a" {
							_, inner = s.Submit(ctx, other, order{"x"})
						}
						return write(ctx)
					}
				})
			})
			stop := running(s)
			require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
			time.Sleep(time.Minute)
			start := time.Now()
			stop()
			assert.LessOrEqual(t, time.Since(start), 10*time.Second)
			synctest.Wait()
			require.ErrorIs(t, inner, consistency.ErrUnconfirmed)
			res, err := s.Lookup(t.Context(), "a")
			require.NoError(t, err)
			if other == "a" {
				assert.ErrorContains(t, inner, "waits for that job")
				assert.Equal(t, confirmed, res.Outcome)
			}
			assert.LessOrEqual(t, w.sent("a"), 1)
		})
	}
}

// What was sent before, and was answered with 429, stays so when a later try goes no further than
// the program's code, or is not sent: the time of its key counts from the first.
func TestTrying_sentBefore(t *testing.T) {
	t.Parallel()
	for _, first := range []int{429, 404} {
		bubble(t, fmt.Sprint("not sent after ", first), func(t *testing.T) {
			w := &world{}
			var tries atomic.Int32
			s := w.on(t, submit.NewMemory(), everySecond, func(o *options) {
				o.Policy.Resend.OnMissingParent = true
				wrap(o, func(_ string, f *consistency.Flow[string, *thing]) {
					f.Write = func(context.Context) (string, error) {
						if tries.Add(1) == 1 {
							return "", status(first)
						}
						return "", consistency.As(consistency.NotExecuted, errLost)
					}
				})
			})
			defer running(s)()
			start := time.Now()
			require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
			time.Sleep(10 * time.Second)
			assert.Greater(t, tries.Load(), int32(3))
			job, err := s.Job(t.Context(), "a")
			require.NoError(t, err)
			require.Equal(t, submit.Queued, job.State)
			require.Len(t, job.Steps, 2)
			assert.WithinDuration(t, start, job.Steps[1].At, 10*time.Millisecond)
		})
	}
	sentAt := func(t *testing.T, store submit.Store) time.Time {
		t.Helper()
		var rec struct {
			State string
			Sent  time.Time
		}
		require.NoError(t, json.Unmarshal([]byte(valueOf(t, store, "a")), &rec))
		require.Equal(t, "queued", rec.State)
		return rec.Sent
	}
	bubble(t, "kept back by a lease that is over", func(t *testing.T) {
		memory, calls := submit.NewMemory(), 0
		s := (&world{refuse: status(429)}).on(t, unrenewed{memory}, everySecond, func(o *options) {
			flow := o.Flow
			o.Flow = func(key string, job order) consistency.Flow[string, *thing] {
				if calls++; calls > 1 { // just before the second try
					time.Sleep(12 * time.Second)
				}
				return flow(key, job)
			}
		})
		start := time.Now()
		stop := running(s)
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(14 * time.Second)
		assert.WithinDuration(t, start, sentAt(t, memory), 10*time.Millisecond)
		stop()
	})
	bubble(t, "cut short after a 404", func(t *testing.T) {
		memory, tries := submit.NewMemory(), 0
		s := (&world{}).on(t, memory, everySecond, func(o *options) {
			o.Policy.Resend.OnMissingParent = true
			wrap(o, func(_ string, f *consistency.Flow[string, *thing]) {
				f.Write = func(ctx context.Context) (string, error) {
					if tries++; tries == 1 {
						return "", status(404)
					}
					<-ctx.Done()
					return "", consistency.As(consistency.NotExecuted, ctx.Err())
				}
			})
		})
		start := time.Now()
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		runFor(s, 10*time.Second)
		assert.Equal(t, 2, tries)
		assert.WithinDuration(t, start, sentAt(t, memory), time.Second)
	})
	bubble(t, "set aside", func(t *testing.T) {
		w := &world{refuse: status(429)}
		var bad atomic.Bool
		s := w.on(t, submit.NewMemory(), everySecond, func(o *options) {
			o.Policy.Observer = func(e consistency.Event) { _ = e.Phase == consistency.PhaseWrite && bad.CompareAndSwap(false, true) }
			flow := o.Flow
			o.Flow = func(key string, o order) consistency.Flow[string, *thing] {
				if bad.Load() {
					panic("a bug")
				}
				return flow(key, o)
			}
		})
		defer running(s)()
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(time.Minute)
		job, err := s.Job(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, submit.SetAside, job.State)
		assert.Contains(t, fmt.Sprint(job.Steps), "sent, after 1 tries")
	})
}
