package consistency_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

// A write of which only the intent is known is looked for, and never Failed.
func TestLost_isNeverFailed(t *testing.T) {
	t.Parallel()
	for _, goal := range goals {
		bubble(t, goal.String(), func(t *testing.T) {
			s := &service{reads: []reply{{status: 200, version: wanted}}, found: [][]string{nil, {"w1"}}}
			if goal == consistency.ToAbsent {
				s.reads = answers(404)
			}
			f := s.to(goal)
			got, err := visitAll(t.Context(), s.policy(), f, stored(t, f.Lost()), new(consistency.Course))
			require.NoError(t, err)
			assert.Equal(t, "w1", got.Written.ID)
			assert.Empty(t, s.writeAt)

			s = &service{writes: answers(503), reads: answers(500), found: [][]string{nil}}
			res, _ := consistency.Do(t.Context(), s.policy(), s.to(goal))
			assert.Equal(t, unanswered(t, res.Pending, s.answered), stored(t, s.to(goal).Lost()), "as if the answer was lost")
			s = &service{reads: answers(500), found: [][]string{nil}}
			f = s.to(goal)
			got, _ = visitAll(t.Context(), s.policy(), f, f.Lost(), new(consistency.Course))
			assert.Equal(t, unconfirmed, got.Outcome)
			assert.InDelta(t, 2*time.Minute, got.Elapsed, float64(time.Millisecond))
		})
	}
}

// A second try of a write whose first may have been carried out is never Failed.
func TestSend_againIsNeverFailed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 409, 422} {
		bubble(t, fmt.Sprint(status), func(t *testing.T) {
			s := &service{writes: answers(status), reads: answers(200), found: [][]string{{"w1"}}}
			f := s.to(consistency.ToPresent)
			var course consistency.Course
			h, err := consistency.NewStepper(s.policy(), f).Send(t.Context(), f.Lost(), &course)
			assert.Equal(t, unconfirmed, consistency.OutcomeOf(err))
			assert.ErrorContains(t, err, fmt.Sprint("status ", status))
			require.False(t, h.IsZero())
			res, err := visitAll(t.Context(), s.policy(), f, h, &course)
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome)
		})
	}
	bubble(t, "an operation that fails", func(t *testing.T) {
		s := &service{writes: answers(202), monitored: []reply{{err: consistency.ErrOperation}}, found: [][]string{{"w1"}}}
		f := s.to(consistency.ToPresent)
		for before, want := range map[string]consistency.Outcome{"none": failed, "lost": unconfirmed} {
			var earlier consistency.Pending
			if before == "lost" {
				earlier = f.Lost()
			}
			var course consistency.Course
			h, err := consistency.NewStepper(s.policy(), f).Send(t.Context(), earlier, &course)
			require.NoError(t, err)
			res, err := visitAll(t.Context(), s.policy(), f, h, &course)
			require.ErrorIs(t, err, consistency.ErrOperation)
			assert.Equal(t, want, res.Outcome)
		}
	})
	bubble(t, "not sent", func(t *testing.T) {
		s := &service{writes: answers(201), reads: answers(200)}
		f := s.to(consistency.ToPresent)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		h, err := consistency.NewStepper(s.policy(), f).Send(ctx, f.Lost(), new(consistency.Course))
		assert.Equal(t, unconfirmed, consistency.OutcomeOf(err))
		assert.Equal(t, f.Lost(), h)
		_, err = consistency.NewStepper(s.policy(), f).Send(ctx, consistency.Pending{}, new(consistency.Course))
		assert.Equal(t, failed, consistency.OutcomeOf(err))
		assert.Empty(t, s.writeAt)
	})
}

// Only what is read by its reference alone can be read in a list.
func TestDirect_onlyReadByReference(t *testing.T) {
	t.Parallel()
	bubble(t, "all", func(t *testing.T) {
		for _, tt := range []struct {
			name string
			s    *service
			goal consistency.Goal
			want bool
		}{
			{"applied", &service{writes: answers(201)}, consistency.ToPresent, true},
			{"to match", &service{writes: answers(200)}, consistency.ToMatch, true},
			{"to absent", &service{writes: answers(200)}, consistency.ToAbsent, false},
			{"lost answer", &service{writes: answers(503), found: [][]string{{"w1"}}}, consistency.ToPresent, false},
			{"accepted", &service{writes: answers(202)}, consistency.ToPresent, true},
			{"operation", &service{writes: answers(202), monitored: answers(202)}, consistency.ToPresent, false},
		} {
			f := tt.s.to(tt.goal)
			h, _ := consistency.NewStepper(tt.s.policy(), f).Send(t.Context(), consistency.Pending{}, new(consistency.Course))
			w, ok := consistency.NewStepper(consistency.Policy{}, f).Direct(h)
			assert.Equal(t, tt.want, ok, tt.name)
			if ok {
				assert.Equal(t, "w1", w.ID)
			}
		}
		_, ok := consistency.NewStepper(consistency.Policy{}, (&service{}).create()).Direct(consistency.Pending{})
		assert.False(t, ok)
	})
}
