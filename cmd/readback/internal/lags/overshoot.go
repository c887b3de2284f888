package lags

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Overshoot is what a schedule makes of measured lags. The time from the end of
// a lag to the read that notices is counted to the beginning of that read: how
// long it takes to be answered is the same for all schedules.
type Overshoot struct {
	Name   string
	Fitted bool          // to lags, and tried on others
	Flows  int           // lags that it was tried on
	Reads  float64       // a flow, on average, up to the one that notices
	Mean   time.Duration // from the end of the lag to the read that notices
	P90    time.Duration // that one try in ten exceeds
	P99    time.Duration // that one try in a hundred exceeds; it says little of fewer than a hundred lags
}

const (
	leastWait = time.Millisecond // the loop's own, after a read that missed
	tries     = 2000             // of a schedule, at least, unless there are no lags
	mostTries = 64               // of one lag
	mostReads = 100_000          // of one try: no schedule of ours gets there
)

// Overshoot tries a schedule on each lag that has an end, with reads that take
// that long. Where in its span a lag lies is not known: each is tried at several
// places, evenly spread. The result is the same in each call.
func (s Sample) Overshoot(p Poller, readTime time.Duration) Overshoot {
	settled := s.settled()
	random := rand.New(rand.NewPCG(1, 2))
	var t trial
	for _, l := range settled {
		for at := range places(l, len(settled)) {
			t.add(p.try(at, readTime, random))
		}
	}
	return t.overshoot(p.Name, len(settled))
}

// places yields where in its span a lag is tried, if there are n lags. Times are
// those of the beginnings of reads.
func places(l Lag, n int) func(func(time.Duration) bool) {
	count := min(max((tries+n-1)/n, 8), mostTries)
	from := max(l.Missed, 0)
	return func(yield func(time.Duration) bool) {
		for i := range count {
			share := (float64(i) + 0.5) / float64(count)
			if !yield(from + time.Duration(share*float64(l.Hit-from))) {
				return
			}
		}
	}
}

// try returns how many reads a flow takes whose lag ends at that time, and how
// late the last of them begins.
func (p Poller) try(lag, readTime time.Duration, random *rand.Rand) (reads int, late time.Duration) {
	at, next := p.Begin(random)
	for n := 1; ; n++ {
		if at >= lag || n == mostReads {
			return n, max(at-lag, 0)
		}
		ended := at + readTime
		at = max(next(n, at, ended), ended+leastWait)
	}
}

// trial gathers tries.
type trial struct {
	reads int
	late  []time.Duration
}

func (t *trial) add(reads int, late time.Duration) {
	t.reads += reads
	t.late = append(t.late, late)
}

func (t *trial) overshoot(name string, flows int) Overshoot {
	o := Overshoot{Name: name, Flows: flows}
	if len(t.late) == 0 {
		return o
	}
	slices.Sort(t.late)
	var sum time.Duration
	for _, late := range t.late {
		sum += late
	}
	n := len(t.late)
	o.Reads = float64(t.reads) / float64(n)
	o.Mean = sum / time.Duration(n)
	o.P90, o.P99 = t.late[(n*90+99)/100-1], t.late[(n*99+99)/100-1]
	return o
}
