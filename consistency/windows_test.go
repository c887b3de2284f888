package consistency_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// Reads that stay what they are end the run when the window of their reason
// does.
func TestWindows_ends(t *testing.T) {
	t.Parallel()
	const (
		present = consistency.ToPresent
		match   = consistency.ToMatch
		absent  = consistency.ToAbsent
	)
	is412 := func(a consistency.Answer) bool { return a.Status == 412 }
	set := consistency.Windows{
		NotFound: 3 * time.Second, Stale: 4 * time.Second, StillThere: 5 * time.Second,
		BehindToken: 6 * time.Second, Forbidden: 7 * time.Second,
	}
	tests := []struct {
		name    string
		write   int
		goal    consistency.Goal
		reads   []int
		windows consistency.Windows
		want    time.Duration
		cause   error
	}{
		{"not found", 201, present, []int{404}, consistency.Windows{}, 30 * time.Second, poll.ErrDeadline},
		{"stale", 201, match, []int{200}, consistency.Windows{}, 30 * time.Second, poll.ErrDeadline},
		{"still there", 201, absent, []int{200}, consistency.Windows{}, 30 * time.Second, poll.ErrDeadline},
		{"behind token", 201, present, []int{412}, consistency.Windows{}, 30 * time.Second, poll.ErrDeadline},
		{"forbidden", 201, present, []int{403}, consistency.Windows{}, 10 * time.Second, poll.ErrWindow},
		{"forbidden to match", 201, match, []int{403}, consistency.Windows{}, 10 * time.Second, poll.ErrWindow},
		{"forbidden to absent says nothing", 201, absent, []int{403}, consistency.Windows{}, 30 * time.Second, poll.ErrDeadline},

		{"not found, set", 201, present, []int{404}, set, 3 * time.Second, poll.ErrWindow},
		{"stale, set", 201, match, []int{200}, set, 4 * time.Second, poll.ErrWindow},
		{"still there, set", 201, absent, []int{200}, set, 5 * time.Second, poll.ErrWindow},
		{"behind token, set", 201, present, []int{412}, set, 6 * time.Second, poll.ErrWindow},
		{"forbidden, set", 201, present, []int{403}, set, 7 * time.Second, poll.ErrWindow},

		{"ambiguous: not found", 503, present, []int{404}, set, 2 * time.Minute, poll.ErrDeadline},
		{"ambiguous: stale", 503, match, []int{200}, set, 2 * time.Minute, poll.ErrDeadline},
		{"ambiguous: still there", 503, absent, []int{200}, set, 2 * time.Minute, poll.ErrDeadline},
		{"ambiguous: behind token", 503, present, []int{412}, set, 6 * time.Second, poll.ErrWindow},
		{"ambiguous: forbidden", 503, present, []int{403}, set, 7 * time.Second, poll.ErrWindow},
		{"ambiguous: forbidden, default", 503, present, []int{403}, consistency.Windows{}, 10 * time.Second, poll.ErrWindow},

		{"accepted: not found", 202, present, []int{404}, consistency.Windows{}, 10 * time.Minute, poll.ErrDeadline},
		{"accepted: not found, set", 202, present, []int{404}, set, 3 * time.Second, poll.ErrWindow},

		{"longer than the flow", 201, present, []int{404}, consistency.Windows{NotFound: time.Hour}, 30 * time.Second, poll.ErrDeadline},
		{"forbidden counts from its first", 201, present, []int{404, 404, 403}, consistency.Windows{}, 12 * time.Second, poll.ErrWindow},
		{"not found counts from the answer", 201, present, []int{403, 403, 404}, set, 3 * time.Second, poll.ErrWindow},
		{"unknown does not break a run", 201, present, []int{403, 503, 304, 403}, consistency.Windows{}, 10 * time.Second, poll.ErrWindow},
		{"unknown leaves the window", 201, present, []int{403, 503}, consistency.Windows{}, 10 * time.Second, poll.ErrWindow},
		{"404 breaks a run", 201, present, []int{403, 403, 404, 403}, consistency.Windows{}, 13 * time.Second, poll.ErrWindow},
		{"the reason seen last counts", 201, present, []int{403, 404}, consistency.Windows{}, 30 * time.Second, poll.ErrDeadline},
		{"a window that is over ends at once", 201, present, []int{403, 403, 403, 403, 404}, set, 4 * time.Second, poll.ErrWindow},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{
				writes: []reply{{status: tt.write, took: time.Second}},
				reads:  answers(tt.reads...),
				found:  [][]string{{"w1"}},
			}
			f := s.to(tt.goal)
			f.Behind = is412
			p := s.policy()
			p.Windows = tt.windows
			res, err := consistency.Do(t.Context(), p, f)
			s.onePlainWrite(t, res, err)
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.Equal(t, tt.want, res.Elapsed)
			assert.ErrorIs(t, err, tt.cause)
			n := int(tt.want/time.Second) - 1 // without the closing reads
			var everySecond []time.Duration
			for i := range n {
				everySecond = append(everySecond, time.Duration(i)*time.Second)
			}
			assert.Equal(t, everySecond, first(n, s.readAt))
		})
	}
}

