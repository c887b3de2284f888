package poll_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/poll"
)

func TestUntil_ready(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		give      []answer
		schedule  readback.Schedule
		wantReads []time.Duration
	}{
		{"at once", []answer{ready}, everySecond, seconds(0)},
		{"stale, then fresh", []answer{stale, stale, ready}, everySecond, seconds(0, 1, 2)},
		{"failed, then fresh", []answer{notFound, unavailable, ready}, everySecond, seconds(0, 1, 2)},
		{"waits count from the end of a read", []answer{stale.in(3 * time.Second), ready}, everySecond, seconds(0, 4)},
		{"waits grow", []answer{stale, stale, stale, ready}, doubling, seconds(0, 1, 3, 7)},
		{"unknown reads let waits grow", []answer{unavailable, unavailable, unavailable, ready}, doubling, seconds(0, 1, 3, 7)},
		{"schedule delays the first read", []answer{stale, ready},
			readback.Backoff{FirstRead: 2 * time.Second, Initial: time.Second, Max: time.Second, NoJitter: true}, seconds(2, 3)},
		{"schedule of absolute times", []answer{stale.in(time.Second), stale, stale, ready}, timetable(seconds(.5, 4, 4.5, 20)), seconds(.5, 4, 4.5, 20)},
		{"a time in the past is as soon as possible", []answer{stale.in(2 * time.Second), ready}, timetable(seconds(0, 1)), seconds(0, 2.001)},
		{"a negative first time is at once", []answer{ready}, timetable{-time.Second}, seconds(0)},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := script(tt.give...)
			got, err := poll.Until(t.Context(), r.read, judge, poll.Options{Schedule: tt.schedule})
			require.NoError(t, err)
			assert.Equal(t, tt.give[len(tt.give)-1], got)
			assert.Equal(t, tt.wantReads, r.begun)
		})
	}
}

// The zero Options wait up to 100 ms, 200 ms, 400 ms and so on.
func TestUntil_zeroOptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := script(stale)
		_, err := poll.Until(t.Context(), r.read, judge, poll.Options{})
		require.ErrorIs(t, err, poll.ErrDeadline)
		assert.Equal(t, 30*time.Second, time.Since(r.zero), "Within")
		require.GreaterOrEqual(t, len(r.begun), 10)
		bound := 100 * time.Millisecond
		for i := 1; i < len(r.begun); i++ {
			wait := r.begun[i] - r.begun[i-1]
			assert.GreaterOrEqual(t, wait, time.Millisecond)
			assert.LessOrEqual(t, wait, bound)
			bound = min(2*bound, 5*time.Second)
		}
	})
}

func TestUntil_stop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := script(stale, refused)
		got, err := poll.Until(t.Context(), r.read, judge, poll.Options{Schedule: everySecond})
		require.ErrorIs(t, err, poll.ErrNotReady)
		require.ErrorIs(t, err, errRefused)
		assert.Equal(t, stale, got, "the last value of a read without an error")
		assert.Equal(t, seconds(0, 1), r.begun)
	})
}

