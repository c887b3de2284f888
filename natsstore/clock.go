package natsstore

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// A clock may be wrong, such as on a machine without a battery that has not asked for the
// time yet. So no record is forgotten because of a single clock. The least age of a record
// is known in two ways:
//
//   - by the time that has passed in this process since the record was seen, on a stopwatch,
//     which no wrong clock changes;
//   - by four readings of the clock: in two starts of a store soon after the record was
//     written, and in two starts now. The smallest difference between an early and a late
//     reading counts. If the clock was wrong in one of these starts, in either direction,
//     that difference is still not too great.

// reading is a time that a start of a store read on its clock, when the bucket had all
// changes up to a sequence.
type reading struct {
	Start    string `json:"start"`
	Sequence uint64 `json:"sequence"`
	Wall     int64  `json:"wall"` // nanoseconds since 1970
}

// moment is a time on the stopwatch of a process at which the bucket had all changes up to
// a sequence.
type moment struct {
	sequence uint64
	at       time.Duration
}

// clock knows the least age of records.
type clock struct {
	start    string        // names this start of the store
	moments  []moment      // of this start, in order
	spacing  time.Duration // least time between two moments, except the last one
	readings []reading     // of all starts, in order
	other    reading       // the last reading of another start
	otherAt  time.Duration // when it was seen first, on the stopwatch
}

// Older moments and readings are kept further apart. A record between two of them is dated
// by the later one, and so counts as younger than it is.
const (
	mostMoments  = 256
	mostReadings = 64

	// momentsAKeep is how many moments there are in the shortest time that records
	// are kept.
	momentsAKeep = 100
)

func newClock(start string) clock { return clock{start: start, spacing: readAgain / momentsAKeep} }

// thin removes one item if there are more than most: the one whose neighbours are closest to
// each other in proportion to their age.
func thin[T any](of []T, most int, at func(T) int64) []T {
	if len(of) <= most {
		return of
	}
	now, out, least := at(of[len(of)-1]), 0, math.Inf(1)
	for i := range len(of) - 2 {
		before, after := at(of[i]), at(of[i+2])
		if share := math.Abs(float64(after-before)) / math.Abs(float64(now-before)); share < least {
			out, least = i+1, share
		}
	}
	return slices.Delete(of, out, out+1)
}

// mark notes that the bucket had all changes up to a sequence at a time of the stopwatch.
func (c *clock) mark(sequence uint64, at time.Duration) {
	n := len(c.moments)
	switch {
	case n > 0 && sequence <= c.moments[n-1].sequence:
	case n > 1 && c.moments[n-1].at-c.moments[n-2].at < c.spacing:
		c.moments[n-1] = moment{sequence, at}
	default:
		c.moments = thin(append(c.moments, moment{sequence, at}), mostMoments, func(m moment) int64 { return int64(m.at) })
	}
}

// setReadings takes the readings that the bucket has, at a time of the stopwatch.
func (c *clock) setReadings(readings []reading, at time.Duration) {
	c.readings = readings
	for _, r := range slices.Backward(readings) {
		if r.Start == c.start {
			continue
		}
		if r != c.other {
			c.other, c.otherAt = r, at
		}
		return
	}
}

// read adds a reading of this start to those of the bucket, and reports whether they are
// worth writing back: readings of one start are at least readAgain apart.
func (c *clock) read(sequence uint64, wall time.Time) ([]reading, bool) {
	own := reading{Start: c.start, Sequence: sequence, Wall: wall.UnixNano()}
	if n := len(c.readings); n > 0 {
		last := c.readings[n-1]
		if own.Sequence <= last.Sequence || own.Start == last.Start && wall.Sub(time.Unix(0, last.Wall)).Abs() < readAgain {
			return c.readings, false
		}
	}
	c.readings = thin(append(slices.Clone(c.readings), own), mostReadings, func(r reading) int64 { return r.Wall })
	return c.readings, true
}

// readAgain is how far apart the readings of one start are.
const readAgain = time.Hour

// age returns the least age of a record, at a time of the stopwatch and of the clock.
func (c *clock) age(sequence uint64, at time.Duration, wall time.Time) time.Duration {
	age := time.Duration(0)
	from, _ := slices.BinarySearchFunc(c.moments, sequence, func(m moment, sequence uint64) int {
		return cmp.Compare(m.sequence, sequence)
	})
	if from < len(c.moments) {
		age = at - c.moments[from].at
	}
	return max(age, c.agreed(sequence, at, wall.UnixNano()))
}

// agreed returns the smallest difference between two readings of now and two readings soon
// after a record was written, each two of different starts; zero if there are not so many.
func (c *clock) agreed(sequence uint64, at time.Duration, now int64) time.Duration {
	if c.other.Start == "" {
		return 0
	}
	now = min(now, c.other.Wall+int64(at-c.otherAt))
	first, _ := slices.BinarySearchFunc(c.readings, sequence, func(r reading, sequence uint64) int {
		return cmp.Compare(r.Sequence, sequence)
	})
	for _, r := range c.readings[first:] {
		if soonest := c.readings[first]; r.Start != soonest.Start {
			return time.Duration(now - max(soonest.Wall, r.Wall))
		}
	}
	return 0
}
