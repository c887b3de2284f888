package poll_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/poll"
)

func TestHistory_zero(t *testing.T) {
	t.Parallel()
	var h poll.History
	assert.Zero(t, h.Reads())
	assert.Zero(t, h.Omitted())
	_, ok := h.Last()
	assert.False(t, ok)
	for range h.All() {
		t.Fatal("an empty history has no reads")
	}
	assert.Equal(t, readback.Lag{After: -1, By: -1}, h.Lag())
}

// A history keeps the first 16 reads and the last 16.
func TestHistory_bounded(t *testing.T) {
	t.Parallel()
	for _, reads := range []int{1, 2, 15, 16, 17, 31, 32, 33, 48, 49, 1000} {
		bubble(t, fmt.Sprintf("reads=%d", reads), func(t *testing.T) {
			var h poll.History
			readTimes(t, &h, reads)
			assert.Equal(t, reads, h.Reads())
			assert.Equal(t, max(0, reads-32), h.Omitted())

			var want []int
			for n := range reads {
				if n < 16 || n >= reads-16 {
					want = append(want, n+1)
				}
			}
			assert.Equal(t, want, numbers(&h))
			last, ok := h.Last()
			require.True(t, ok)
			assert.Equal(t, reads, last.N)
			assert.Equal(t, time.Duration(reads-1)*time.Second, last.Began)
		})
	}
}

// readTimes adds so many reads to h, a second apart.
func readTimes(t *testing.T, h *poll.History, reads int) {
	t.Helper()
	n := 0
	_, err := poll.Until(t.Context(), func(context.Context) (int, error) { n++; return n, nil },
		poll.When(func(n int) bool { return n == reads }), poll.Options{Schedule: everySecond, History: h, Within: time.Hour})
	require.NoError(t, err)
}

func numbers(h *poll.History) []int {
	var ns []int
	for read := range h.All() {
		ns = append(ns, read.N)
	}
	return ns
}

// All can be left at any read.
func TestHistory_All_break(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h poll.History
		readTimes(t, &h, 40)
		for _, stop := range []int{1, 2, 16, 17, 32} {
			seen := 0
			for range h.All() {
				if seen++; seen == stop {
					break
				}
			}
			assert.Equal(t, stop, seen)
		}
	})
}

// The reads of a run, as the history keeps them.
func TestHistory_reads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		noted := ready
		noted.says.Note = "from a cache"
		r := script(notFound.in(500*time.Millisecond), unavailable, hanging, noted)
		var h poll.History
		var observed []poll.Read
		_, err := poll.Until(t.Context(), r.read, judge, poll.Options{
			Schedule: everySecond, ReadTimeout: 2 * time.Second, History: &h,
			Observe: func(read poll.Read) {
				observed = append(observed, read)
				last, _ := h.Last()
				assert.Equal(t, read, last, "the history has it already")
			},
		})
		require.NoError(t, err)

		const ms = time.Millisecond
		require.Len(t, observed, 4)
		require.ErrorIs(t, observed[2].Err, poll.ErrReadTimeout)
		assert.Equal(t, []poll.Read{
			{N: 1, Began: 0, Ended: 500 * ms, Verdict: poll.Pending, Reason: "not found", Status: 404, Err: errMissing},
			{N: 2, Began: 1500 * ms, Ended: 1500 * ms, Verdict: poll.Unknown, Reason: "unavailable", Status: 503, Err: errUnavailable},
			{N: 3, Began: 2500 * ms, Ended: 4500 * ms, Verdict: poll.Unknown, Reason: "no answer", Err: observed[2].Err},
			{N: 4, Began: 5500 * ms, Ended: 5500 * ms, Verdict: poll.Ready, Status: 200, Note: "from a cache"},
		}, observed)
		var kept []poll.Read
		for read := range h.All() {
			kept = append(kept, read)
		}
		assert.Equal(t, observed, kept)
	})
}

// Every read is observed, in order: also the one that ends the run, and one
// that is cut short.
func TestUntil_observe(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		give []answer
		opts poll.Options
		want []poll.Verdict
	}{
		{"ready at once", []answer{ready}, poll.Options{}, []poll.Verdict{poll.Ready}},
		{"stopped", []answer{stale, refused}, poll.Options{}, []poll.Verdict{poll.Pending, poll.Stop}},
		{"cut short", []answer{hanging, ready}, poll.Options{Reserve: time.Second, Within: 5 * time.Second}, []poll.Verdict{poll.Unknown, poll.Ready}},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			var got []poll.Verdict
			tt.opts.Schedule = everySecond
			tt.opts.Observe = func(read poll.Read) {
				got = append(got, read.Verdict)
				assert.Len(t, got, read.N)
			}
			_, _ = poll.Until(t.Context(), script(tt.give...).read, judge, tt.opts)
			assert.Equal(t, tt.want, got)
		})
	}
}

