package readback_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
)

// law is a distribution of lags, in seconds.
type law struct {
	name   string
	narrow bool                     // narrower than a price of 10 ms
	after  func(t float64) float64  // chance that the lag is longer than t
	draw   func(*rand.Rand) float64 // one lag
	mean   float64
}

// lagLaws are lags as systems have them and some that are hard to learn, each
// conditioned on at most a minute.
var lagLaws = sync.OnceValue(func() []law {
	disk := oneWay(0.38, pareto(1.05, 1.51), exponential(1/0.183))
	ssd := oneWay(0.9122, pareto(0.235, 10), exponential(1/1.66))
	write := oneWay(0.939, pareto(3, 3.35), exponential(1/0.0028))
	read := oneWay(0.982, pareto(1.5, 3.8), exponential(1/0.0217))
	laws := []law{
		exponential(0.1).as("exponential"),
		lognormal(0.08, 1).as("lognormal"),
		mixed(weigh(0.8, lognormal(0.05, 0.25)), weigh(0.2, lognormal(2, 0.25))).as("two modes"),
		pareto(0.02, 1.5).as("pareto"),
		uniform(0, 1).as("uniform"),
		lognormal(0.002, 0.3).as("near zero").thin(),
		lognormal(0.2, 0.05).as("narrow").thin(),
		lognormal(5, 0.3).as("slow"),
		replicas(write, read, 0).as("replicas"),
		replicas(disk, ssd, 0.075).as("far replicas").thin(),

		erlang(4, 0.2).as("gamma"),
		weibull(0.1, 0.5).as("weibull"),
		mixed(weigh(0.5, lognormal(0.02, 0.2)), weigh(0.3, lognormal(0.3, 0.2)), weigh(0.2, lognormal(4, 0.2))).as("three modes"),
		later(0.3, exponential(0.1)).as("dead time"),
		uniform(0.3, 0.4).as("window"),
		uniform(0, 5).as("refresh"),
		mixed(weigh(0.33, atZero()), weigh(0.65, uniform(0.45, 0.507)), weigh(0.02, uniform(0.507, 1))).as("step"),
		lognormal(0.01, 0.2).as("10 ms behind").thin(),
		uniform(0.25, 0.255).as("dead time, then a step").thin(),
		atZero().as("none"),
		mixed(weigh(0.5, atZero()), weigh(0.5, exponential(0.1))).as("half at once"),
		mixed(weigh(0.9, atZero()), weigh(0.1, exponential(0.1))).as("90 % at once"),
		mixed(weigh(0.97, atZero()), weigh(0.03, exponential(0.1))).as("97 % at once"),
	}
	for i := range laws {
		laws[i] = laws[i].within(60)
	}
	return laws
})

func lawNamed(name string) law {
	laws := lagLaws()
	return laws[slices.IndexFunc(laws, func(l law) bool { return l.name == name })]
}

func (l law) as(name string) law { l.name = name; return l }
func (l law) thin() law          { l.narrow = true; return l }

// within conditions a law on lags of at most the deadline, and finds its mean.
func (l law) within(deadline float64) law {
	after, draw, cut := l.after, l.draw, l.after(deadline)
	l.after = func(t float64) float64 {
		if t >= deadline {
			return 0
		}
		return (after(t) - cut) / (1 - cut)
	}
	l.draw = func(r *rand.Rand) float64 {
		for {
			if t := draw(r); t <= deadline {
				return t
			}
		}
	}
	const steps, from = 20_000, 1e-5
	last := 0.0
	for i := range steps {
		t := from * math.Pow(deadline/from, float64(i+1)/steps)
		l.mean += (t - last) * (l.after(t) + l.after(last)) / 2
		last = t
	}
	return l
}

func exponential(mean float64) law { return weibull(mean, 1) }

func weibull(scale, shape float64) law {
	return law{
		after: func(t float64) float64 { return math.Exp(-math.Pow(max(t, 0)/scale, shape)) },
		draw:  func(r *rand.Rand) float64 { return scale * math.Pow(r.ExpFloat64(), 1/shape) },
	}
}

func lognormal(median, sigma float64) law {
	return law{
		after: func(t float64) float64 {
			return math.Erfc(math.Log(max(t, 1e-300)/median)/sigma/math.Sqrt2) / 2
		},
		draw: func(r *rand.Rand) float64 { return median * math.Exp(sigma*r.NormFloat64()) },
	}
}

func pareto(least, index float64) law {
	return law{
		after: func(t float64) float64 { return math.Pow(least/max(t, least), index) },
		draw:  func(r *rand.Rand) float64 { return least * math.Pow(1-r.Float64(), -1/index) },
	}
}

func uniform(from, to float64) law {
	return law{
		after: func(t float64) float64 { return 1 - min(max((t-from)/(to-from), 0), 1) },
		draw:  func(r *rand.Rand) float64 { return from + (to-from)*r.Float64() },
	}
}

func erlang(shape int, mean float64) law {
	scale := mean / float64(shape)
	return law{
		after: func(t float64) float64 {
			x := max(t, 0) / scale
			term, sum := 1.0, 1.0
			for i := 1; i < shape; i++ {
				term *= x / float64(i)
				sum += term
			}
			return math.Exp(-x) * sum
		},
		draw: func(r *rand.Rand) (t float64) {
			for range shape {
				t += scale * r.ExpFloat64()
			}
			return t
		},
	}
}

// atZero is no lag: every write is visible at once.
func atZero() law {
	return law{
		after: func(t float64) float64 { return map[bool]float64{true: 1}[t < 0] },
		draw:  func(*rand.Rand) float64 { return 0 },
	}
}

func later(by float64, l law) law {
	return law{
		after: func(t float64) float64 { return l.after(t - by) },
		draw:  func(r *rand.Rand) float64 { return by + l.draw(r) },
	}
}

type weighed struct {
	law
	weight float64
}

func weigh(weight float64, l law) weighed { return weighed{l, weight} }

func mixed(parts ...weighed) law {
	return law{
		after: func(t float64) (sum float64) {
			for _, p := range parts {
				sum += p.weight * p.after(t)
			}
			return sum
		},
		draw: func(r *rand.Rand) float64 {
			u := r.Float64()
			for _, p := range parts[1:] {
				if u -= p.weight; u < 0 {
					return p.draw(r)
				}
			}
			return parts[0].draw(r)
		},
	}
}

// oneWay is the time of a message in seconds, of two laws in milliseconds: the
// fits of Bailis et al., "Probabilistically bounded staleness", VLDB 2012.
func oneWay(weight float64, body, tail law) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 {
		if r.Float64() < weight {
			return body.draw(r) / 1000
		}
		return tail.draw(r) / 1000
	}
}

// replicas is the time from the first acknowledgement of a write to the last of
// three replicas having it, two of them farther away.
func replicas(write, answer func(*rand.Rand) float64, farther float64) law {
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
	return law{
		after: func(t float64) float64 {
			i, _ := slices.BinarySearch(lags, math.Nextafter(t, math.Inf(1)))
			return 1 - float64(i)/float64(len(lags))
		},
		draw: func(r *rand.Rand) float64 { return lags[r.IntN(len(lags))] },
	}
}
