package submit_test

import (
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
