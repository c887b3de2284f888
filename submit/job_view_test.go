package submit_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// Job is what Jobs yields of one key.
func TestJob(t *testing.T) {
	t.Parallel()
	bubble(t, "pending, ended, and none", func(t *testing.T) {
		s := (&world{}).on(t, submit.NewMemory())
		defer running(s)()
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		for range 2 {
			_, jobs := view(t, s, submit.Filter{KeyPrefix: "a"})
			job, err := s.Job(t.Context(), "a")
			require.NoError(t, err)
			assert.Equal(t, jobs["a"], job)
			time.Sleep(time.Minute)
		}
		assert.Equal(t, submit.Ended, state(t, s))
		_, err := s.Job(t.Context(), "b")
		require.ErrorIs(t, err, submit.ErrNotFound)
		_, err = s.Job(t.Context(), "")
		require.ErrorIs(t, err, consistency.ErrInvalid)
	})
}

func state(t *testing.T, s *submitter) submit.State {
	job, err := s.Job(t.Context(), "a")
	require.NoError(t, err)
	return job.State
}

// busyJournal is a Journal whose records change while they are listed.
type busyJournal struct {
	*submit.Memory
	meanwhile func()
}

func (b busyJournal) Since(ctx context.Context, kind submit.Kind, after uint64, labels []string, wait bool) iter.Seq2[submit.Record, error] {
	return func(yield func(submit.Record, error) bool) {
		for r, err := range b.Memory.Since(ctx, kind, after, labels, wait) {
			after = r.Revision
			yield(r, err)
		}
		b.meanwhile()
		b.Memory.Since(ctx, kind, after, labels, wait)(yield)
	}
}

// A key that another job takes during the listing is listed once.
func TestJobs_keyTakenMeanwhile(t *testing.T) {
	t.Parallel()
	bubble(t, "cancelled, and another job", func(t *testing.T) {
		w, memory := &world{}, submit.NewMemory()
		s := w.on(t, memory)
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(time.Second)
		busy := w.on(t, busyJournal{memory, func() {
			assert.NoError(t, s.Cancel(t.Context(), "a"))
			assert.NoError(t, s.Enqueue(t.Context(), "a", order{"y"}))
		}})
		keys, jobs := view(t, busy, submit.Filter{})
		assert.Equal(t, []string{"a"}, keys)
		assert.Equal(t, order{"y"}, jobs["a"].Payload)
	})
}
