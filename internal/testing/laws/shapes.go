package laws

import (
	"math"
	"math/rand/v2"
)

// Exponential is memoryless.
func Exponential(mean float64) Law { return Weibull(mean, 1) }

// Weibull has a tail heavier than the exponential's if shape is below 1.
func Weibull(scale, shape float64) Law {
	return Law{
		After: func(t float64) float64 { return math.Exp(-math.Pow(max(t, 0)/scale, shape)) },
		Draw:  func(r *rand.Rand) float64 { return scale * math.Pow(r.ExpFloat64(), 1/shape) },
	}
}

// Lognormal is a product of many small factors.
func Lognormal(median, sigma float64) Law {
	return Law{
		After: func(t float64) float64 {
			return math.Erfc(math.Log(max(t, 1e-300)/median)/sigma/math.Sqrt2) / 2
		},
		Draw: func(r *rand.Rand) float64 { return median * math.Exp(sigma*r.NormFloat64()) },
	}
}

// Pareto is the heavy tail.
func Pareto(least, index float64) Law {
	return Law{
		After: func(t float64) float64 { return math.Pow(least/max(t, least), index) },
		Draw:  func(r *rand.Rand) float64 { return least * math.Pow(1-r.Float64(), -1/index) },
	}
}

// Uniform is the wait for the next of regular refreshes.
func Uniform(from, to float64) Law {
	return Law{
		After: func(t float64) float64 { return 1 - min(max((t-from)/(to-from), 0), 1) },
		Draw:  func(r *rand.Rand) float64 { return from + (to-from)*r.Float64() },
	}
}

// Erlang is a sum of exponential steps.
func Erlang(steps int, mean float64) Law {
	scale := mean / float64(steps)
	return Law{
		After: func(t float64) float64 {
			x := max(t, 0) / scale
			term, sum := 1.0, 1.0
			for i := 1; i < steps; i++ {
				term *= x / float64(i)
				sum += term
			}
			return math.Exp(-x) * sum
		},
		Draw: func(r *rand.Rand) (t float64) {
			for range steps {
				t += scale * r.ExpFloat64()
			}
			return t
		},
	}
}

// AtZero is no lag: every write is visible at once.
func AtZero() Law {
	return Law{
		After: func(t float64) float64 {
			if t < 0 {
				return 1
			}
			return 0
		},
		Draw: func(*rand.Rand) float64 { return 0 },
	}
}

// Later puts a dead time before a law.
func Later(by float64, l Law) Law {
	return Law{
		After: func(t float64) float64 { return l.After(t - by) },
		Draw:  func(r *rand.Rand) float64 { return by + l.Draw(r) },
	}
}

// A Part is a law and its share in a mixture.
type Part struct {
	law    Law
	weight float64
}

// Weigh makes a part.
func Weigh(weight float64, l Law) Part { return Part{l, weight} }

// Mixed draws from one of the parts, whose weights sum to one.
func Mixed(parts ...Part) Law {
	return Law{
		After: func(t float64) (sum float64) {
			for _, p := range parts {
				sum += p.weight * p.law.After(t)
			}
			return sum
		},
		Draw: func(r *rand.Rand) float64 {
			u := r.Float64()
			for _, p := range parts[1:] {
				if u -= p.weight; u < 0 {
					return p.law.Draw(r)
				}
			}
			return parts[0].law.Draw(r)
		},
	}
}
