package poll_test

import (
	"context"
	"errors"
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

// The deadline is the earliest of the context's, the run's and the window's.
func TestUntil_deadline(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		context time.Duration // zero: none
		within  time.Duration
		window  time.Duration
		wantEnd time.Duration
		want    error
	}{
		{"none", 0, 0, 0, 30 * time.Second, poll.ErrDeadline},
		{"context, shorter than the default", 5 * time.Second, 0, 0, 5 * time.Second, context.DeadlineExceeded},
		{"context, longer than the default", time.Hour, 0, 0, time.Hour, context.DeadlineExceeded},
		{"within", 0, time.Minute, 0, time.Minute, poll.ErrDeadline},
		{"context first", 5 * time.Second, 10 * time.Second, 20 * time.Second, 5 * time.Second, context.DeadlineExceeded},
		{"within first", 10 * time.Second, 5 * time.Second, 20 * time.Second, 5 * time.Second, poll.ErrDeadline},
		{"window first", 20 * time.Second, 10 * time.Second, 5 * time.Second, 5 * time.Second, poll.ErrWindow},
		{"context and within", 5 * time.Second, 5 * time.Second, 0, 5 * time.Second, context.DeadlineExceeded},
		{"context and window", 5 * time.Second, 0, 5 * time.Second, 5 * time.Second, context.DeadlineExceeded},
		{"within and window", 0, 5 * time.Second, 5 * time.Second, 5 * time.Second, poll.ErrDeadline},
		{"not on a whole second", 0, 4321 * time.Microsecond, 0, 4321 * time.Microsecond, poll.ErrDeadline},
	}
	all := []error{context.DeadlineExceeded, context.Canceled, poll.ErrDeadline, poll.ErrWindow}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			ctx := t.Context()
			if tt.context > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, tt.context)
				defer cancel()
			}
			r := script(stale.until(tt.window))
			_, err := poll.Until(ctx, r.read, judge, poll.Options{Schedule: everySecond, Within: tt.within})
			for _, kind := range all {
				assert.Equal(t, kind == tt.want, errors.Is(err, kind), "%v: %v", kind, err)
			}
			assert.Equal(t, tt.wantEnd, time.Since(r.zero))
			assert.Equal(t, tt.wantEnd-time.Millisecond, r.begun[len(r.begun)-1], "a closing read")
		})
	}
}

func TestUntil_cancelledWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2500*time.Millisecond, cancel)
		r := script(notFound)
		_, err := poll.Until(ctx, r.read, judge, poll.Options{Schedule: everySecond})
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, errMissing)
		assert.Equal(t, 2500*time.Millisecond, time.Since(r.zero))
		assert.Len(t, r.begun, 3)
	})
}

func TestUntil_cancelledWhileReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2500*time.Millisecond, cancel)
		r := script(notFound, hanging)
		_, err := poll.Until(ctx, r.read, func(a answer, err error, read poll.Read) poll.Judgement {
			assert.Equal(t, 1, read.N, "a read that was cut short is not judged")
			return judge(a, err, read)
		}, poll.Options{Schedule: everySecond})
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, errMissing, "the read cut short does not hide the one before it")
		assert.Equal(t, 2500*time.Millisecond, time.Since(r.zero))
	})
}

// When a wait or a read and the context end together, the context wins, with
// its cause.
func TestUntil_contextEndsAtTheDeadline(t *testing.T) {
	t.Parallel()
	errWhy := errors.New("too late")
	for _, give := range []answer{stale, unavailable, hanging, stale.in(500 * time.Millisecond)} {
		bubble(t, give.says.Verdict.String(), func(t *testing.T) {
			for range 50 { // as the runtime has it: now one timer fires first, now the other
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errWhy)
				r := script(stale, give)
				_, err := poll.Until(ctx, r.read, judge, poll.Options{Schedule: timetable(seconds(0, .5))})
				cancel()
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.ErrorIs(t, err, errWhy)
				require.NotErrorIs(t, err, poll.ErrDeadline)
				require.Equal(t, time.Second, time.Since(r.zero))
				require.Less(t, r.begun[len(r.begun)-1], time.Second)
			}
		})
	}
}

// A context that says when it ends, but does not end, does not hold up the run
// for long.
func TestUntil_contextThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := script(stale)
		_, err := poll.Until(endless{t.Context(), time.Now().Add(time.Second)}, r.read, judge, poll.Options{Schedule: everySecond})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.LessOrEqual(t, time.Since(r.zero), time.Second+10*time.Millisecond)
	})
}

type endless struct {
	context.Context
	end time.Time
}

func (e endless) Deadline() (time.Time, bool) { return e.end, true }

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

