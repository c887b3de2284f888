package submit_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/pause"
	"github.com/readback-go/readback/submit"
)

// enqueueAndWait enqueues n jobs and waits until all have an outcome.
func enqueueAndWait(t *testing.T, s *submitter, n int, name func(i int) string) {
	t.Helper()
	for i := range n {
		require.NoError(t, s.Enqueue(t.Context(), fmt.Sprint(i), order{name(i)}))
	}
	require.True(t, until(time.Hour, func() bool {
		p := s.Progress()
		return p.Confirmed+p.Unconfirmed+p.Failed == n
	}))
}

func sameName(int) string { return "x" }

// Reads of an origin begin no more often than they may, and each origin for
// itself.
func TestReading_noMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	for _, origins := range []int{1, 3} {
		bubble(t, fmt.Sprint(origins, " origins"), func(t *testing.T) {
			w := &world{lag: 5 * time.Second}
			s := w.on(t, submit.NewMemory(), everySecond, func(o *options) {
				o.ReadsPerSecond = 10
				o.Origin = func(o order) string { return o.Name }
				o.Policy.Within = time.Minute
			})
			defer running(s)()
			enqueueAndWait(t, s, 90, func(i int) string { return fmt.Sprint(i % origins) })
			assert.Equal(t, 90, s.Progress().Confirmed)
			for i := range w.readAt {
				if later := i + 10*origins; later < len(w.readAt) {
					require.GreaterOrEqual(t, w.readAt[later].Sub(w.readAt[i]), time.Second)
				}
			}
			took := w.readAt[len(w.readAt)-1].Sub(w.readAt[0])
			assert.GreaterOrEqual(t, took, time.Duration(len(w.readAt)/origins-1)*time.Second/10)
			assert.LessOrEqual(t, took, time.Duration(len(w.readAt)/origins+1)*time.Second/10+6*time.Second)
		})
	}
}

// Even if the limit leaves no turn in time, each job is read, late: none is
// unconfirmed that a read would show.
func TestReading_lateIsStillRead(t *testing.T) {
	t.Parallel()
	bubble(t, "one read a second for 120 jobs", func(t *testing.T) {
		w := &world{}
		s := w.on(t, submit.NewMemory(), func(o *options) { o.ReadsPerSecond = 1 })
		defer running(s)()
		enqueueAndWait(t, s, 120, sameName)
		assert.Equal(t, 120, s.Progress().Confirmed)
		assert.Equal(t, 120, w.seen().reads)
	})
}

// No more workers than allowed read at the same time.
func TestReading_noMoreThanWorkers(t *testing.T) {
	t.Parallel()
	bubble(t, "three", func(t *testing.T) {
		w := &world{readFor: time.Second}
		s := w.on(t, submit.NewMemory(), func(o *options) { o.Workers = 3 })
		defer running(s)()
		enqueueAndWait(t, s, 30, sameName)
		assert.Equal(t, 3, w.seen().most)
		assert.Equal(t, 30, s.Progress().Confirmed)
	})
}

// A backlog of writes does not hold up reads, nor reads the writes.
func TestReading_takesTurns(t *testing.T) {
	t.Parallel()
	bubble(t, "slow writes", func(t *testing.T) {
		w := &world{took: time.Second}
		s := w.on(t, submit.NewMemory(), everySecond, func(o *options) { o.Workers = 1 })
		defer running(s)()
		enqueueAndWait(t, s, 100, sameName)
		assert.Equal(t, 100, s.Progress().Confirmed)
		assert.LessOrEqual(t, s.Progress().Lag.P99, 2*time.Second)
	})
}

// Nor do reads that are always due hold up the writes.
func TestReading_letsWrite(t *testing.T) {
	t.Parallel()
	bubble(t, "slow reads", func(t *testing.T) {
		w := &world{readFor: time.Second, lag: time.Hour}
		s := w.on(t, submit.NewMemory(), func(o *options) {
			o.Workers, o.Policy.Schedule, o.Policy.Within = 1, every(time.Millisecond), time.Hour
		})
		defer running(s)()
		enqueue(t, s, 10)
		time.Sleep(time.Minute)
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(3 * time.Second)
		assert.Equal(t, 1, w.sent("a"))
	})
}

