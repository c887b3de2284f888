package poll_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/poll"
)

// The closing read begins in time, whatever else is asked for.
func TestUntil_closingReads(t *testing.T) {
	t.Parallel()
	fast, slow := stale.in(time.Second), stale.in(4*time.Second)
	longAfter := timetable(seconds(0, 100))
	tests := []struct {
		name      string
		give      []answer
		opts      poll.Options
		wantReads []time.Duration
		wantReady bool
	}{
		// A reserve is twice the slowest read, and a millisecond at least.
		{"no more reads asked for", []answer{stale, ready}, poll.Options{Schedule: timetable(seconds(0))}, seconds(0, 29.999), true},
		{"reads after the deadline asked for", []answer{stale, ready}, poll.Options{Schedule: longAfter}, seconds(0, 29.999), true},
		{"backoff stopped", []answer{stale, ready}, poll.Options{Schedule: readback.Delays(stopped)}, seconds(0, 29.999), true},
		{"the latest time there is", []answer{stale, ready}, poll.Options{Schedule: always(math.MaxInt64)}, seconds(27, 29.999), true},
		{"a schedule for longer", []answer{fast, fast, ready}, poll.Options{Schedule: timetable(seconds(0, 2, 29))}, seconds(0, 2, 28), true},

		{"slow reads", []answer{slow, ready}, poll.Options{Schedule: longAfter}, seconds(0, 22), true},
		{"the slowest read counts", []answer{fast, slow, fast, ready}, poll.Options{Schedule: timetable(seconds(0, 2, 7))}, seconds(0, 2, 7, 22), true},
		{"the slowest read may be unknown", []answer{unavailable.in(4 * time.Second), ready}, poll.Options{Schedule: longAfter}, seconds(0, 22), true},
		{"the slowest read may be one of the streak", []answer{stale, ready.in(4 * time.Second)}, poll.Options{Schedule: timetable(seconds(0, 10)), Settle: 2}, seconds(0, 10, 22), true},
		{"a reserve for each", []answer{fast, ready.in(2 * time.Second)}, poll.Options{Schedule: longAfter, Settle: 3}, seconds(0, 24, 26, 28), true},
		{"one reserve more after a setback", []answer{setback.in(time.Second), ready.in(2 * time.Second)},
			poll.Options{Schedule: longAfter, Settle: 2}, seconds(0, 24, 26, 28), true},
		{"at most half the time left", []answer{stale.in(9 * time.Second), stale.in(time.Second), ready}, poll.Options{Schedule: longAfter}, seconds(0, 19.5, 25.25), true},

		// Before any read was answered the reserve is as given.
		{"first read after the deadline", []answer{ready}, poll.Options{Schedule: always(time.Hour), Reserve: 2 * time.Second}, seconds(28), true},
		{"a tenth of the time", []answer{ready}, poll.Options{Schedule: always(time.Hour)}, seconds(27), true},
		{"a tenth of the time, for each", []answer{ready.in(500 * time.Millisecond)}, poll.Options{Schedule: always(time.Hour), Settle: 2, Within: 10 * time.Second}, seconds(8, 9), true},
		{"until the first was answered", []answer{ready}, poll.Options{Schedule: always(time.Hour), Settle: 2, Within: 10 * time.Second}, seconds(8, 9.999), true},
		{"half the time left", []answer{ready.in(2500 * time.Millisecond)}, poll.Options{Schedule: always(time.Hour), Settle: 3, Reserve: time.Hour}, seconds(15, 20, 25), true},

		{"and go on to the deadline", []answer{fast}, poll.Options{Schedule: longAfter}, seconds(0, 28, 29.001), false},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := script(tt.give...)
			_, err := poll.Until(t.Context(), r.read, judge, tt.opts)
			assert.Equal(t, tt.wantReads, r.begun)
			assert.Equal(t, tt.wantReady, err == nil)
		})
	}
}

func stopped() backoff.BackOff { return &backoff.StopBackOff{} }

// A read in flight when the closing reads are due is cut short and counts as
// unknown.
func TestUntil_cut(t *testing.T) {
	t.Parallel()
	first := stale.in(1500 * time.Millisecond) // a reserve of 3 s
	last := ready.in(1500 * time.Millisecond)
	tests := []struct {
		name      string
		give      []answer
		schedule  timetable
		settle    int
		wantReads []time.Duration
	}{
		{"with settle + 1 reserves left", []answer{first, hanging, last}, seconds(0, 10), 1, seconds(0, 10, 24)},
		{"as the first read", []answer{hanging, last}, seconds(0), 1, seconds(0, 24)},
		{"a streak needs more time", []answer{first, hanging, last}, seconds(0, 10), 3, seconds(0, 10, 18, 24.75, 27.375)},
		{"it does not break a streak", []answer{first, ready, hanging, ready}, seconds(0, 10, 11), 2, seconds(0, 10, 11, 21)},
		{"one after the other", []answer{first, hanging, hanging, hanging, ready}, seconds(0, 10), 1, seconds(0, 10, 24, 27, 28.5)},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := script(tt.give...)
			judged := 0
			var seen []poll.Read
			_, err := poll.Until(t.Context(), r.read, func(a answer, err error, read poll.Read) poll.Judgement {
				judged++
				return judge(a, err, read)
			}, poll.Options{
				Schedule: tt.schedule, Settle: tt.settle, ReadTimeout: time.Minute,
				Observe: func(read poll.Read) { seen = append(seen, read) },
			})
			require.NoError(t, err)
			assert.Equal(t, tt.wantReads, r.begun)
			for i, read := range seen {
				if read.Status != 0 {
					continue // it brought an answer
				}
				judged++
				assert.Equal(t, poll.Unknown, read.Verdict)
				assert.Equal(t, poll.Reason("read cut short"), read.Reason)
				assert.NotErrorIs(t, read.Err, context.DeadlineExceeded)
				assert.Equal(t, tt.wantReads[i+1], read.Ended, "the next read begins at once")
			}
			assert.Equal(t, len(seen), judged, "a read that was cut short is not judged")
		})
	}
}

