package lagplan

import "math"

const (
	leastWidth  = 1e-6   // blocks; keeps the logarithms of probabilities finite
	sameInstant = 0.0005 // seconds of a timer's slack
)

// Interval is what one flow tells of its lag: the lag is in (from, to], or outside the grid on
// an open side.
type Interval struct {
	from, to float64 // positions
	atOnce   bool    // no read missed: the lag may be zero
	beyond   bool    // no read hit: the lag may have no end
	began    float64 // seconds; when the last read that missed began
	ends     float64 // seconds; when the read that hit began
}

// NewInterval returns the interval of a flow: after is when its last read that missed began,
// and by when its first read that hit began, each negative if there was none. It returns false
// if that tells nothing.
func NewInterval(after, by float64) (Interval, bool) {
	missed, hit := after >= 0, by >= 0
	if !missed && !hit || missed && hit && after >= by {
		return Interval{}, false
	}
	i := Interval{atOnce: !missed, beyond: !hit, to: blocks, began: after, ends: math.Inf(1)}
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

// hitAtOnce and missedAtOnce report whether the read that hit, or the last that
// missed, began with the write's answer.
func (i Interval) hitAtOnce() bool    { return i.atOnce && i.ends <= sameInstant }
func (i Interval) missedAtOnce() bool { return !i.atOnce && i.began <= sameInstant }

// byPrior returns the probability that the prior gives to the interval.
func (i Interval) byPrior() float64 {
	p := i.priorWithin()
	if i.atOnce {
		p += priorAtOnce
	}
	if i.beyond {
		p += priorBeyond
	}
	return p
}

// widened returns the interval with its ends moved apart by a factor of times. More is that
// factor in blocks: below the bend, positions are proportional to the lag; above, to its
// logarithm.
func (i Interval) widened(times, more float64) Interval {
	i.from = max(i.from/times, i.from-more)
	i.to = min(i.to*times, i.to+more, blocks)
	return i
}

// priorWithin returns the share of the prior in the blocks.
func (i Interval) priorWithin() float64 { return priorUpTo(i.to) - priorUpTo(i.from) }

// A span is an interval on the cells of a grid.
type span struct {
	Interval
	grid     *grid
	from, to float64 // places
}

func (i Interval) on(g *grid) span {
	s := span{Interval: i, grid: g, from: g.place(i.from), to: g.place(i.to)}
	s.to = max(s.to, s.from+leastWidth)
	return s
}

// first and end bound the cells that the span touches: [first, end).
func (s *span) first() int { return int(s.from) }
func (s *span) end() int   { return min(int(math.Ceil(s.to)), s.grid.end()) }

// firstBlock and endBlock bound the blocks that it touches.
func (s *span) firstBlock() int { return int(s.Interval.from) }
func (s *span) endBlock() int   { return min(int(math.Ceil(s.Interval.to)), blocks) }

// share returns how much of a cell lies in the span, as a fraction.
func (s *span) share(cell int) float64 {
	if c := float64(cell); c < s.from || c+1 > s.to {
		return max(min(s.to, c+1)-max(s.from, c), 0)
	}
	return 1
}
