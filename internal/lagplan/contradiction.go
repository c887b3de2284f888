package lagplan

import "slices"

// contradiction finds out whether early first reads hide the write from later reads, as a
// cache does that keeps a 404. It holds pairs of flows against each other: a sample, whose first
// read is at a time t, and the next flow that reads first well before. If early reads change
// nothing, the write is visible at t to the one as often as to the other.
//
// For each pair it adds one half if the write was visible to the sample alone, subtracts 1 if it
// was visible to the early flow alone, and subtracts one half if it was visible to neither. The
// sum never goes below zero. If early reads change nothing, the mean of the terms is negative,
// and the sum falls back to zero again and again; if they hide the write, the sum grows.
//
// Samples are made only while all of the last early flows say that the write is hidden at t:
// elsewhere, a first read at t would come late for many writes.
type contradiction struct {
	mean    float32              // when flows notice their write, on average
	early   [latestEarly]float32 // the last early flows: when each read last without seeing the write, 0 if it never did
	known   uint8                // how many of them there are
	at      float32              // of the sample that waits for its pair; 0 if none does
	visible bool                 // to that sample
	pairs   uint8                // in which the write was hidden from the early flow, at most enoughPairs
	sum     float32
}

const (
	latestEarly  = 4
	early        = 0.25 // of the mean: what is before is early
	contradicted = 6    // the sum from which on early reads hide the write
	suspicious   = 2    // the sum from which on there are never enough pairs
	enoughPairs  = 16
	sampleRate   = 0.4  // share of the flows that are samples, until there are enough pairs
	laterRate    = 0.01 // from then on
	meanWeight   = 1.0 / 16
)

// observe learns from a flow, and reports whether early reads hide the write. After is the time
// of its last read that did not show the write, negative if each did.
func (c *contradiction) observe(first, after, by float64) bool {
	isEarly := first < early*float64(c.mean)
	if c.mean == 0 {
		c.mean = float32(by)
	}
	c.mean += (float32(by) - c.mean) * meanWeight
	if isEarly {
		c.pair(after)
		copy(c.early[:], c.early[1:])
		c.early[latestEarly-1] = float32(max(after, 0))
		c.known = min(c.known+1, latestEarly)
	} else if _, to, _ := c.sample(); first <= to {
		c.at, c.visible = float32(first), after < first
	}
	return c.sum >= contradicted
}

// pair ends the pair of the sample that waits, if one does, and an early flow.
func (c *contradiction) pair(after float64) {
	if c.at == 0 {
		return
	}
	hidden := after >= float64(c.at)
	switch {
	case hidden && c.visible:
		c.sum += 0.5
	case hidden:
		c.sum = max(c.sum-0.5, 0)
	case !c.visible:
		c.sum = max(c.sum-1, 0)
	}
	if hidden {
		c.pairs = min(c.pairs+1, enoughPairs)
	}
	c.at = 0
}

// sample returns between which times the first read of a sample is to be, and the share of the
// flows that are to be one; zeros if none is.
func (c *contradiction) sample() (from, to, share float64) {
	to = min(float64(c.mean), float64(slices.Min(c.early[:])))
	from = max(early*float64(c.mean), to/2)
	if c.known < latestEarly || c.at != 0 || to <= from {
		return 0, 0, 0
	}
	if c.pairs == enoughPairs && c.sum < suspicious {
		return from, to, laterRate
	}
	return from, to, sampleRate
}
