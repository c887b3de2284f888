package poll

import (
	"time"

	"github.com/readback-go/readback/internal/reserve"
)

// minWait is the shortest wait, and the least reserve: timers are not more exact than that,
// and a schedule that asks for no wait must not become a busy loop.
const minWait = reserve.Least

// pace measures how long reads take, and computes the reserve of the reads still needed.
type pace struct {
	settle    int
	keepReads int // Options.KeepReads
	answered  int
	total     time.Duration
	slowest   time.Duration
	lastTook  time.Duration // duration of the last answered read
	expected  time.Duration // duration of a read before any was answered
	reserve   time.Duration // of each read still needed, as it was last computed
}

func (p *pace) sawAnswer(took time.Duration) {
	p.answered++
	p.total += took
	p.lastTook = took
	p.slowest = max(p.slowest, took)
}

func (p *pace) mean() time.Duration {
	if p.answered == 0 {
		return 0
	}
	return p.total / time.Duration(p.answered)
}

// keep computes the reserve anew. After a ready read the reserve does not shrink only because
// less time is left.
func (p *pace) keep(left time.Duration, needed int, ready bool) {
	n, kept := time.Duration(needed), p.reserve
	asked := max(p.expected, minWait)
	if p.answered > 0 {
		asked = reserve.Of(p.slowest)
	}
	p.reserve = min(asked, left/(2*n))
	if p.lastTook > 0 {
		// Try reads as slow as the last one, as long as they fit.
		p.reserve = max(p.reserve, min(p.lastTook, left/n))
	}
	if ready {
		p.reserve = max(p.reserve, min(kept, asked))
	}
}

// carry takes over the reserve that an earlier poll has kept for the reads of this one.
func (p *pace) carry(kept, left time.Duration, needed int) {
	p.expected = max(p.expected, kept)
	p.reserve = max(p.reserve, min(kept, left/time.Duration(needed)))
}

// closing returns how long before the deadline the reads still needed must begin.
func (p *pace) closing(needed int) time.Duration {
	return time.Duration(needed) * p.reserve
}

// allowance returns how long a read that begins now may take.
func (p *pace) allowance(left time.Duration, needed int) time.Duration {
	// A read that hangs must leave a reserve for every read of a full streak, and one
	// more, since this read may have begun before the value was visible.
	streak := time.Duration(p.settle + p.keepReads + 1)
	if spare := left - streak*p.reserve; spare >= p.reserve {
		return spare
	}
	// It is late, and this read is one of the last. It gets its reserve, but at least an
	// equal share of the time left for it and a full streak.
	share := left / time.Duration(needed)
	return max(min(p.reserve, share), left/streak)
}
