package natsstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

const day = 24 * time.Hour

// visit is a start of a store that reads its clock once, of days since an origin,
// and how long it then stays open.
type visit struct {
	clock float64
	stays time.Duration
}

// A record is written before all visits; what counts is how old it is taken to be at
// the end of the last one.
func TestClock_age(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		visits []visit
		want   time.Duration
	}{
		{"one start knows only what passes in it", []visit{{0, time.Hour}}, time.Hour},
		{"one start with a clock ahead", []visit{{0, 0}, {8, time.Hour}}, time.Hour},
		{"one ahead, then corrected", []visit{{0, 0}, {8, 0}, {0.1, time.Hour}}, time.Hour},
		{"one ahead, then two that are right", []visit{{0, 0}, {8, 0}, {0.1, 0}, {0.2, 0}}, 0},
		{"one behind, as it was written", []visit{{-8, 0}, {0, 0}, {1, 0}, {2, 0}}, day},
		{"one behind, later", []visit{{0, 0}, {1, 0}, {-8, 0}, {3, 0}}, 0},
		{"one behind, long ago", []visit{{0, 0}, {1, 0}, {-8, 0}, {3, 0}, {4, 0}}, 2 * day},
		{"one ahead, long ago", []visit{{0, 0}, {1, 0}, {8, 0}, {3, 0}, {4, 0}}, 2 * day},
		{"all are right", []visit{{0, 0}, {1, 0}, {8, 0}, {9, 0}}, 7 * day},
		{"the last one stays", []visit{{0, 0}, {1, 0}, {2, 9 * day}}, 9 * day},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const written = 5
			var readings []reading
			var age time.Duration
			for i, v := range tt.visits {
				c := newClock(string(rune('a' + i)))
				wall := time.Unix(0, 0).Add(time.Duration(v.clock * float64(day)))
				sequence := uint64(written + 1 + i)
				c.mark(sequence, 0)
				c.setReadings(readings, 0)
				readings, _ = c.read(sequence, wall)
				age = c.age(written, v.stays, wall.Add(v.stays))
			}
			assert.InDelta(t, tt.want.Hours(), age.Hours(), 0.001)
		})
	}
}

// Nothing is older than it is because a clock forgot when it was there.
func TestClock_thin(t *testing.T) {
	t.Parallel()
	c := newClock("a")
	for i := range uint64(10_000) {
		c.mark(i+1, time.Duration(i)*time.Minute)
	}
	assert.LessOrEqual(t, len(c.moments), mostMoments)
	now := 10_000 * time.Minute
	for i := range uint64(10_000) {
		age := c.age(i+1, now, time.Time{})
		assert.LessOrEqual(t, age, now-time.Duration(i)*time.Minute)
		assert.GreaterOrEqual(t, age, (now-time.Duration(i)*time.Minute)*8/10-3*time.Minute, i)
	}
}
