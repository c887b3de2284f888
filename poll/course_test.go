package poll_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/poll"
)

// visits does what Until does, by visits.
func visits[T any](ctx context.Context, read func(context.Context) (T, error), judge poll.Judge[T], opts poll.Options) (T, error) {
	var course poll.Course
	opts.Since = time.Now()
	history := opts.History
	if err := course.Begin(opts); err != nil {
		var none T
		return none, err
	}
	for {
		time.Sleep(time.Until(opts.Since.Add(course.Next())))
		if history != nil {
			opts.History = new(poll.History)
		}
		value, done, err := poll.NewStepper(read, judge, opts).Visit(ctx, &course, time.Time{})
		if done || err != nil {
			if history != nil {
				*history = *opts.History
			}
			return value, err
		}
	}
}

// A poll that is visited whenever that is due goes as one that is waited for,
// whatever reads say and however long they take.
func TestVisit_likeUntil(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		bubble(t, fmt.Sprint(seed), func(t *testing.T) {
			type end struct {
				reads   []poll.Read
				value   int
				err     string
				lag     readback.Lag
				number  int
				elapsed time.Duration
			}
			var ends [2]end
			for way, until := range []func(context.Context, func(context.Context) (int, error), poll.Judge[int], poll.Options) (int, error){
				poll.Until[int], visits[int],
			} {
				r := rand.New(rand.NewPCG(seed, 2))
				e := &ends[way]
				read := func(ctx context.Context) (int, error) {
					timer := time.NewTimer(time.Duration(r.IntN(5)*r.IntN(500)) * time.Millisecond)
					defer timer.Stop()
					select {
					case <-timer.C:
						return r.IntN(20), nil
					case <-ctx.Done():
						return 0, ctx.Err()
					}
				}
				judge := func(value int, err error, read poll.Read) poll.Judgement {
					switch {
					case err != nil || value == 19:
						return poll.Judgement{Verdict: poll.Unknown, Setback: value == 19}
					case value < 8:
						return poll.Judgement{Verdict: poll.Ready}
					case value < 12:
						return poll.Judgement{Reason: "window", Until: read.Ended + 2*time.Second}
					}
					return poll.Judgement{Reason: "pending"}
				}
				history := new(poll.History)
				start := time.Now()
				value, err := until(t.Context(), read, judge, poll.Options{
					Schedule: readback.Delays(func() poll2 { return poll2(r.IntN(3)) }),
					Settle:   1 + r.IntN(5),
					Within:   time.Duration(1+r.IntN(20)) * time.Second,
					History:  history,
					Observe:  func(read poll.Read) { read.Err = nil; e.reads = append(e.reads, read) },
				})
				e.value, e.lag, e.number = value, history.Lag(), history.Reads()
				e.elapsed = time.Since(start).Round(2 * time.Millisecond)
				var unready *poll.NotReadyError
				if errors.As(err, &unready) {
					e.err = unready.Cause.Error()
				}
				e.lag.ReadTime, e.value = 0, 0
			}
			assert.Equal(t, ends[0].reads, ends[1].reads)
			assert.InDelta(t, ends[0].elapsed, ends[1].elapsed, float64(4*time.Millisecond))
			ends[0].elapsed, ends[1].elapsed = 0, 0
			if ends[1].number > 1 {
				ends[0].lag.First = -1 // a visit knows of no read before its own
			}
			assert.Equal(t, ends[0], ends[1])
		})
	}
}

// poll2 is a backoff of 0, 1 or 2 s.
type poll2 int

func (p poll2) NextBackOff() time.Duration { return time.Duration(p) * time.Second }

func TestVisit_arguments(t *testing.T) {
	t.Parallel()
	read := func(context.Context) (int, error) { return 1, nil }
	judge := poll.When(func(int) bool { return true })
	since := poll.Options{Since: time.Now()}
	for name, f := range map[string]func(c *poll.Course) error{
		"no read": func(c *poll.Course) error {
			_, _, err := poll.NewStepper(nil, judge, since).Visit(t.Context(), c, time.Time{})
			return err
		},
		"no judge": func(c *poll.Course) error {
			_, _, err := poll.NewStepper(read, nil, since).Visit(t.Context(), c, time.Time{})
			return err
		},
		"no since": func(c *poll.Course) error {
			_, _, err := poll.NewStepper(read, judge, poll.Options{}).Visit(t.Context(), c, time.Time{})
			return err
		},
		"bad options": func(c *poll.Course) error {
			_, _, err := poll.NewStepper(read, judge, poll.Options{Since: since.Since, Settle: -1}).Visit(t.Context(), c, time.Time{})
			return err
		},
		"begin without since": func(c *poll.Course) error { return c.Begin(poll.Options{}) },
		"begin badly":         func(c *poll.Course) error { return c.Begin(poll.Options{Since: since.Since, Within: -1}) },
	} {
		var c poll.Course
		require.Error(t, f(&c), name)
		assert.Equal(t, poll.Course{}, c, name)
	}
}

