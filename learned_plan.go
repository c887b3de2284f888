package readback

import (
	"sync/atomic"
	"time"
)

// learnedPlan is the plan of one flow.
type learnedPlan struct {
	key    *lagKey
	table  *timetable // nil until one is made for the deadline
	random random
}

// Next returns the best time for the read after step. During a streak the lag is over, and
// waiting saves nothing: the reads follow each other at the shortest spacing.
func (p *learnedPlan) Next(step Step) time.Duration {
	options := &p.key.model.options
	soonest := step.Began + max(options.Spacing, step.ReadTime, leastGap)
	if step.Streak > 0 {
		return max(soonest, step.Ended)
	}
	ends := max(step.Deadline.Seconds(), 0)
	if p.table == nil || !p.table.Suits(ends) {
		p.table = p.key.plan(step.Deadline)
	}
	began := max(step.Began.Seconds(), 0)
	best, room := p.table.After(began)
	if best >= ends {
		return -1
	}
	next := seconds(p.random.spread(began, best, room))
	if step.Reads == 1 && p.table.readsAtZero() && p.random.float() < tryRate {
		next = seconds(began + (best-began)*p.random.float())
	}
	if limit := options.Reads; limit > 0 && float64(step.Reads) >= patience*limit {
		next = max(next, time.Duration(leastGrowth*float64(step.Began)))
	}
	if next = max(next, soonest); next >= step.Deadline {
		return -1
	}
	return next
}

// jitter is the share of a gap over which a read is spread. Reads always at the same times
// would teach nothing of the lags between them.
const jitter = 0.2

// random is a source of random numbers, splitmix64 (Steele, Lea and Flood 2014). Its state
// is one word, so that a plan is small.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	return mix(uint64(*r))
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// float returns a number in [0, 1).
func (r *random) float() float64 { return float64(r.next()>>11) / (1 << 53) }

// spread returns a random time near best. From is the read before, and room the time after
// best until the next planned read.
func (r *random) spread(from, best, room float64) float64 {
	return best + jitter*(r.float()-0.5)*min(best-from, room)
}

// sharedRandom hands out sources. It is safe for concurrent use.
type sharedRandom struct{ state atomic.Uint64 }

func (s *sharedRandom) split() random { return random(mix(s.state.Add(0x9e3779b97f4a7c15))) }