// A replica that hangs for 26 s of 30 and then answers is not missed.
func TestUntil_hungReplicaComesBack(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		opts      poll.Options
		wantReads []time.Duration
	}{
		{"zero options but for the schedule", poll.Options{Schedule: everySecond}, seconds(0, 11, 22, 26)},
		{"no read timeout to speak of", poll.Options{Schedule: everySecond, ReadTimeout: time.Hour}, seconds(0, 24, 27)},
		{"expected to be fast", poll.Options{Schedule: everySecond, ReadTimeout: time.Hour, Reserve: time.Second}, seconds(0, 28)},
		{"twice in a row", poll.Options{Schedule: everySecond, ReadTimeout: time.Hour, Reserve: time.Second, Settle: 2}, seconds(0, 27, 28)},
		{"short timeouts", poll.Options{Schedule: everySecond, ReadTimeout: 4 * time.Second}, seconds(0, 5, 10, 15, 20, 24, 27)},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := newReplica(func(_ int, at time.Duration) answer {
				if at < 26*time.Second {
					return hanging
				}
				return ready
			})
			_, err := poll.Until(t.Context(), r.read, judge, tt.opts)
			require.NoError(t, err)
			assert.Equal(t, tt.wantReads, r.begun)
		})
	}
}

// A replica that never answers does not make the run late, nor busy.
func TestUntil_hungForEver(t *testing.T) {
	t.Parallel()
	for _, settle := range []int{1, 2, 4} {
		bubble(t, fmt.Sprintf("settle=%d", settle), func(t *testing.T) {
			r := script(hanging)
			_, err := poll.Until(t.Context(), r.read, judge, poll.Options{Schedule: everySecond, Settle: settle})
			require.ErrorIs(t, err, poll.ErrDeadline)
			assert.Equal(t, 30*time.Second, time.Since(r.zero))
			assert.LessOrEqual(t, len(r.begun), 40)
			assert.LessOrEqual(t, r.begun[len(r.begun)-1], 30*time.Second-time.Millisecond, "no burst at the end")
		})
	}
}

func TestUntil_readTimeout(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		timeout   time.Duration
		wantReads []time.Duration
	}{
		{"given", 2 * time.Second, seconds(0, 3)},
		{"zero means 10 s", 0, seconds(0, 11)},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := script(hanging, ready)
			var seen []error
			_, err := poll.Until(t.Context(), r.read, func(a answer, err error, read poll.Read) poll.Judgement {
				seen = append(seen, err)
				return judge(a, err, read)
			}, poll.Options{Schedule: everySecond, ReadTimeout: tt.timeout})
			require.NoError(t, err)
			assert.Equal(t, tt.wantReads, r.begun)
			require.Len(t, seen, 2, "it is judged")
			assert.ErrorIs(t, seen[0], poll.ErrReadTimeout)
			assert.NotErrorIs(t, seen[0], context.DeadlineExceeded)
		})
	}
}

// A read that returns after its context ended counts if it returns no error.
func TestUntil_lateValueCounts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		context time.Duration
		opts    poll.Options
	}{
		{"after the read timeout", time.Hour, poll.Options{ReadTimeout: time.Second}},
		{"after the cut", time.Hour, poll.Options{Within: 3 * time.Second}},
		{"after the context", time.Second, poll.Options{}},
		{"after the context, without a timeout", time.Second, poll.Options{ReadTimeout: poll.NoTimeout}},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), tt.context)
			defer cancel()
			got, err := poll.Until(ctx, func(ctx context.Context) (int, error) {
				<-ctx.Done()
				return 2, nil
			}, poll.When(func(v int) bool { return v == 2 }), tt.opts)
			require.NoError(t, err)
			assert.Equal(t, 2, got)
		})
	}
}

// A read that fails by itself is judged, although its context has ended.
func TestUntil_lateAnswerCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := poll.Until(ctx, func(ctx context.Context) (answer, error) {
			<-ctx.Done()
			return refused, refused.err
		}, judge, poll.Options{})
		require.ErrorIs(t, err, errRefused)
		assert.NotErrorIs(t, err, context.DeadlineExceeded, "the judge ended the run")
	})
}
