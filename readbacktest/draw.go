package readbacktest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Draw draws a duration, such as the lag of one write. Any function will do; a negative
// result counts as zero. It must use only the generator that it gets, which is a new one for
// each write and replica. So the result depends only on the seed, the replica and the
// number of writes executed before.
type Draw func(*rand.Rand) time.Duration

// Fixed always draws d.
func Fixed(d time.Duration) Draw {
	return func(*rand.Rand) time.Duration { return d }
}

// Uniform draws from the range [from, to); if both are equal, it always draws from. It panics
// if to is less than from.
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

// Lognormal draws from a log-normal distribution: median × exp(sigma × a standard normal
// deviate). Half of the draws are above the median; with a sigma of 1, one in six is above
// 2.7 times the median. Lags with many small causes look like this. It panics if sigma is
// infinite or not a number.
func Lognormal(median time.Duration, sigma float64) Draw {
	if math.IsNaN(sigma) || math.IsInf(sigma, 0) {
		panic(fmt.Sprintf("readbacktest: Lognormal(%v, %v): sigma is not a number", median, sigma))
	}
	return func(r *rand.Rand) time.Duration {
		d := float64(median) * math.Exp(sigma*r.NormFloat64())
		return time.Duration(min(d, float64(longestDraw)))
	}
}

// longestDraw bounds draws, so that no sum of times overflows.
const longestDraw = 20 * 365 * 24 * time.Hour

// draw returns the kth draw for the nth write.
func (d Draw) draw(seed uint64, n, k int) time.Duration {
	// Each pair of n and k needs a different generator.
	r := rand.New(rand.NewPCG(seed, uint64(n)<<16|uint64(k)))
	return min(max(0, d(r)), longestDraw)
}