// Within overrides what each class has, and every window.
func TestWindows_withinIsTheLimit(t *testing.T) {
	t.Parallel()
	for _, status := range []int{201, 202, 503} {
		bubble(t, fmt.Sprint(status), func(t *testing.T) {
			s := &service{writes: answers(status), reads: answers(403), found: [][]string{{"w1"}}}
			p := s.policy()
			p.Within = 5 * time.Second
			p.Windows.Forbidden = 9 * time.Second
			res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
			s.onePlainWrite(t, res, err)
			assert.Equal(t, 5*time.Second, res.Elapsed)
			assert.ErrorIs(t, err, poll.ErrDeadline)
		})
	}
}

func TestWindows_readyClearsTheReason(t *testing.T) {
	t.Parallel()
	bubble(t, "the run of 403 is over", func(t *testing.T) {
		// 403 at 0, 200 at 1, and 403 again from 2 on: until 12, not 10.
		s := &service{writes: answers(201), reads: answers(403, 200, 403)}
		p := s.policy()
		p.Settle = 2
		res, err := consistency.Do(t.Context(), p, s.create())
		s.onePlainWrite(t, res, err)
		assert.Equal(t, 12*time.Second, res.Elapsed)
		assert.ErrorIs(t, err, poll.ErrWindow)
	})
	bubble(t, "the window is over", func(t *testing.T) {
		// After the good read at 1 nothing says anything, until 30 and not 10.
		s := &service{writes: answers(201), reads: answers(403, 200, 503)}
		p := s.policy()
		p.Settle = 2
		res, err := consistency.Do(t.Context(), p, s.create())
		s.onePlainWrite(t, res, err)
		assert.Equal(t, 30*time.Second, res.Elapsed)
		assert.ErrorIs(t, err, poll.ErrDeadline)
	})
}

// A monitor that answers well ends a run of 403 as a read does.
func TestWindows_monitorBreaksARunOfForbidden(t *testing.T) {
	t.Parallel()
	for _, monitored := range [][]int{{403, 200}, {403, 202, 200}} {
		bubble(t, fmt.Sprint(monitored), func(t *testing.T) {
			s := &service{
				writes:    answers(202),
				monitored: answers(monitored...),
				reads:     answers(403),
			}
			done := time.Duration(len(monitored)-1) * time.Second
			res, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
			s.onePlainWrite(t, res, err)
			assert.Equal(t, done+10*time.Second, res.Elapsed, "10 s from the first 403 after the monitor's end")
			assert.ErrorIs(t, err, poll.ErrWindow)
		})
	}
}

func TestPolicy_onForbidden(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		reads []int
		want  []time.Duration
	}{
		{"never without a 403", []int{404, 200}, nil},
		{"not after the last read", []int{401}, nil},
		{"before the read after the first", []int{403, 403, 200}, seconds(1)},
		{"again when the run has lasted twice as long", []int{403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200}, seconds(1, 3, 7)}, // case D5
		{"unknowns belong to a run", []int{403, 503, 403, 200}, seconds(1, 3)},
		{"again in the next run", []int{403, 404, 403, 403, 200}, seconds(1, 3)},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{writes: answers(201), reads: answers(tt.reads...)}
			var at []time.Duration
			p := s.policy()
			p.OnForbidden = func(ctx context.Context) {
				at = append(at, time.Since(s.answered))
				_, bounded := ctx.Deadline()
				assert.True(t, bounded, "the context is the read's")
			}
			res, err := consistency.Do(t.Context(), p, s.create())
			s.onePlainWrite(t, res, err)
			assert.Equal(t, tt.want, at)
		})
	}
	bubble(t, "for a monitor too", func(t *testing.T) {
		s := &service{writes: answers(202), monitored: answers(403, 403, 200), reads: answers(200)}
		var at []time.Duration
		p := s.policy()
		p.OnForbidden = func(context.Context) { at = append(at, time.Since(s.answered)) }
		res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, seconds(1), at, "a monitor is called like a read")
	})
}
