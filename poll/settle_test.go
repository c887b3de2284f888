package poll_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/poll"
)

func TestUntil_settle(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		settle int
		give   []answer
		want   int // reads until ready
	}{
		{"once", 1, []answer{ready}, 1},
		{"zero means once", 0, []answer{ready}, 1},
		{"three in a row", 3, []answer{ready}, 3},

		{"pending starts anew", 2, []answer{ready, notFound, ready, ready}, 4},
		{"pending starts anew at the last moment", 3, []answer{ready, ready, stale, ready}, 6},
		{"flapping", 3, []answer{ready, notFound, ready, notFound, ready, notFound, ready}, 9},

		{"unknown does not count", 2, []answer{unavailable, unavailable, ready}, 4},
		{"unknown leaves a streak alone", 2, []answer{ready, unavailable, unavailable, ready}, 4},
		{"unknown does not mend a broken streak", 2, []answer{ready, notFound, unavailable, ready}, 5},

		{"the first after a setback does not count", 2, []answer{setback, ready}, 4},
		{"nor does it if one is enough", 1, []answer{setback, ready}, 3},
		{"a setback ends a streak", 2, []answer{ready, setback, ready}, 5},
		{"two setbacks are one", 2, []answer{setback, setback, ready}, 5},
		{"an unknown read after a setback changes nothing", 2, []answer{setback, unavailable, ready}, 5},
		{"a pending read after a setback is as good as any", 2, []answer{setback, stale, ready}, 4},

		{"a settled read is enough", 3, []answer{gone}, 1},
		{"a settled read is enough after a pending one", 3, []answer{ready, notFound, gone}, 3},
		{"a settled read is enough after a setback", 2, []answer{setback, gone}, 2},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := script(tt.give...)
			_, err := poll.Until(t.Context(), r.read, judge, poll.Options{Schedule: everySecond, Settle: tt.settle})
			require.NoError(t, err)
			assert.Len(t, r.begun, tt.want)
			assert.Equal(t, time.Duration(tt.want-1)*time.Second, time.Since(r.zero))
		})
	}
}

// 200 404 200 404 200 is not ready, however long it goes on.
func TestUntil_flappingIsNeverReady(t *testing.T) {
	t.Parallel()
	for _, settle := range []int{2, 3, 4} {
		bubble(t, fmt.Sprintf("settle=%d", settle), func(t *testing.T) {
			r := newReplica(func(n int, _ time.Duration) answer {
				if n%2 == 1 {
					return ready
				}
				return notFound
			})
			_, err := poll.Until(t.Context(), r.read, judge, poll.Options{Schedule: everySecond, Settle: settle})
			require.ErrorIs(t, err, poll.ErrDeadline)
			assert.Greater(t, len(r.begun), 30)
		})
	}
}

// Only a verdict makes ready: neither a value nor the end of the errors does.
func TestUntil_neverReadyWithoutReady(t *testing.T) {
	t.Parallel()
	settled := answer{says: poll.Judgement{Verdict: poll.Unknown, Settled: true}}
	for _, give := range []answer{stale, notFound, unavailable, setback, settled, {says: poll.Judgement{Settled: true}}} {
		bubble(t, give.says.Verdict.String(), func(t *testing.T) {
			_, err := poll.Until(t.Context(), script(give).read, judge, poll.Options{Schedule: everySecond})
			require.ErrorIs(t, err, poll.ErrDeadline)
		})
	}
}

// A streak is not stretched by the growth that the lag before it earned.
func TestUntil_growthIsFrozenInAStreak(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		give      []answer
		settle    int
		wantReads []time.Duration
	}{
		{"from the first read on", []answer{ready}, 4, seconds(0, 1, 2, 3)},
		{"after a lag", []answer{stale, stale, stale, ready}, 4, seconds(0, 1, 3, 7, 11, 15, 19)},
		{"also by unknown reads", []answer{stale, ready, unavailable, unavailable, ready}, 2, seconds(0, 1, 2, 3, 4)},
		{"until it breaks", []answer{stale, ready, stale, stale, ready}, 2, seconds(0, 1, 2, 4, 8, 12)},
		{"not after a setback", []answer{ready, setback, ready}, 2, seconds(0, 1, 3, 7, 11)},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := script(tt.give...)
			_, err := poll.Until(t.Context(), r.read, judge, poll.Options{Schedule: doubling, Settle: tt.settle})
			require.NoError(t, err)
			assert.Equal(t, tt.wantReads, r.begun)
		})
	}
}

// Near the deadline the spacing of a streak shrinks to fit.
func TestUntil_streakShrinksToFit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		takes     time.Duration
		settle    int
		visible   time.Duration
		schedule  readback.Schedule
		wantReads []time.Duration
	}{
		// A read takes 100 ms, so a reserve is 200 ms.
		{"three reads back to back", 100 * time.Millisecond, 3, 9 * time.Second, timetable(seconds(0)), seconds(0, 9.4, 9.6, 9.8)},
		{"a wait is cut", 100 * time.Millisecond, 2, 8 * time.Second, timetable(seconds(0, 9, 60)), seconds(0, 9, 9.8)},
		{"a wait that fits is kept", 100 * time.Millisecond, 2, 8 * time.Second, timetable(seconds(0, 9, 9.5)), seconds(0, 9, 9.5)},
		{"a wait is cut to nothing", 100 * time.Millisecond, 2, 9 * time.Second, timetable(seconds(0, 9.7)), seconds(0, 9.6, 9.8)},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := newReplica(func(_ int, at time.Duration) answer {
				if at < tt.visible {
					return stale.in(tt.takes)
				}
				return ready.in(tt.takes)
			})
			_, err := poll.Until(t.Context(), r.read, judge, poll.Options{Schedule: tt.schedule, Settle: tt.settle, Within: 10 * time.Second})
			require.NoError(t, err)
			assert.Equal(t, tt.wantReads, r.begun)
		})
	}
}

// What is ready at the first of the asked reads may still need the others.
func TestUntil_readyOnceIsNotEnough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := script(stale, ready, unavailable)
		got, err := poll.Until(t.Context(), r.read, judge, poll.Options{Schedule: everySecond, Settle: 2})
		require.ErrorIs(t, err, poll.ErrDeadline)
		assert.Equal(t, ready, got, "the value, and an error that says that it is not settled")
	})
}