func TestUntil_lastValue(t *testing.T) {
	t.Parallel()
	second := stale
	second.says.Note = "second"
	tests := []struct {
		name string
		give []answer
		want answer
	}{
		{"none", []answer{notFound, refused}, answer{}},
		{"value of a failed read does not count", []answer{stale, notFound, refused}, stale},
		{"the later of two", []answer{stale, second, notFound, refused}, second},
		{"a ready one whose streak broke", []answer{ready, notFound, refused}, ready},
		{"of the read that stops", []answer{stale, {says: poll.Judgement{Verdict: poll.Stop}}}, answer{says: poll.Judgement{Verdict: poll.Stop}}},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			got, err := poll.Until(t.Context(), script(tt.give...).read, judge, poll.Options{Schedule: everySecond, Settle: 2})
			require.ErrorIs(t, err, poll.ErrNotReady)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestUntil_badInput(t *testing.T) {
	t.Parallel()
	read := func(context.Context) (int, error) { panic("called in spite of bad input") }
	yes := func(int) bool { return true }
	tests := []struct {
		name  string
		read  func(context.Context) (int, error)
		judge poll.Judge[int]
		opts  poll.Options
		want  string
	}{
		{"no read", nil, poll.When(yes), poll.Options{}, "poll: the read function is nil"},
		{"no judge", read, nil, poll.Options{}, "poll: the judge is nil"},
		{"judge of nothing", read, poll.When[int](nil), poll.Options{}, "poll: the judge is nil"},
		{"settle", read, poll.When(yes), poll.Options{Settle: -1}, "poll: Options.Settle is negative: -1"},
		{"within", read, poll.When(yes), poll.Options{Within: -time.Second}, "poll: Options.Within is negative: -1s"},
		{"read timeout", read, poll.When(yes), poll.Options{ReadTimeout: -time.Second}, "poll: Options.ReadTimeout is negative: -1s"},
		{"reserve", read, poll.When(yes), poll.Options{Reserve: -1}, "poll: Options.Reserve is negative: -1ns"},
		{"schedule", read, poll.When(yes), poll.Options{Schedule: readback.Backoff{Multiplier: .5}},
			"readback: Backoff.Multiplier is not between 1 and 1e6: 0.5"},
		{"delays of nothing", read, poll.When(yes), poll.Options{Schedule: readback.Delays[noDelays](nil)},
			"readback: Delays needs a function that returns a source of waits"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := poll.Until(t.Context(), tt.read, tt.judge, tt.opts)
			require.EqualError(t, err, tt.want)
			assert.NotErrorIs(t, err, poll.ErrNotReady)

			ended, cancel := context.WithCancel(t.Context())
			cancel()
			_, err = poll.Until(ended, tt.read, tt.judge, tt.opts)
			require.EqualError(t, err, tt.want, "also with an ended context")
		})
	}
}

type noDelays struct{}

func (noDelays) NextBackOff() time.Duration { return 0 }

func TestUntil_endedContext(t *testing.T) {
	t.Parallel()
	errWhy := errors.New("shutting down")
	cancelled, cancel := context.WithCancelCause(context.Background())
	cancel(errWhy)
	expired, stop := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer stop()
	tests := []struct {
		name string
		ctx  context.Context
		want []error
	}{
		{"cancelled", cancelled, []error{poll.ErrNotReady, context.Canceled, errWhy}},
		{"expired", expired, []error{poll.ErrNotReady, context.DeadlineExceeded}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			read := func(context.Context) (int, error) { panic("called in an ended context") }
			_, err := poll.Until(tt.ctx, read, poll.When(func(int) bool { return true }), poll.Options{})
			for _, want := range tt.want {
				require.ErrorIs(t, err, want)
			}
			var unready *poll.NotReadyError
			require.ErrorAs(t, err, &unready)
			assert.Zero(t, unready.Reads)
			assert.NoError(t, unready.Last)
			assert.Zero(t, unready.History.Reads())
		})
	}
}

// A judge sees what the read returned, its number and its times.
func TestUntil_judgeSees(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := script(stale.in(time.Second), notFound, ready)
		type seen struct {
			value answer
			err   error
			read  poll.Read
		}
		var got []seen
		_, err := poll.Until(t.Context(), r.read, func(a answer, err error, r poll.Read) poll.Judgement {
			got = append(got, seen{a, err, r})
			return judge(a, err, r)
		}, poll.Options{Schedule: everySecond})
		require.NoError(t, err)
		assert.Equal(t, []seen{
			{stale.in(time.Second), nil, poll.Read{N: 1, Began: 0, Ended: time.Second}},
			{notFound, errMissing, poll.Read{N: 2, Began: 2 * time.Second, Ended: 2 * time.Second, Err: errMissing}},
			{ready, nil, poll.Read{N: 3, Began: 3 * time.Second, Ended: 3 * time.Second}},
		}, got)
	})
}

func TestWhen(t *testing.T) {
	t.Parallel()
	even := poll.When(func(n int) bool { return n%2 == 0 })
	assert.Equal(t, poll.Judgement{Verdict: poll.Ready}, even(2, nil, poll.Read{}))
	assert.Equal(t, poll.Judgement{Verdict: poll.Pending, Reason: "not as wanted"}, even(1, nil, poll.Read{}))
	assert.Equal(t, poll.Judgement{Verdict: poll.Pending, Reason: "failed"}, even(2, errMissing, poll.Read{}))
	assert.Nil(t, poll.When[int](nil))
}

func TestVerdict_String(t *testing.T) {
	t.Parallel()
	tests := []struct {
		give poll.Verdict
		want string
	}{
		{poll.Pending, "pending"},
		{poll.Ready, "ready"},
		{poll.Unknown, "unknown"},
		{poll.Stop, "stop"},
		{poll.Stop + 1, "invalid verdict"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, tt.give.String())
	}
}

// A verdict that does not exist must not be taken for one that lets a run go
// on, or end well.
func TestUntil_invalidVerdictStops(t *testing.T) {
	t.Parallel()
	r := script(answer{says: poll.Judgement{Verdict: 200}})
	_, err := poll.Until(t.Context(), r.read, judge, poll.Options{})
	require.ErrorIs(t, err, poll.ErrNotReady)
	assert.Len(t, r.begun, 1)
}