// A read that was made before the visit counts from when it began.
func TestVisit_began(t *testing.T) {
	t.Parallel()
	bubble(t, "half a second ago", func(t *testing.T) {
		var course poll.Course
		var seen []poll.Read
		opts := poll.Options{Since: time.Now(), Observe: func(r poll.Read) { seen = append(seen, r) }}
		began := time.Now()
		time.Sleep(time.Second / 2)
		read := func(context.Context) (int, error) { return 0, nil }
		_, done, err := poll.NewStepper(read, poll.When(func(int) bool { return false }), opts).Visit(t.Context(), &course, began)
		require.NoError(t, err)
		assert.False(t, done)
		assert.Equal(t, 1, course.Reads())
		assert.Zero(t, seen[0].Began)
		assert.Equal(t, time.Second/2, seen[0].Ended)
	})
}

// A second poll goes on counting reads, and begins anew in everything else.
func TestCourse_again(t *testing.T) {
	t.Parallel()
	bubble(t, "after three reads", func(t *testing.T) {
		start := time.Now()
		opts := poll.Options{Since: start, Schedule: readback.Delays(func() poll2 { return 1 }), Within: time.Minute}
		var course poll.Course
		var numbers []int
		var at []time.Duration
		opts.Observe = func(r poll.Read) { numbers, at = append(numbers, r.N), append(at, r.Began) }
		read := func(context.Context) (int, error) { return len(numbers), nil }
		for _, last := range []int{2, 5} {
			for done := false; !done; {
				time.Sleep(time.Until(start.Add(course.Next())))
				opts.History = new(poll.History)
				var err error
				_, done, err = poll.NewStepper(read, poll.When(func(n int) bool { return n == last }), opts).Visit(t.Context(), &course, time.Time{})
				require.NoError(t, err)
			}
			assert.Equal(t, last+1, course.Reads())
			assert.Equal(t, last+1, opts.History.Reads())
			course.Again()
		}
		assert.Equal(t, []int{1, 2, 3, 4, 5, 6}, numbers)
		assert.Equal(t, []time.Duration{0, time.Second, 2 * time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second}, at)
	})
}

// The times of a schedule count from when each of the polls was called.
func TestCourse_schedule(t *testing.T) {
	t.Parallel()
	bubble(t, "of absolute times", func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		opts := poll.Options{Since: start, Schedule: byTheClock{}, Within: time.Minute}
		opts.Observe = func(r poll.Read) { at = append(at, r.Began) }
		read := func(context.Context) (int, error) { return len(at), nil }
		var course poll.Course
		for _, last := range []int{2, 5} {
			require.NoError(t, course.Begin(opts))
			for done := false; !done; {
				time.Sleep(time.Until(start.Add(course.Next())))
				var err error
				_, done, err = poll.NewStepper(read, poll.When(func(n int) bool { return n == last }), opts).Visit(t.Context(), &course, time.Time{})
				require.NoError(t, err)
			}
			time.Sleep(5 * time.Second)
			course.Again()
			_, _, err := poll.NewStepper(read, poll.When(func(int) bool { return false }), opts).Visit(t.Context(), &course, time.Time{})
			require.NoError(t, err)
			require.Len(t, at, last+1, "called, and not due yet")
		}
		assert.Equal(t, []time.Duration{
			1 * time.Second, 2 * time.Second, 4 * time.Second,
			10 * time.Second, 11 * time.Second, 13 * time.Second, // called at 9 s
		}, at)
	})
}

// byTheClock reads 1, 2, 4 s after the call.
type byTheClock struct{}

func (byTheClock) First(time.Duration) time.Duration { return time.Second }
func (byTheClock) Plan() readback.Plan               { return byTheClock{} }

func (byTheClock) Next(s readback.Step) time.Duration {
	return time.Second << s.Reads
}

// However late the first visit is, it reads.
func TestVisit_lateFirst(t *testing.T) {
	t.Parallel()
	for _, begin := range []bool{true, false} {
		bubble(t, fmt.Sprint("begun ", begin), func(t *testing.T) {
			var course poll.Course
			opts := poll.Options{Since: time.Now()}
			if begin {
				require.NoError(t, course.Begin(opts))
			}
			time.Sleep(time.Hour)
			read := func(ctx context.Context) (int, error) {
				time.Sleep(time.Second)
				return 1, ctx.Err()
			}
			_, done, err := poll.NewStepper(read, poll.When(func(int) bool { return true }), opts).Visit(t.Context(), &course, time.Time{})
			require.NoError(t, err)
			assert.True(t, done)
		})
	}
}
