package lags

import (
	"math"
	"slices"
	"sort"
	"time"
)

// Confidence is that of an [Interval]: in at least so many of all measurements
// it holds the quantile.
const Confidence = 0.95

// An Interval is between what times a quantile lies of the lags of all writes,
// not only of those measured. Without a lower end it begins at zero, and without
// an upper one it ends at [Forever].
type Interval struct {
	Span
	Lower, Upper bool // whether there are flows enough for that end
}

// Interval returns between what times the lag lies that a share q of all writes
// does not exceed, with 95 % confidence: two lags of the sample, by their ranks.
//
// How many of n lags lie below the true quantile is chance of a kind that is
// known whatever the lags are like (binomial: n lags, each below it with chance
// q), so no law is assumed of them, only that they do not depend on each other
// ([Thompson 1936]). Few flows cannot bound a high quantile from above, see
// [Needs]; the lower end then has the 95 % alone.
//
// Reads show a lag only as a span. Ranks are counted as if it lay as often before
// as behind the middle of its span, since a measurement's reads fall at random;
// one that was not seen to end counts wherever that makes the interval wider. Then
// each end moves outwards to the next time at which a read did begin that missed,
// or did end that hit. So the ends are never closer than reads can tell, also
// where many lags are the same; where lags lie in bunches that are closer than two
// reads, an end may be off by at most the distance of the two.
//
// [Thompson 1936]: https://doi.org/10.1214/aoms/1177732502
func (s Sample) Interval(q float64) Interval {
	lower, upper := ranks(len(s), q)
	i := Interval{Span: Span{To: Forever}, Lower: lower > 0, Upper: upper > 0}
	from, to := s.ends()
	early, late := s.halves()
	if i.Lower {
		at := early[2*lower-1]
		i.From = from[sort.Search(len(from), func(i int) bool { return from[i] > at })-1]
	}
	if i.Upper {
		at := late[2*upper-2]
		i.To = to[sort.Search(len(to), func(i int) bool { return to[i] >= at })]
	}
	return i
}

// halves returns both ends of all spans in order, each of which counts as half a
// lag. A span without an end counts whole: at its beginning in early, and never
// in late.
func (s Sample) halves() (early, late []time.Duration) {
	for _, l := range s {
		span := l.Span()
		if span.Open() {
			early, late = append(early, span.From, span.From), append(late, Forever, Forever)
			continue
		}
		early, late = append(early, span.From, span.To), append(late, span.From, span.To)
	}
	slices.Sort(early)
	slices.Sort(late)
	return early, late
}

// Needs returns how many flows it takes to bound a quantile on both sides: 6 for
// p50, 29 for p90, 299 for p99.
func Needs(q float64) int {
	// Neither all lags nor none of them may well be below the quantile.
	tooFew := func(n int) bool {
		_, upper := ranks(n, q)
		return upper == 0
	}
	n := 1
	for tooFew(n) {
		n *= 2
	}
	return n/2 + sort.Search(n-n/2, func(i int) bool { return !tooFew(n/2 + i) })
}

// ranks returns the ranks, from 1, of the two of n lags that hold the quantile
// between them in at least 95 % of all samples: the fewest ranks apart or one
// more, and of these the pair whose chance is nearest to 95 %. Zero is no rank:
// there are too few lags for an upper end, and then the lower one has the 95 %
// alone.
func ranks(n int, q float64) (lower, upper int) {
	below := cumulative(n, q)
	const slack = 1e-12 // for the sums
	type pair struct {
		lower, upper int
		chance       float64
	}
	var best pair
	for pass, apart := 0, n; pass < 2; pass++ {
		for l, u := 1, 1; l < n && below[l] <= 1-Confidence; l++ {
			for u <= n && below[u]-below[l] < Confidence-slack {
				u++
			}
			if u > n {
				break
			}
			chance := below[u] - below[l]
			switch {
			case pass == 0: // how few ranks apart they can be
				apart = min(apart, u-l)
			case u-l <= apart+1 && (best.lower == 0 || chance < best.chance):
				best = pair{l, u, chance}
			}
		}
	}
	if best.lower > 0 {
		return best.lower, best.upper
	}
	for lower < n && below[lower+1] <= 1-Confidence+slack {
		lower++
	}
	return lower, 0
}

// cumulative returns the chances that fewer than k of n lags lie below the
// quantile, for k from 0 to n+1.
func cumulative(n int, q float64) []float64 {
	chances := make([]float64, n+1)
	// From the likeliest number on, so that what underflows is not missed.
	middle := min(int(q*float64(n+1)), n)
	gamma := func(k int) float64 { v, _ := math.Lgamma(float64(k) + 1); return v }
	chances[middle] = math.Exp(gamma(n) - gamma(middle) - gamma(n-middle) + float64(middle)*math.Log(q) + float64(n-middle)*math.Log1p(-q))
	odds := q / (1 - q)
	for k := middle; k < n; k++ {
		chances[k+1] = chances[k] * float64(n-k) / float64(k+1) * odds
	}
	for k := middle; k > 0; k-- {
		chances[k-1] = chances[k] * float64(k) / float64(n-k+1) / odds
	}
	below := make([]float64, n+2)
	for k, chance := range chances {
		below[k+1] = below[k] + chance
	}
	return below
}
