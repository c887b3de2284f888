// Package laws has distributions of lags: some that real systems have, and some that are hard
// to learn. Times are seconds since the write's answer.
package laws

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
)

// A Law is a distribution of lags.
type Law struct {
	Name   string
	Narrow bool                     // narrower than a price of 10 ms
	After  func(t float64) float64  // chance that the lag is longer than t
	Draw   func(*rand.Rand) float64 // one lag
	Mean   float64                  // set by Within
}

// All returns the laws that schedules are tested with, each conditioned on at most a minute.
var All = sync.OnceValue(func() []Law {
	laws := []Law{
		Exponential(0.1).as("exponential"),
		Lognormal(0.08, 1).as("lognormal"),
		Mixed(Weigh(0.8, Lognormal(0.05, 0.25)), Weigh(0.2, Lognormal(2, 0.25))).as("two modes"),
		Pareto(0.02, 1.5).as("pareto"),
		Uniform(0, 1).as("uniform"),
		Lognormal(0.002, 0.3).as("near zero").thin(),
		Lognormal(0.2, 0.05).as("narrow").thin(),
		Lognormal(5, 0.3).as("slow"),
		replicas().as("replicas"),
		farReplicas().as("far replicas").thin(),
		diskReplicas().as("disk replicas").thin(),

		Erlang(4, 0.2).as("gamma"),
		Weibull(0.1, 0.5).as("weibull"),
		Mixed(Weigh(0.5, Lognormal(0.02, 0.2)), Weigh(0.3, Lognormal(0.3, 0.2)), Weigh(0.2, Lognormal(4, 0.2))).as("three modes"),
		Later(0.3, Exponential(0.1)).as("dead time"),
		Uniform(0.3, 0.4).as("window"),
		Uniform(0, 5).as("refresh"),
		Mixed(Weigh(0.33, AtZero()), Weigh(0.65, Uniform(0.45, 0.507)), Weigh(0.02, Uniform(0.507, 1))).as("step"),
		Lognormal(0.01, 0.2).as("10 ms behind").thin(),
		Uniform(0.25, 0.255).as("dead time, then a step").thin(),
		AtZero().as("none"),
		Mixed(Weigh(0.5, AtZero()), Weigh(0.5, Exponential(0.1))).as("half at once"),
		Mixed(Weigh(0.9, AtZero()), Weigh(0.1, Exponential(0.1))).as("90 % at once"),
		Mixed(Weigh(0.97, AtZero()), Weigh(0.03, Exponential(0.1))).as("97 % at once"),
	}
	for i := range laws {
		laws[i] = laws[i].Within(60)
	}
	return laws
})

// Named returns the law of All with that name. It panics if there is none.
func Named(name string) Law {
	laws := All()
	return laws[slices.IndexFunc(laws, func(l Law) bool { return l.Name == name })]
}

func (l Law) as(name string) Law { l.Name = name; return l }
func (l Law) thin() Law          { l.Narrow = true; return l }

// Within conditions a law on lags of at most the deadline, and finds its mean.
func (l Law) Within(deadline float64) Law {
	after, draw, cut := l.After, l.Draw, l.After(deadline)
	l.After = func(t float64) float64 {
		if t >= deadline {
			return 0
		}
		return (after(t) - cut) / (1 - cut)
	}
	l.Draw = func(r *rand.Rand) float64 {
		for {
			if t := draw(r); t <= deadline {
				return t
			}
		}
	}
	const steps, from = 20_000, 1e-5
	last := 0.0
	l.Mean = 0
	for i := range steps {
		t := from * math.Pow(deadline/from, float64(i+1)/steps)
		l.Mean += (t - last) * (l.After(t) + l.After(last)) / 2
		last = t
	}
	return l
}
