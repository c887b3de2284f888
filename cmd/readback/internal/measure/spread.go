package measure

import (
	"math/rand/v2"
	"slices"
	"time"
)

// spreader says how long to wait before a flow, at random.
//
// An API that makes writes visible at the ticks of a clock of its own ends each
// flow at a tick. Were the next one begun soon after, all flows would be in step:
// a tick of two seconds would be measured as lags of half a second to one. So
// flows are spread over at least the time that a lag takes, as far as that was
// seen: whatever the period of the clock, a wait that is spread over a period or
// more ends at any time of it. The spread grows by itself: as long as it is less
// than a period, it meets lags that are longer than those it was made from.
//
// The zero value never waits. It is not safe for concurrent use.
type spreader struct {
	fixed time.Duration   // wait at most, if it does not follow the lags
	least time.Duration   // mean wait, at least, if it follows the lags; zero: it does not
	most  time.Duration   // mean wait, at most, if it follows the lags
	lags  []time.Duration // that were seen, in order
}

// saw tells of a flow's lag that was seen to end.
func (p *spreader) saw(lag time.Duration) {
	at, _ := slices.BinarySearch(p.lags, lag)
	p.lags = slices.Insert(p.lags, at, lag)
}

// mean returns the mean wait: ten ninths of what nine lags in ten do not exceed,
// which is the period of a tick, since its lags are even over that. One very long
// lag does not make all flows wait. The first flows, which are still in step, wait
// longer.
func (p *spreader) mean() time.Duration {
	if len(p.lags) == 0 {
		return p.least
	}
	n := len(p.lags)
	lag := p.lags[(n*9+9)/10-1]
	return min(max(lag+lag/9+2*lag/time.Duration(n), p.least), max(p.most, p.least))
}

// next returns how long to wait before the next flow. Where it follows the lags,
// that is the sum of two even draws: over a period of any length it is spread
// more evenly than one.
func (p *spreader) next(random *rand.Rand) time.Duration {
	if p.least == 0 {
		return time.Duration(random.Float64() * float64(p.fixed))
	}
	return time.Duration((random.Float64() + random.Float64()) * float64(p.mean()))
}