// The reads of one history go on over two runs, on one clock.
func TestHistory_goesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h poll.History
		opts := poll.Options{Schedule: everySecond, Since: time.Now(), Within: time.Minute, History: &h}
		_, err := poll.Until(t.Context(), script(notFound, unavailable, refused).read, judge, opts)
		require.ErrorIs(t, err, errRefused)
		assert.Same(t, &h, unready(t, err).History)

		time.Sleep(10 * time.Second)
		_, err = poll.Until(t.Context(), script(notFound, ready).read, judge, opts)
		require.NoError(t, err)
		assert.Equal(t, []int{1, 2, 3, 4, 5}, numbers(&h))
		last, _ := h.Last()
		assert.Equal(t, 13*time.Second, last.Began)
		assert.Equal(t, readback.Lag{After: 12 * time.Second, By: 13 * time.Second, Reads: 5}, h.Lag())
	})
}

// A plan counts the reads of its own run.
func TestHistory_goesOn_plan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h poll.History
		readTimes(t, &h, 3)
		asked := &noting{}
		_, err := poll.Until(t.Context(), script(stale, stale, ready).read, judge, poll.Options{Schedule: asked, History: &h})
		require.NoError(t, err)
		require.Len(t, asked.steps, 2)
		assert.Equal(t, 1, asked.steps[0].Reads)
		assert.Equal(t, 2, asked.steps[1].Reads)
	})
}

func TestHistory_Lag(t *testing.T) {
	t.Parallel()
	const s = time.Second
	tests := []struct {
		name   string
		give   []answer
		settle int
		want   readback.Lag
	}{
		{"at once", []answer{ready.in(s)}, 1, readback.Lag{After: -1, By: 0, Reads: 1, ReadTime: s}},
		{"after two misses", []answer{stale.in(s), notFound.in(s), ready.in(s)}, 1,
			readback.Lag{After: 2 * s, By: 4 * s, Reads: 3, ReadTime: s}},
		{"by the first of a streak", []answer{stale, ready, ready, ready}, 3,
			readback.Lag{After: 0, By: s, Reads: 2}},
		{"by the streak that held", []answer{ready, stale, ready, ready}, 2,
			readback.Lag{After: s, By: 2 * s, Reads: 3}},
		{"unknown reads tell nothing", []answer{unavailable.in(4 * s), stale.in(s), hanging, ready.in(s)}, 1,
			readback.Lag{After: 5 * s, By: 18 * s, Reads: 4, ReadTime: s}},
		{"an unknown read in a streak", []answer{stale, ready, unavailable, ready}, 2,
			readback.Lag{After: 0, By: s, Reads: 2}},
		{"a streak ended by a setback", []answer{stale, ready, setback, ready, ready, ready}, 2,
			readback.Lag{After: 0, By: 3 * s, Reads: 4}},
		{"never", []answer{stale, unavailable, refused}, 1, readback.Lag{After: 0, By: -1, Reads: 3}},
		{"lost again", []answer{ready, stale, refused}, 2, readback.Lag{After: s, By: -1, Reads: 3}},
		{"nothing known", []answer{unavailable, refused}, 1, readback.Lag{After: -1, By: -1, Reads: 2}},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			var h poll.History
			_, _ = poll.Until(t.Context(), script(tt.give...).read, judge, poll.Options{Schedule: everySecond, Settle: tt.settle, History: &h})
			assert.Equal(t, tt.want, h.Lag())
		})
	}
}

// The facts of a poll that ended unready.
func TestNotReadyError_facts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, err := poll.Until(t.Context(), script(notFound).read, judge, poll.Options{
			Schedule: everySecond, Since: time.Now().Add(-5 * time.Second), Within: 10 * time.Second,
		})
		e := unready(t, err)
		assert.Equal(t, 6, e.Reads)
		assert.Equal(t, 10*time.Second, e.Elapsed, "from the beginning of the run")
		assert.Equal(t, poll.ErrDeadline, e.Cause)
		assert.Equal(t, errMissing, e.Last)
		assert.Equal(t, 6, e.History.Reads())
		assert.Equal(t, []int{1, 2, 3, 4, 5, 6}, numbers(e.History))
	})
}
