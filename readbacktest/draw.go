package readbacktest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Draw draws a duration, such as the lag of one write. Any function will do;
// what it returns below zero counts as zero. All its chance comes from the
// generator, which is its own for each write and replica: what one write draws
// depends on the seed and on how many were executed before it, and on nothing
// else.
type Draw func(*rand.Rand) time.Duration

// Fixed always draws d.
func Fixed(d time.Duration) Draw {
	return func(*rand.Rand) time.Duration { return d }
}

// Uniform draws from the given range, which does not include its end unless that
// is its beginning too. It panics if the end comes before the beginning.
func Uniform(from, to time.Duration) Draw {
	if to < from {
		panic(fmt.Sprintf("readbacktest: Uniform(%v, %v): the end comes before the beginning", from, to))
	}
	return func(r *rand.Rand) time.Duration {
		if from == to {
			return from
		}
		return from + time.Duration(r.Uint64N(uint64(to-from)))
	}
}

// Lognormal draws median times e to the power of sigma times a normal deviate:
// half of the draws are above the median, and with a sigma of 1 one in six is
// above 2.7 times that. Lags of many small causes look like this. It panics if
// sigma is not a number.
func Lognormal(median time.Duration, sigma float64) Draw {
	if math.IsNaN(sigma) || math.IsInf(sigma, 0) {
		panic(fmt.Sprintf("readbacktest: Lognormal(%v, %v): sigma is not a number", median, sigma))
	}
	return func(r *rand.Rand) time.Duration {
		d := float64(median) * math.Exp(sigma*r.NormFloat64())
		return time.Duration(min(d, float64(longestDraw)))
	}
}

// longestDraw keeps sums of times far from an overflow.
const longestDraw = 20 * 365 * 24 * time.Hour

// draw draws for the write that is the nth, as the kth draw of that.
func (d Draw) draw(seed uint64, n, k int) time.Duration {
	// Two numbers of one sequence must not make two equal generators.
	r := rand.New(rand.NewPCG(seed, uint64(n)<<16|uint64(k)))
	return min(max(0, d(r)), longestDraw)
}
