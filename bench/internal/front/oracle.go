package front

import (
	"math/rand/v2"
	"slices"

	"github.com/readback-go/readback/internal/lagplan"
	"github.com/readback-go/readback/internal/testing/laws"
)

// Oracle returns the best that a schedule can reach which knows the law of the lag but not
// the lag of a flow: the optimum for each price of a read, by dynamic programming. The front
// is convex, so the bound between two points is the line through them. A read takes a round
// trip and looks at the replica half way; the next read begins after it.
func Oracle(l laws.Law, trip, longest float64) Front {
	const least, most, factor = 1e-5, 100, 1.3
	look := candidates(l, trip, longest)
	missed := make([]float64, len(look))
	for i, t := range look {
		missed[i] = l.After(t)
	}
	missed[0] = 1
	next := make([]uint16, len(look))
	var solver lagplan.Solver
	var points []Point
	for price := least; price < most; price *= factor {
		solver.Solve(look, missed, price, trip, next)
		p := Point{Late: -l.Mean}
		for i := 0; i < len(look)-1; i = int(next[i]) {
			p.Reads += missed[i]
			p.Late += missed[i] * (look[next[i]] - look[i])
		}
		points = append(points, p)
	}
	return Of(points)
}

// candidates returns the times at which a read may look. Some are drawn from the law, so that
// they are dense where lags are likely.
func candidates(l laws.Law, trip, longest float64) []float64 {
	const draws, finest, growth = 5000, 2e-4, 1.004
	first := trip / 2
	look := []float64{first, longest}
	for t := finest; t < longest-first; t *= growth {
		look = append(look, first+t)
	}
	r := rand.New(rand.NewPCG(3, 3))
	for range draws {
		if t := l.Draw(r); t > first {
			look = append(look, t)
		}
	}
	slices.Sort(look)
	return append([]float64{0}, slices.Compact(look)...)
}

// Least returns the least cost at a price of a read, and the point that reaches it.
func (f Front) Least(price float64) (cost float64, at Point) {
	at = slices.MinFunc(f, func(a, b Point) int {
		if price*a.Reads+a.Late < price*b.Reads+b.Late {
			return -1
		}
		return 1
	})
	return price*at.Reads + at.Late, at
}
