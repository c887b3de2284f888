package poll_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/poll"
)

// The plan is asked for only after a first read that was not enough.
func TestUntil_asksForPlanLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := &noting{}
		_, err := poll.Until(t.Context(), script(ready).read, judge, poll.Options{Schedule: asked})
		require.NoError(t, err)
		assert.Zero(t, asked.plans)

		_, err = poll.Until(t.Context(), script(stale, stale, ready).read, judge, poll.Options{Schedule: asked})
		require.NoError(t, err)
		assert.Equal(t, 1, asked.plans, "one a run")
	})
}

// What a plan is told, read by read.
func TestUntil_steps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := &noting{}
		r := script(stale.in(2*time.Second), unavailable, ready.in(time.Second), setback, ready, ready, ready)
		_, err := poll.Until(t.Context(), r.read, judge, poll.Options{
			Schedule: asked, Settle: 2, Within: time.Minute,
			Since: time.Now().Add(-10 * time.Second),
		})
		require.NoError(t, err)
		const s = time.Second
		assert.Equal(t, 50*s, asked.deadline)
		step := func(reads, streak int, began, ended, readTime time.Duration) readback.Step {
			return readback.Step{Reads: reads, Streak: streak, Settle: 2, Began: began, Ended: ended, Deadline: 50 * s, ReadTime: readTime}
		}
		assert.Equal(t, []readback.Step{
			step(1, 0, 0, 2*s, 2*s),
			step(2, 0, 3*s, 3*s, s),
			step(3, 1, 4*s, 5*s, s),
			step(4, 0, 6*s, 6*s, 3*s/4),
			step(5, 0, 7*s, 7*s, 3*s/5),
			step(6, 1, 8*s, 8*s, s/2),
		}, asked.steps)
	})
}

// noting is a schedule of one second that notes what it is asked.
type noting struct {
	plans    int
	deadline time.Duration
	steps    []readback.Step
}

func (n *noting) First(deadline time.Duration) time.Duration { n.deadline = deadline; return 0 }
func (n *noting) Plan() readback.Plan                        { n.plans++; return n }
func (n *noting) Next(step readback.Step) time.Duration {
	n.steps = append(n.steps, step)
	return step.Ended + time.Second
}

// Waits of nothing must not become a hot loop.
func TestUntil_leastWait(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		next time.Duration
	}{
		{"zero", 0},
		{"a nanosecond", 1},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := script(stale)
			_, err := poll.Until(t.Context(), r.read, judge, poll.Options{
				Schedule: always(tt.next), Within: 100 * time.Millisecond,
			})
			require.ErrorIs(t, err, poll.ErrDeadline)
			for i := 1; i < len(r.begun); i++ {
				assert.GreaterOrEqual(t, r.begun[i]-r.begun[i-1], time.Millisecond)
			}
			assert.LessOrEqual(t, len(r.begun), 100)

			r = script(ready)
			_, err = poll.Until(t.Context(), r.read, judge, poll.Options{Schedule: firstAtOnce{always(tt.next)}, Settle: 3})
			require.NoError(t, err)
			assert.Equal(t, seconds(0, .001, .002), r.begun, "nor in a streak")
		})
	}
}

// A run knows nothing of those before it, nor of one inside it.
func TestUntil_runsAreApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for range 100 {
			_, err := poll.Until(t.Context(), script(ready, hanging, notFound.until(time.Hour), ready, refused).read, judge,
				poll.Options{Schedule: everySecond, Settle: 3, ReadTimeout: time.Second, Observe: func(poll.Read) {}})
			require.ErrorIs(t, err, errRefused)

			inner := script(unavailable, ready)
			outer := script(stale, ready)
			got, err := poll.Until(t.Context(), func(ctx context.Context) (answer, error) {
				if _, err := poll.Until(ctx, inner.read, judge, poll.Options{Schedule: everySecond}); err != nil {
					return answer{}, err
				}
				return outer.read(ctx)
			}, judge, poll.Options{Schedule: everySecond, Settle: 2})
			require.NoError(t, err)
			require.Equal(t, ready, got)
			require.Equal(t, seconds(1, 2, 3), outer.begun)

			_, err = poll.Until(t.Context(), script(stale).read, judge, poll.Options{Within: time.Millisecond})
			require.ErrorIs(t, err, poll.ErrDeadline)
			require.NoError(t, unready(t, err).Last)
			require.Equal(t, 1, unready(t, err).History.Reads())
		}
	})
}

// always is a schedule that always asks for the same.
type always time.Duration

func (a always) First(time.Duration) time.Duration     { return max(0, time.Duration(a)) }
func (a always) Plan() readback.Plan                   { return a }
func (a always) Next(readback.Step) (at time.Duration) { return time.Duration(a) }
