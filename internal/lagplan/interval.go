package lagplan

import "math"

// leastWidth keeps the logarithms of probabilities finite.
const leastWidth = 1e-6

// Interval is what one flow tells of its lag: it lies in (from, to] on the
// grid, or outside the grid on a side that is open.
type Interval struct {
	from, to float64 // positions
	atOnce   bool    // no read missed: the lag may be zero
	beyond   bool    // no read hit: the lag may have no end
	ends     float64 // seconds; when the read that hit began
}

// NewInterval returns the interval of a flow whose last miss began after
// seconds and whose first hit began by seconds, negative where there was none.
// It reports false if that tells nothing.
func NewInterval(after, by float64) (Interval, bool) {
	missed, hit := after >= 0, by >= 0
	if !missed && !hit || missed && hit && after >= by {
		return Interval{}, false
	}
	i := Interval{atOnce: !missed, beyond: !hit, to: Cells, ends: math.Inf(1)}
	if missed {
		i.from = position(after)
	}
	if hit {
		i.to, i.ends = position(by), by
		i.beyond = by > Horizon
	}
	i.to = max(i.to, i.from+leastWidth)
	return i, true
}

// first and end bound the cells that the interval touches: [first, end).
func (i Interval) first() int { return int(i.from) }
func (i Interval) end() int   { return min(int(math.Ceil(i.to)), Cells) }

// share returns how much of a cell lies in the interval, as a fraction.
func (i Interval) share(cell int) float64 {
	if c := float64(cell); c < i.from || c+1 > i.to {
		return min(i.to, c+1) - max(i.from, c)
	}
	return 1
}

// hitAtOnce and missedAtOnce report whether the read that hit, or the last that
// missed, began with the write's answer, give or take a timer's slack.
func (i Interval) hitAtOnce() bool    { return i.atOnce && i.ends <= narrow }
func (i Interval) missedAtOnce() bool { return !i.atOnce && i.from <= 1 }

// byPrior returns the probability that the prior gives to the interval.
func (i Interval) byPrior() float64 {
	p := priorUpTo(i.to) - priorUpTo(i.from)
	if i.atOnce {
		p += priorAtOnce
	}
	if i.beyond {
		p += priorBeyond
	}
	return p
}
