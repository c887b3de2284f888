package poll_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/poll"
)

// A state that comes and goes is not settled by reads that follow each other
// quickly: they must span a time.
func TestUntil_settleFor(t *testing.T) {
	t.Parallel()
	settled := ready
	settled.says.Settled = true
	again := ready
	again.says.Anew = true
	tests := []struct {
		name      string
		give      []answer
		opts      poll.Options
		wantReads []time.Duration
		want      error
	}{
		{"the last read is when the span is over", []answer{ready},
			poll.Options{SettleFor: 2500 * time.Millisecond, Schedule: everySecond}, seconds(0, 1, 2, 2.5), nil},
		{"a longer streak than the span", []answer{ready},
			poll.Options{SettleFor: 1500 * time.Millisecond, Settle: 4, Schedule: everySecond}, seconds(0, 1, 2, 3), nil},
		{"a pending read begins it anew", []answer{ready, ready, stale, ready},
			poll.Options{SettleFor: 2 * time.Second, Schedule: everySecond}, seconds(0, 1, 2, 3, 4, 5), nil},
		{"an unknown read does not", []answer{ready, unavailable, ready},
			poll.Options{SettleFor: 2 * time.Second, Schedule: everySecond}, seconds(0, 1, 2), nil},
		{"a tombstone does not override it", []answer{settled},
			poll.Options{SettleFor: 2 * time.Second, Schedule: everySecond}, seconds(0, 1, 2), nil},
		{"ready in another way begins it anew", []answer{ready, again, ready},
			poll.Options{SettleFor: 2 * time.Second, Schedule: everySecond}, seconds(0, 1, 2, 3), nil},
		{"just enough time is left", []answer{ready},
			poll.Options{SettleFor: 2 * time.Second, Within: 2100 * time.Millisecond, Schedule: everySecond, Reserve: 10 * time.Millisecond}, seconds(0, 1, 2), nil},
		{"the first closing read leaves the span", []answer{stale, ready},
			poll.Options{SettleFor: 2 * time.Second, Within: 10 * time.Second, Schedule: timetable{0}}, seconds(0, 7.998, 9.999), nil},
		{"the span does not fit any more", []answer{stale, stale, stale, stale, ready},
			poll.Options{SettleFor: 2 * time.Second, Within: 10 * time.Second, Schedule: timetable{0}}, nil, poll.ErrDeadline},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := script(tt.give...)
			_, err := poll.Until(t.Context(), r.read, judge, tt.opts)
			assert.ErrorIs(t, err, tt.want)
			if tt.wantReads != nil {
				assert.Equal(t, tt.wantReads, r.begun)
			}
		})
	}
}

// Anew without a span: the streak begins with the read that is ready in another
// way.
func TestUntil_anew(t *testing.T) {
	t.Parallel()
	again := ready
	again.says.Anew = true
	bubble(t, "a streak of three", func(t *testing.T) {
		r := script(ready, ready, again, ready)
		_, err := poll.Until(t.Context(), r.read, judge, poll.Options{Settle: 3, Schedule: everySecond})
		assert.NoError(t, err)
		assert.Equal(t, seconds(0, 1, 2, 3, 4), r.begun)
	})
}

// What is ready in another way does not make the read after an outage count.
func TestUntil_anewAfterASetback(t *testing.T) {
	t.Parallel()
	again, setback := ready, unavailable
	again.says.Anew, setback.says.Setback = true, true
	bubble(t, "a streak of two", func(t *testing.T) {
		r := script(ready, setback, again, ready)
		_, err := poll.Until(t.Context(), r.read, judge, poll.Options{Settle: 2, Schedule: everySecond})
		assert.NoError(t, err)
		assert.Equal(t, seconds(0, 1, 2, 3, 4), r.begun)
	})
}

// A run that others follow ends early enough for them.
func TestUntil_keepReads(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opts poll.Options
		want []time.Duration
	}{
		{"none follow", poll.Options{}, seconds(0, 9.9)},
		{"three follow", poll.Options{KeepReads: 3}, seconds(0, 9.6)},
		{"three that span a second", poll.Options{KeepReads: 3, KeepFor: time.Second}, seconds(0, 8.6)},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			slow := stale
			slow.takes = 50 * time.Millisecond
			done := ready
			done.takes = 50 * time.Millisecond
			r := script(slow, done)
			tt.opts.Within, tt.opts.Schedule = 10*time.Second, timetable{0}
			_, err := poll.Until(t.Context(), r.read, judge, tt.opts)
			assert.NoError(t, err)
			assert.Equal(t, tt.want, r.begun)
		})
	}
}

// The first read waits as long as the answer before it asked, but not beyond the
// closing reads.
func TestUntil_pause(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		pause time.Duration
		want  []time.Duration
	}{
		{"none", 0, seconds(0)},
		{"a while", 3 * time.Second, seconds(3)},
		{"too long", time.Hour, seconds(9.5)},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			r := script(ready)
			_, err := poll.Until(t.Context(), r.read, judge, poll.Options{Pause: tt.pause, Within: 10 * time.Second, Schedule: everySecond, Reserve: 500 * time.Millisecond})
			assert.NoError(t, err)
			assert.Equal(t, tt.want, r.begun)
		})
	}
}

func TestUntil_tooMuchAskedFor(t *testing.T) {
	t.Parallel()
	for _, opts := range []poll.Options{
		{Settle: poll.MaxSettle + 1}, {SettleFor: -1}, {KeepReads: -1}, {KeepFor: -1}, {Pause: -1},
	} {
		r := script(ready)
		_, err := poll.Until(t.Context(), r.read, judge, opts)
		assert.Error(t, err)
		assert.Empty(t, r.begun)
	}
}