func TestUntil_readContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	base := context.WithValue(context.Background(), key{}, "value")

	t.Run("own", func(t *testing.T) {
		t.Parallel()
		var reads []context.Context
		_, err := poll.Until(base, func(ctx context.Context) (int, error) {
			assert.NoError(t, ctx.Err())
			assert.Equal(t, "value", ctx.Value(key{}))
			_, bounded := ctx.Deadline()
			assert.True(t, bounded)
			reads = append(reads, ctx)
			return len(reads), nil
		}, poll.When(func(n int) bool { return n == 2 }), poll.Options{Schedule: timetable{0, 0}})
		require.NoError(t, err)
		require.Len(t, reads, 2)
		assert.NotSame(t, reads[0], reads[1])
		assert.Error(t, reads[0].Err(), "released when the read has ended")
		assert.Error(t, reads[1].Err())
	})
	t.Run("NoTimeout", func(t *testing.T) {
		t.Parallel()
		_, err := poll.Until(base, func(ctx context.Context) (int, error) {
			assert.Equal(t, base, ctx, "as it is")
			return 0, nil
		}, poll.When(func(int) bool { return true }), poll.Options{ReadTimeout: poll.NoTimeout})
		require.NoError(t, err)
	})
}

// Nothing but the return of the read ends a read without a timeout.
func TestUntil_noTimeoutHoldsUpTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := script(stale.in(time.Hour))
		_, err := poll.Until(t.Context(), r.read, judge, poll.Options{ReadTimeout: poll.NoTimeout, Within: time.Minute})
		require.ErrorIs(t, err, poll.ErrDeadline)
		assert.Equal(t, time.Hour, time.Since(r.zero))
		assert.Len(t, r.begun, 1)
	})
}

func TestUntil_panic(t *testing.T) {
	t.Parallel()
	options := poll.Options{Schedule: everySecond}
	tests := []struct {
		name string
		run  func(ctx context.Context, r *replica)
	}{
		{"read", func(ctx context.Context, r *replica) {
			_, _ = poll.Until(ctx, func(ctx context.Context) (answer, error) {
				a, err := r.read(ctx)
				if len(r.begun) == 3 {
					panic("boom")
				}
				return a, err
			}, judge, options)
		}},
		{"judge", func(ctx context.Context, r *replica) {
			_, _ = poll.Until(ctx, r.read, func(a answer, err error, read poll.Read) poll.Judgement {
				if read.N == 3 {
					panic("boom")
				}
				return judge(a, err, read)
			}, options)
		}},
		{"observer", func(ctx context.Context, r *replica) {
			options := options
			options.Observe = func(read poll.Read) {
				if read.N == 3 {
					panic("boom")
				}
			}
			_, _ = poll.Until(ctx, r.read, judge, options)
		}},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := script(stale)
			assert.PanicsWithValue(t, "boom", func() { tt.run(newForeign(), r) })
			assert.Equal(t, seconds(0, 1, 2), r.begun)
		})
	}
}

// foreign is a context that package context does not know. Each context made
// of it costs a goroutine until it is released, so that the end of a bubble
// shows one that was not.
type foreign struct {
	context.Context
	done chan struct{}
}

func newForeign() foreign { return foreign{context.Background(), make(chan struct{})} }

func (f foreign) Done() <-chan struct{} { return f.done }

func TestUntil_leavesNoGoroutine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		give      []answer
		wantReady bool
	}{
		{"ready", []answer{stale, ready}, true},
		{"stopped", []answer{stale, refused}, false},
		{"hanging", []answer{hanging}, false},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			_, err := poll.Until(newForeign(), script(tt.give...).read, judge, poll.Options{Schedule: everySecond})
			assert.Equal(t, tt.wantReady, err == nil)
		})
	}
}

func TestUntil_runsOnTheCallersGoroutine(t *testing.T) {
	t.Parallel()
	// A read that ends its goroutine, as a failed assertion does, ends this one.
	ended := make(chan bool)
	go func() {
		returned := false
		defer func() { ended <- !returned }()
		_, _ = poll.Until(context.Background(), func(context.Context) (int, error) {
			runtime.Goexit()
			return 0, nil
		}, poll.When(func(int) bool { return true }), poll.Options{})
		returned = true
	}()
	assert.True(t, <-ended)
}

func TestUntil_concurrently(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opts := poll.Options{Schedule: readback.Backoff{}, Settle: 2, Observe: func(poll.Read) {}}
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				r := newReplica(func(_ int, at time.Duration) answer {
					if at < time.Duration(i)*100*time.Millisecond {
						return stale
					}
					return ready
				})
				_, err := poll.Until(t.Context(), r.read, judge, opts)
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		assert.Equal(t, 2, opts.Settle, "options are not changed")
	})
}

// A flow that is ready at once pays nothing for the reads it does not need.
func TestUntil_firstReadAllocatesNothing(t *testing.T) {
	ctx := context.Background()
	read := func(context.Context) (int, error) { return 2, nil }
	fresh := poll.When(func(v int) bool { return v == 2 })
	var err error
	allocs := testing.AllocsPerRun(100, func() {
		_, err = poll.Until(ctx, read, fresh, poll.Options{ReadTimeout: poll.NoTimeout})
	})
	require.NoError(t, err)
	assert.Zero(t, allocs)
}
