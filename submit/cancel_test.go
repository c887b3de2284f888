package submit_test

import (
	"context"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/pause"
	"github.com/readback-go/readback/submit"
)

// slowEnds is a store that answers changes by which jobs end a while after it has made
// them.
type slowEnds struct {
	submit.Store
	by time.Duration
}

func (s slowEnds) Update(ctx context.Context, r submit.Record) (uint64, error) {
	revision, err := s.Store.Update(ctx, r)
	if r.Done {
		time.Sleep(s.by)
	}
	return revision, err
}

// A cancellation whose answer is slow forgets the job that it ended, and not the one that
// was submitted with the free key meanwhile: that one would be held twice, and sent twice.
func TestCancel_slowAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, "submitted again", func(t *testing.T) {
		w := &world{}
		u := &outage{until: time.Now().Add(time.Minute)}
		s := w.on(t, slowEnds{submit.NewMemory(), 10 * time.Second}, everySecond, u.before(w))
		defer running(s)()
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(5 * time.Second)
		cancelled := make(chan error, 1)
		go func() { cancelled <- s.Cancel(t.Context(), "a") }()
		time.Sleep(5 * time.Second) // the holder has noticed
		over := make(chan result, 1)
		go func() {
			res, _ := s.Submit(t.Context(), "a", order{"x"})
			over <- res
		}()
		require.NoError(t, <-cancelled)
		res := <-over
		assert.Equal(t, confirmed, res.Outcome)
		time.Sleep(time.Minute)
		assert.Equal(t, 1, w.sent("a"))
	})
}

// forgetful is a store that makes the first record of a job and does not say so for a
// while.
type forgetful struct {
	submit.Store
	once sync.Once
}

func (s *forgetful) Create(ctx context.Context, r submit.Record) (uint64, error) {
	revision, err := s.Store.Create(ctx, r)
	if r.Kind == submit.KindJob {
		s.once.Do(func() {
			pause.For(ctx, time.Hour)
			revision, err = 0, errLost
		})
	}
	return revision, err
}

// A call does not make its job again that was recorded without its knowledge and cancelled
// since: nothing is sent.
func TestCancel_beforeTheAnswer(t *testing.T) {
	t.Parallel()
	calls := map[string]func(*testing.T, *submitter){
		"of Enqueue": func(t *testing.T, s *submitter) {
			require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		},
		"of EnqueueAll": func(t *testing.T, s *submitter) {
			for _, err := range s.EnqueueAll(t.Context(), maps.All(map[string]order{"a": {"x"}})) {
				require.NoError(t, err)
			}
		},
	}
	for name, call := range calls {
		bubble(t, name, func(t *testing.T) {
			w := &world{}
			store := submit.NewMemory()
			s, elsewhere := w.on(t, &forgetful{Store: store}), w.on(t, store)
			defer running(s)()
			over := make(chan struct{})
			go func() {
				call(t, s)
				close(over)
			}()
			time.Sleep(time.Second)
			require.NoError(t, elsewhere.Cancel(t.Context(), "a"))
			<-over
			time.Sleep(time.Minute)
			assert.Zero(t, w.sent("a"))
			res, err := s.Lookup(t.Context(), "a")
			require.NoError(t, err)
			assert.ErrorIs(t, res.Err, submit.ErrCancelled)
		})
	}
}

// What waits here between two tries may have been cancelled elsewhere. Enqueue does not
// take it for a job that is recorded.
func TestEnqueue_afterCancelElsewhere(t *testing.T) {
	t.Parallel()
	bubble(t, "enqueued again", func(t *testing.T) {
		w := &world{}
		u := &outage{until: time.Now().Add(time.Hour)}
		store := submit.NewMemory()
		s := w.on(t, store, u.before(w))
		defer running(s)()
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.NoError(t, w.on(t, store).Cancel(t.Context(), "a"))
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(2 * time.Hour)
		assert.Equal(t, 1, w.sent("a"))
		ended(t, s, "a", confirmed)
	})
}
