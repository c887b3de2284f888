package laws

import (
	"math"
	"math/rand/v2"
	"slices"
)

// The times of messages between replicas are those that Bailis et al. fitted to production
// stores, "Probabilistically bounded staleness", VLDB 2012.

func replicas() Law {
	write := oneWay(0.939, Pareto(3, 3.35), Exponential(1/0.0028))
	answer := oneWay(0.982, Pareto(1.5, 3.8), Exponential(1/0.0217))
	return lastOfThree(write, answer, 0)
}

func diskReplicas() Law {
	write := oneWay(0.38, Pareto(1.05, 1.51), Exponential(1/0.183))
	answer := oneWay(0.9122, Pareto(0.235, 10), Exponential(1/1.66))
	return lastOfThree(write, answer, 0)
}

func farReplicas() Law {
	write := oneWay(0.38, Pareto(1.05, 1.51), Exponential(1/0.183))
	answer := oneWay(0.9122, Pareto(0.235, 10), Exponential(1/1.66))
	return lastOfThree(write, answer, 0.075)
}

// oneWay draws the time of a message in seconds, from a mixture of two laws in milliseconds.
func oneWay(weight float64, body, tail Law) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 {
		if r.Float64() < weight {
			return body.Draw(r) / 1000
		}
		return tail.Draw(r) / 1000
	}
}

// lastOfThree is the law of the time from the first acknowledgement of a write until the last
// of three replicas has it. Two of them are farther away.
func lastOfThree(write, answer func(*rand.Rand) float64, farther float64) Law {
	r := rand.New(rand.NewPCG(7, 7))
	lags := make([]float64, 50_000)
	for i := range lags {
		last, acknowledged := 0.0, math.Inf(1)
		for replica := range 3 {
			there, back := write(r), answer(r)
			if replica > 0 {
				there, back = there+farther, back+farther
			}
			last = max(last, there)
			acknowledged = min(acknowledged, there+back)
		}
		lags[i] = max(0, last-acknowledged)
	}
	slices.Sort(lags)
	return Law{
		After: func(t float64) float64 {
			i, _ := slices.BinarySearch(lags, math.Nextafter(t, math.Inf(1)))
			return 1 - float64(i)/float64(len(lags))
		},
		Draw: func(r *rand.Rand) float64 { return lags[r.IntN(len(lags))] },
	}
}
