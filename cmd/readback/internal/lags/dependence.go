package lags

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// A Relation is how two numbers that each of many flows has go together.
type Relation struct {
	Correlation float64 // of their ranks: 1 if they rise together, -1 if one falls as the other rises
	Chance      float64 // that numbers which have nothing to do with each other go together as much
}

const (
	leastRelated = 10   // flows; fewer tell nothing
	shuffles     = 2000 // of one of the numbers
)

// Beyond reports whether a relation is neither chance (one in 300, so that of
// three that are looked at one in a hundred seems to be) nor too small to matter.
func (r Relation) Beyond() bool { return r.Chance <= 1.0/300 && math.Abs(r.Correlation) >= 0.3 }

// Relate returns how a and b go together, which have one number of each flow, and
// whether there are flows enough to tell. The chance is counted: b is shuffled
// 2,000 times (a permutation test of [Spearman 1904]'s correlation), so nothing
// is assumed of the numbers. The result is the same in each call.
//
// [Spearman 1904]: https://doi.org/10.2307/1412159
func Relate(a, b []float64) (Relation, bool) {
	if len(a) != len(b) || len(a) < leastRelated {
		return Relation{}, false
	}
	x, y := centredRanks(a), centredRanks(b)
	scale := math.Sqrt(product(x, x) * product(y, y))
	if scale == 0 { // all are the same
		return Relation{Chance: 1}, true
	}
	found := product(x, y) / scale
	random := rand.New(rand.NewPCG(11, 12))
	asMuch := 1
	for range shuffles {
		random.Shuffle(len(y), func(i, j int) { y[i], y[j] = y[j], y[i] })
		if math.Abs(product(x, y)/scale) >= math.Abs(found)-1e-9 {
			asMuch++
		}
	}
	return Relation{Correlation: found, Chance: float64(asMuch) / (shuffles + 1)}, true
}

// centredRanks returns the rank of each number less the middle one; the same
// numbers share theirs.
func centredRanks(all []float64) []float64 {
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(all[i], all[j]) })
	ranks := make([]float64, len(all))
	for first := 0; first < len(order); {
		end := first
		for end < len(order) && all[order[end]] == all[order[first]] {
			end++
		}
		for _, i := range order[first:end] {
			ranks[i] = float64(first+end-len(all)) / 2
		}
		first = end
	}
	return ranks
}

func product(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}
