package poll_test

import (
	"context"
	"errors"
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

var errOver = errors.New("over")

// untimed is a context that does not tell its deadline.
type untimed struct{ context.Context }

func (untimed) Deadline() (end time.Time, ok bool) { return end, false }

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
	bubble(t, "without end, in a time without end", func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Hour, errOver)
		defer cancel()
		r := script(unavailable.in(time.Second).retryAfter(math.MaxInt64))
		_, err := poll.Until(untimed{ctx}, r.read, judge, poll.Options{Schedule: everySecond, Within: math.MaxInt64})
		require.ErrorIs(t, err, errOver)
		assert.Equal(t, seconds(0), r.begun)
	})
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
		{"ended by an unknown read anew", []answer{notFound.until(5 * s), unavailable.anew()}, 20 * s, poll.ErrDeadline},
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
		{"passed already, and ready", -time.Minute, []answer{ready}, poll.Options{}, seconds(0), seconds(60), nil, 0},
		{"passed already, and stale", -time.Minute, []answer{stale}, poll.Options{}, seconds(0), seconds(60), poll.ErrDeadline, 0},
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