func (w *world) list(ctx context.Context, lacking map[string]bool, refs []string) (func(string) (*thing, bool), error) {
	w.mu.Lock()
	w.lists++
	err := w.refuse
	w.mu.Unlock()
	if !pause.For(ctx, w.readFor) {
		return nil, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	shown := make(map[string]*thing)
	for id := range w.things {
		if got, err := w.show(id); err == nil && !lacking[id] {
			shown[id] = got
		}
	}
	return func(id string) (*thing, bool) { got, ok := shown[id]; return got, ok }, err
}

// One read of a list answers all jobs of a group that are due.
func TestReading_oneListAnswersAll(t *testing.T) {
	t.Parallel()
	bubble(t, "of two groups", func(t *testing.T) {
		w := &world{lag: 5 * time.Second, readFor: time.Second / 10}
		var asked sync.Map
		s := w.on(t, submit.NewMemory(), func(o *options) {
			o.Policy.Schedule = readback.Backoff{FirstRead: 2 * time.Second, Initial: 4 * time.Second, NoJitter: true}
			o.Group = func(o order) string { return o.Name }
			o.ReadMany = func(ctx context.Context, group string, refs []string) (func(string) (*thing, bool), error) {
				for _, ref := range refs {
					asked.Store(ref, group)
				}
				return w.list(ctx, nil, refs)
			}
		})
		defer running(s)()
		enqueueAndWait(t, s, 1000, func(i int) string { return fmt.Sprint("group ", i%2) })
		assert.Equal(t, 1000, s.Progress().Confirmed)
		assert.Zero(t, w.seen().reads)
		assert.Equal(t, 4, w.seen().lists, "each group twice")
		for i := range 1000 {
			group, _ := asked.Load(fmt.Sprint(i))
			assert.Equal(t, fmt.Sprint("group ", i%2), group)
		}
	})
}

// What a list lacks is pending, and so is all if the list cannot be had: it is
// never proof that a thing is gone.
func TestReading_manyLacks(t *testing.T) {
	t.Parallel()
	bubble(t, "one of two", func(t *testing.T) {
		w := &world{}
		s := w.on(t, submit.NewMemory(), everySecond, func(o *options) {
			o.ReadMany = func(ctx context.Context, _ string, refs []string) (func(string) (*thing, bool), error) {
				return w.list(ctx, map[string]bool{"1": true}, refs)
			}
		})
		defer running(s)()
		enqueueAndWait(t, s, 2, sameName)
		assert.Equal(t, 1, s.Progress().Confirmed)
		res, err := s.Lookup(t.Context(), "1")
		require.NoError(t, err)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorContains(t, res.Err, "404")
	})
	for _, err := range []error{status(503), status(401), errLost} {
		bubble(t, fmt.Sprint("fails with ", err), func(t *testing.T) {
			w := &world{}
			s := w.on(t, submit.NewMemory(), everySecond, func(o *options) {
				o.ReadMany = func(context.Context, string, []string) (func(string) (*thing, bool), error) { return nil, err }
			})
			defer running(s)()
			enqueueAndWait(t, s, 2, sameName)
			p := s.Progress()
			assert.Equal(t, 2, p.Unconfirmed)
		})
	}
	bubble(t, "returns nothing", func(t *testing.T) {
		w := &world{}
		s := w.on(t, submit.NewMemory(), everySecond, func(o *options) {
			o.ReadMany = func(context.Context, string, []string) (f func(string) (*thing, bool), err error) { return f, err }
		})
		defer running(s)()
		enqueueAndWait(t, s, 1, sameName)
		assert.Equal(t, 1, s.Progress().Unconfirmed)
	})
	bubble(t, "deletes are read one by one", func(t *testing.T) {
		w := &world{}
		s := w.on(t, submit.NewMemory(), everySecond, func(o *options) {
			o.Flow = func(key string, o order) consistency.Flow[string, *thing] {
				return consistency.Delete("delete thing", key, func(context.Context, string) error { return nil }, w.read)
			}
			o.ReadMany = func(ctx context.Context, _ string, refs []string) (func(string) (*thing, bool), error) {
				return w.list(ctx, nil, refs)
			}
		})
		defer running(s)()
		enqueueAndWait(t, s, 3, sameName)
		assert.Equal(t, 3, s.Progress().Confirmed)
		assert.Zero(t, w.seen().lists)
		assert.Equal(t, 6, w.seen().reads, "404 twice in a row each")
	})
	bubble(t, "lost answers are looked for one by one", func(t *testing.T) {
		w := &world{answer: errLost}
		s := w.on(t, submit.NewMemory(), everySecond, func(o *options) {
			o.ReadMany = func(ctx context.Context, _ string, refs []string) (func(string) (*thing, bool), error) {
				return w.list(ctx, nil, refs)
			}
		})
		defer running(s)()
		enqueueAndWait(t, s, 3, sameName)
		assert.Equal(t, 3, s.Progress().Confirmed)
		assert.Zero(t, w.seen().lists)
	})
}

// The time that a list takes counts as that of the read: the closing reads begin
// early enough for it, whatever the lag.
func TestReading_manyInTime(t *testing.T) {
	t.Parallel()
	for lag := 20 * time.Second; lag <= 28*time.Second; lag += 500 * time.Millisecond {
		bubble(t, fmt.Sprint(lag), func(t *testing.T) {
			w := &world{lag: lag, readFor: 700 * time.Millisecond}
			s := w.on(t, submit.NewMemory(), func(o *options) {
				o.Policy.Schedule = every(100 * time.Second) // only the closing reads are in time
				o.ReadMany = func(ctx context.Context, _ string, refs []string) (func(string) (*thing, bool), error) {
					return w.list(ctx, nil, refs)
				}
			})
			defer running(s)()
			enqueueAndWait(t, s, 10, sameName)
			// Law 2: 30 s less two reserves of twice 700 ms.
			if lag <= 27*time.Second {
				assert.Equal(t, 10, s.Progress().Confirmed)
			}
			assert.LessOrEqual(t, w.seen().lists, 4)
		})
	}
}
