package lags

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Change is what differs between two measurements in one figure.
type Change struct {
	// Least and Most are the ends of the interval that the change lies in with
	// 95 % confidence, in seconds for times. They may be infinite.
	Least, Most float64
}

// BeyondNoise reports whether the change is more than chance, and what is not
// known of the lags, would make of two measurements of the same thing.
func (c Change) BeyondNoise() bool { return c.Least > 0 || c.Most < 0 }

// resamples is how many times two measurements are drawn anew.
const resamples = 2000

// Compare returns the change of a quantile from a to b, and whether there are
// flows enough in both. Flows are drawn anew from each measurement 2,000 times
// ("bootstrap", [Efron 1979]), and each time the lags are taken to lie at that
// end of their spans where the change is least, and where it is most: a change
// beyond noise is none of the reads' making. The result is the same in each
// call.
//
// [Efron 1979]: https://doi.org/10.1214/aos/1176344552
func Compare(a, b Sample, q float64) (Change, bool) {
	_, enoughA := a.Quantile(q)
	_, enoughB := b.Quantile(q)
	if !enoughA || !enoughB {
		return Change{}, false
	}
	random := rand.New(rand.NewPCG(7, 8))
	var least, most []float64
	for range resamples {
		before, _ := redraw(a, random).Quantile(q)
		after, _ := redraw(b, random).Quantile(q)
		least = append(least, minus(after.From, before.To))
		most = append(most, minus(after.To, before.From))
	}
	return change(least, most), true
}

// CompareMeans returns the change of the mean of a number that each flow has, in
// the same way.
func CompareMeans(a, b []float64) (Change, bool) {
	if len(a) < 2 || len(b) < 2 {
		return Change{}, false
	}
	random := rand.New(rand.NewPCG(7, 8))
	var drawn []float64
	for range resamples {
		before, after := mean(redraw(a, random)), mean(redraw(b, random))
		drawn = append(drawn, after-before)
	}
	return change(drawn, slices.Clone(drawn)), true
}

// CompareShares returns the change of a share of the flows: 1 is a flow that
// counts, 0 one that does not. One of each is added to both measurements, or
// chance would seem to have no part in a share of all or of none ([Agresti and
// Caffo 2000]).
//
// [Agresti and Caffo 2000]: https://doi.org/10.1080/00031305.2000.10474560
func CompareShares(a, b []float64) (Change, bool) {
	if len(a) < 2 || len(b) < 2 {
		return Change{}, false
	}
	return CompareMeans(append(slices.Clone(a), 0, 1), append(slices.Clone(b), 0, 1))
}

// change takes the middle 95 %.
func change(least, most []float64) Change {
	const tail = resamples * 25 / 1000
	slices.Sort(least)
	slices.Sort(most)
	return Change{Least: least[tail], Most: most[resamples-1-tail]}
}

// redraw returns as many of all, each drawn from all of them.
func redraw[S ~[]E, E any](all S, random *rand.Rand) S {
	drawn := make(S, len(all))
	for i := range drawn {
		drawn[i] = all[random.IntN(len(all))]
	}
	return drawn
}

// minus returns a-b in seconds. One of them may be Forever.
func minus(a, b time.Duration) float64 {
	switch {
	case a == Forever:
		return math.Inf(1)
	case b == Forever:
		return math.Inf(-1)
	}
	return (a - b).Seconds()
}

func mean(all []float64) (sum float64) {
	for _, v := range all {
		sum += v
	}
	return sum / float64(len(all))
}
