package natsstore

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// A clock may be wrong: of a machine without a battery, before it has heard of the
// time. So no record is forgotten on the word of one. How old a record is at least
// is known in two ways: by the time that passed in this process since the record
// was seen to be there, which no clock can falsify; or by readings of the clock in
// two starts of a store after the record was written, and in two by now. If one of
// all these starts was wrong, either way, the smallest difference between the ones
// and the others is still not too great.

// reading is what a start of a store read on its clock once the bucket had all
// changes up to a sequence.
type reading struct {
	Start    string `json:"start"`
	Sequence uint64 `json:"sequence"`
	Wall     int64  `json:"wall"` // nanoseconds since 1970
}

// moment is when a process knew that all up to a sequence were there, on its own
// stopwatch.
type moment struct {
	sequence uint64
	at       time.Duration
}

// clock knows how old records are at least.
type clock struct {
	start    string        // this one
	moments  []moment      // of this one, in order
	apart    time.Duration // how far apart moments are, but for the last one
	readings []reading     // of all starts, in order
	other    reading       // the last one of another start
	heard    time.Duration
}

// Older moments and readings lie wider apart: what lacks one is dated by the next,
// and so taken for younger than it is.
const (
	mostMoments  = 256
	mostReadings = 64

	// momentsAKeep is how many moments there are in the shortest time that records
	// are kept.
	momentsAKeep = 100
)

func newClock(start string) clock { return clock{start: start, apart: readAgain / momentsAKeep} }

// thin leaves out the one whose neighbours lie closest together for their age.
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

// mark notes that all up to a sequence were there at a time of the stopwatch.
func (c *clock) mark(sequence uint64, at time.Duration) {
	n := len(c.moments)
	switch {
	case n > 0 && sequence <= c.moments[n-1].sequence:
	case n > 1 && c.moments[n-1].at-c.moments[n-2].at < c.apart:
		c.moments[n-1] = moment{sequence, at}
	default:
		c.moments = thin(append(c.moments, moment{sequence, at}), mostMoments, func(m moment) int64 { return int64(m.at) })
	}
}

// hear takes the readings that the bucket has.
func (c *clock) hear(readings []reading, at time.Duration) {
	c.readings = readings
	for _, r := range slices.Backward(readings) {
		if r.Start == c.start {
			continue
		}
		if r != c.other {
			c.other, c.heard = r, at
		}
		return
	}
}

// read adds a reading of this start to those of the bucket, and reports whether it
// is worth a change of the bucket.
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

// age returns how old a record is at least, at a time of the stopwatch and of the
// clock.
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

// agreed returns the smallest difference between the clocks of two starts by now and
// of two soon after a record was written; zero without so many.
func (c *clock) agreed(sequence uint64, at time.Duration, now int64) time.Duration {
	if c.other.Start == "" {
		return 0
	}
	now = min(now, c.other.Wall+int64(at-c.heard))
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
