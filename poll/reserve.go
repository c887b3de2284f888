package poll

import (
	"time"

	"github.com/readback-go/readback/internal/reserve"
)

// minWait is the least time between the end of a read and the beginning of the
// next, and the least reserve: timers are not more exact than that, and a
// schedule that asks for no wait at all must not become a hot loop.
const minWait = reserve.Least

// pace knows how long reads take, and from that how much of the time left must
// be kept for the reads that are still needed.
type pace struct {
	settle   int
	keepers  int // reads that follow the run
	answered int
	total    time.Duration
	slowest  time.Duration
	last     time.Duration // the last read that was answered
	expected time.Duration // as long as none was answered
	reserve  time.Duration // for each read still needed, as of the last plan
}

func (p *pace) sawAnswer(took time.Duration) {
	p.answered++
	p.total += took
	p.last = took
	p.slowest = max(p.slowest, took)
}

func (p *pace) mean() time.Duration {
	if p.answered == 0 {
		return 0
	}
	return p.total / time.Duration(p.answered)
}

// keep computes the reserve anew. What was kept for a streak is not given away
// by a ready read because less time is left.
func (p *pace) keep(left time.Duration, needed int, ready bool) {
	n, kept := time.Duration(needed), p.reserve
	asked := max(p.expected, minWait)
	if p.answered > 0 {
		asked = reserve.Of(p.slowest)
	}
	p.reserve = min(asked, left/(2*n))
	if p.last > 0 {
		// One more round of reads like the last one is worth trying as long as
		// it fits.
		p.reserve = max(p.reserve, min(p.last, left/n))
	}
	if ready {
		p.reserve = max(p.reserve, min(kept, asked))
	}
}

// carry makes the reserve what an earlier poll has kept for the reads of this one:
// it is not given away because these begin.
func (p *pace) carry(kept, left time.Duration, needed int) {
	p.expected = max(p.expected, kept)
	p.reserve = max(p.reserve, min(kept, left/time.Duration(needed)))
}

// closing returns how long before the deadline the reads still needed must
// begin.
func (p *pace) closing(needed int) time.Duration {
	return time.Duration(needed) * p.reserve
}

// allowance returns how long a read that begins now may take.
func (p *pace) allowance(left time.Duration, needed int) time.Duration {
	// A read that hangs must leave a reserve for every read of a full streak.
	// One more is kept, since this read may have begun before the value was
	// visible, and then it does not count.
	streak := time.Duration(p.settle + p.keepers + 1)
	if spare := left - streak*p.reserve; spare >= p.reserve {
		return spare
	}
	// It is late: this read is one of the last that are needed. It gets its
	// reserve, and never less than an equal share with a full streak after it.
	share := left / time.Duration(needed)
	return max(min(p.reserve, share), left/streak)
}