// Retry-After is a floor, spread upwards by up to a tenth.
func TestUntil_retryAfter(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		give     answer
		schedule readback.Schedule
		least    time.Duration
		most     time.Duration
	}{
		{"longer than the schedule", unavailable.retryAfter(20 * time.Second), everySecond, 20 * time.Second, 22 * time.Second},
		{"of a pending read", stale.retryAfter(20 * time.Second), everySecond, 20 * time.Second, 22 * time.Second},
		{"of a setback", setback.retryAfter(20 * time.Second), everySecond, 20 * time.Second, 22 * time.Second},
		{"shorter than the schedule", unavailable.retryAfter(800 * time.Millisecond), everySecond, time.Second, time.Second},
		{"with a schedule of no more reads", unavailable.retryAfter(time.Second), timetable{0}, 2*time.Hour - time.Millisecond, 2*time.Hour - time.Millisecond},
		{"zero", unavailable.retryAfter(0), everySecond, time.Second, time.Second},
		{"negative", unavailable.retryAfter(-time.Hour), everySecond, time.Second, time.Second},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := script(tt.give)
			_, err := poll.Until(t.Context(), r.read, judge, poll.Options{Schedule: tt.schedule, Within: 2 * time.Hour})
			require.ErrorIs(t, err, poll.ErrDeadline)
			spread := map[time.Duration]bool{}
			for i := 1; i < len(r.begun); i++ {
				if r.begun[i] > 2*time.Hour-5*time.Millisecond {
					break // a closing read
				}
				wait := r.begun[i] - r.begun[i-1]
				require.GreaterOrEqual(t, wait, tt.least)
				require.LessOrEqual(t, wait, tt.most)
				spread[wait] = true
			}
			assert.GreaterOrEqual(t, r.begun[1], tt.least)
			if tt.most > tt.least {
				assert.Greater(t, len(spread), 100, "flows must not come back in step")
			}
		})
	}
}

// The closing reads begin in time, whatever the server asks for.
func TestUntil_retryAfterIsCapped(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		give      []answer
		settle    int
		wantReads []time.Duration
	}{
		{"an hour", []answer{unavailable.in(time.Second).retryAfter(time.Hour), ready}, 1, seconds(0, 28)},
		{"the longest", []answer{unavailable.in(time.Second).retryAfter(math.MaxInt64), ready}, 1, seconds(0, 28)},
		{"of a pending read", []answer{stale.in(time.Second).retryAfter(time.Hour), ready}, 1, seconds(0, 28)},
		{"room for a streak", []answer{unavailable.in(time.Second).retryAfter(time.Hour), ready}, 3, seconds(0, 24, 25, 26)},
		{"within a streak", []answer{stale.in(time.Second), ready.in(time.Second).retryAfter(time.Hour)}, 3, seconds(0, 2, 26, 28)},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := script(tt.give...)
			_, err := poll.Until(t.Context(), r.read, judge, poll.Options{Schedule: everySecond, Settle: tt.settle})
			require.NoError(t, err)
			assert.Equal(t, tt.wantReads, r.begun)
		})
	}
}

func TestUntil_window(t *testing.T) {
	t.Parallel()
	const s = time.Second
	tests := []struct {
		name    string
		give    []answer
		wantEnd time.Duration
		want    error
	}{
		{"ends the run", []answer{notFound.until(5 * s)}, 5 * s, poll.ErrWindow},
		{"zero means none", []answer{notFound.until(0)}, 20 * s, poll.ErrDeadline},
		{"negative means none", []answer{notFound.until(-s)}, 20 * s, poll.ErrDeadline},
		{"longer than the run", []answer{notFound.until(time.Hour)}, 20 * s, poll.ErrDeadline},
		{"passed already", []answer{notFound.in(3 * s).until(2 * s)}, 3 * s, poll.ErrWindow},
		{"moves on", []answer{notFound.until(5 * s), stale.until(12 * s)}, 12 * s, poll.ErrWindow},
		{"moves back", []answer{notFound.until(12 * s), stale.until(5 * s)}, 5 * s, poll.ErrWindow},
		{"ends with its reason", []answer{notFound.until(5 * s), stale}, 20 * s, poll.ErrDeadline},
		{"left by an unknown read", []answer{notFound.until(5 * s), unavailable}, 5 * s, poll.ErrWindow},
		{"left by a setback", []answer{notFound.until(5 * s), setback}, 5 * s, poll.ErrWindow},
		{"left by a hanging read", []answer{notFound.until(5 * s), hanging}, 5 * s, poll.ErrWindow},
		{"cleared by a ready read", []answer{notFound.until(5 * s), ready, unavailable}, 20 * s, poll.ErrDeadline},
		{"begins anew after a ready read", []answer{notFound.until(5 * s), ready, notFound.until(8 * s)}, 8 * s, poll.ErrWindow},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := script(tt.give...)
			_, err := poll.Until(t.Context(), r.read, judge, poll.Options{Schedule: everySecond, Settle: 2, Within: 20 * s})
			require.ErrorIs(t, err, tt.want)
			assert.Equal(t, tt.wantEnd, time.Since(r.zero))
		})
	}
}

