// Package lags tells what measured lags say: their quantiles, what a schedule
// makes of them, which schedule suits them, and whether two measurements differ.
//
// Reads do not show when a write became visible, only between which two of them:
// a lag is known as a span. Nothing here assumes where in its span a lag lies, except
// for the overshoot of a schedule, see [Sample.Overshoot], and the ranks of an
// interval, see [Sample.Interval].
package lags

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Lag is what the reads of one flow tell of its lag. Times count from the
// write's answer.
type Lag struct {
	Missed time.Duration // begin of the last read that did not show the write; negative if all did
	Hit    time.Duration // begin of the first read from which on all showed it; negative if there was none
	Seen   time.Duration // end of that read
}

// Censored reports whether the lag is known only to be longer than Missed.
func (l Lag) Censored() bool { return l.Hit < 0 }

// Span returns between what times the lag lies: after the first, or not before
// it if that is zero, and not after the second.
func (l Lag) Span() Span {
	if l.Censored() {
		return Span{From: max(l.Missed, 0), To: Forever}
	}
	return Span{From: max(l.Missed, 0), To: l.Seen}
}

// Span is an interval in which a time lies. An open one ends at [Forever].
type Span struct{ From, To time.Duration }

// Forever is the end of a span that has none.
const Forever time.Duration = math.MaxInt64

// Open reports whether s has no end.
func (s Span) Open() bool { return s.To == Forever }

// Sample is the lags of one measurement.
type Sample []Lag

// Quantile returns between what times the lag lies that a share q of the flows
// does not exceed, and whether there are flows enough to tell it from the
// longest: 1/(1-q) at least, so that p99 takes a hundred.
//
// Since each lag lies between the two ends of its span, so does each quantile of
// the lags between the same quantiles of the two ends. That holds whatever the
// lags are like: nothing is estimated.
func (s Sample) Quantile(q float64) (Span, bool) {
	rank := int(math.Ceil(q*float64(len(s)) - 1e-9))
	if rank < 1 || rank >= len(s) {
		return Span{}, false
	}
	return s.rank(rank), true
}

// Longest returns between what times the longest lag lies. The sample must not
// be empty.
func (s Sample) Longest() Span { return s.rank(len(s)) }

func (s Sample) rank(rank int) Span {
	from, to := s.ends()
	return Span{From: from[rank-1], To: to[rank-1]}
}

// ends returns the beginnings and the ends of the spans, each in order.
func (s Sample) ends() (from, to []time.Duration) {
	for _, l := range s {
		span := l.Span()
		from, to = append(from, span.From), append(to, span.To)
	}
	slices.Sort(from)
	slices.Sort(to)
	return from, to
}

// A Step is a lag and the share of flows that have become visible by then.
type Step struct {
	At    time.Duration
	Share float64
}

// Curves returns between what the share of visible flows lies at each time: at
// most so many can be visible, and at least so many are.
func (s Sample) Curves() (most, least []Step) {
	from, to := s.ends()
	steps := func(ends []time.Duration) (steps []Step) {
		for i, at := range ends {
			if at == Forever {
				break
			}
			steps = append(steps, Step{At: at, Share: float64(i+1) / float64(len(ends))})
		}
		return steps
	}
	return steps(from), steps(to)
}

// Beyond returns the share of lags that may be longer than the longest of n
// without that being a surprise: were it more, n flows would have met one of
// them with 95 % confidence.
func Beyond(n int) float64 { return 1 - math.Pow(0.05, 1/float64(n)) }

// settled returns the lags that have an end, the shortest first.
func (s Sample) settled() Sample {
	var settled Sample
	for _, l := range s {
		if !l.Censored() {
			settled = append(settled, l)
		}
	}
	slices.SortFunc(settled, func(a, b Lag) int { return cmp.Or(cmp.Compare(a.Hit, b.Hit), cmp.Compare(a.Missed, b.Missed)) })
	return settled
}