// The end of a window is a deadline: closing reads begin before it in time.
func TestUntil_windowHasClosingReads(t *testing.T) {
	t.Parallel()
	missing := notFound.in(time.Second).until(10 * time.Second)
	tests := []struct {
		name      string
		give      []answer
		schedule  readback.Schedule
		settle    int
		wantReads []time.Duration
	}{
		{"one", []answer{missing, ready}, timetable{0}, 1, seconds(0, 8)},
		{"two, and the ready one ends the window", []answer{missing, ready.in(time.Second)}, timetable{0}, 2, seconds(0, 6, 28)},
		{"a hanging read is cut short", []answer{missing, unavailable, hanging, ready}, everySecond, 1, seconds(0, 2, 3, 6)},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := script(tt.give...)
			_, err := poll.Until(t.Context(), r.read, judge, poll.Options{Schedule: tt.schedule, Settle: tt.settle})
			require.NoError(t, err)
			assert.Equal(t, tt.wantReads, r.begun)
		})
	}
}

// Since moves the clock of the run, but not that of the schedule.
func TestUntil_since(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		since     time.Duration // relative to the call
		give      []answer
		opts      poll.Options
		wantReads []time.Duration // since the call
		wantBegan []time.Duration
		want      error
		wantEnd   time.Duration // since the call
	}{
		{"within counts from it", -25 * time.Second, []answer{stale}, poll.Options{Schedule: timetable(seconds(0, 3))},
			seconds(0, 3, 4.999), seconds(25, 28, 29.999), poll.ErrDeadline, 5 * time.Second},
		{"the schedule counts from the call", -10 * time.Second, []answer{stale, stale, ready}, poll.Options{Schedule: timetable(seconds(1, 3, 7))},
			seconds(1, 3, 7), seconds(11, 13, 17), nil, 7 * time.Second},
		{"a window counts from it", -10 * time.Second, []answer{stale.until(12 * time.Second)}, poll.Options{Schedule: everySecond},
			seconds(0, 1, 1.999), seconds(10, 11, 11.999), poll.ErrWindow, 2 * time.Second},
		{"passed already", -time.Minute, []answer{ready}, poll.Options{}, nil, nil, poll.ErrDeadline, 0},
		{"the latest time there is", -10 * time.Second, []answer{stale, ready}, poll.Options{Schedule: firstAtOnce{always(math.MaxInt64)}},
			seconds(0, 19.999), seconds(10, 29.999), nil, 19999 * time.Millisecond},
		{"the latest first time there is", -10 * time.Second, []answer{ready}, poll.Options{Schedule: always(math.MaxInt64)},
			seconds(18), seconds(28), nil, 18 * time.Second},
		{"later than the call", time.Hour, []answer{stale, ready}, poll.Options{Schedule: everySecond},
			seconds(0, 1), seconds(0, 1), nil, time.Second},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := script(tt.give...)
			var began []time.Duration
			tt.opts.Since = time.Now().Add(tt.since)
			tt.opts.Observe = func(read poll.Read) { began = append(began, read.Began) }
			_, err := poll.Until(t.Context(), r.read, judge, tt.opts)
			require.ErrorIs(t, err, tt.want)
			assert.Equal(t, tt.wantReads, r.begun)
			assert.Equal(t, tt.wantBegan, began)
			assert.Equal(t, tt.wantEnd, time.Since(r.zero))
		})
	}
}

// firstAtOnce is a schedule whose first read is at once.
type firstAtOnce struct{ readback.Schedule }

func (firstAtOnce) First(time.Duration) time.Duration { return 0 }

// The traps of backoff values that other code made: none may stop the reads
// for good, nor make a hot loop.
func TestUntil_backoffTraps(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fresh func() backoff.BackOff
	}{
		{"zero", func() backoff.BackOff { return &backoff.ZeroBackOff{} }},
		{"stop", func() backoff.BackOff { return &backoff.StopBackOff{} }},
		{"literal without Stop, past its limit", func() backoff.BackOff {
			return &backoff.ExponentialBackOff{
				InitialInterval: 10 * time.Millisecond, Multiplier: 2, MaxInterval: time.Second,
				MaxElapsedTime: 20 * time.Millisecond, Clock: backoff.SystemClock,
			}
		}},
		{"no multiplier", func() backoff.BackOff { return backoff.NewExponentialBackOff(backoff.WithMultiplier(0)) }},
		{"no interval at all", func() backoff.BackOff {
			return backoff.NewExponentialBackOff(backoff.WithInitialInterval(0), backoff.WithMaxInterval(0))
		}},
		{"jitter beyond 1", func() backoff.BackOff { return backoff.NewExponentialBackOff(backoff.WithRandomizationFactor(3)) }},
		{"tries spent", func() backoff.BackOff { return backoff.WithMaxRetries(&backoff.ZeroBackOff{}, 2) }},
		{"limit spent", func() backoff.BackOff {
			return backoff.NewExponentialBackOff(backoff.WithMaxElapsedTime(time.Nanosecond))
		}},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := script(stale)
			_, err := poll.Until(t.Context(), r.read, judge, poll.Options{Schedule: readback.Delays(tt.fresh), Within: time.Second})
			require.ErrorIs(t, err, poll.ErrDeadline)
			assert.LessOrEqual(t, len(r.begun), 1000, "at most one read a millisecond")
			assert.GreaterOrEqual(t, r.begun[len(r.begun)-1], 999*time.Millisecond, "a closing read")
			assert.Equal(t, time.Second, time.Since(r.zero))
		})
	}
}
