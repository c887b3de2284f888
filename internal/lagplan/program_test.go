package lagplan_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/lagplan"
)

// pathCost adds up the cost of a path, edge by edge.
func pathCost(times, survival []float64, price float64, next []uint16) (cost float64) {
	last := len(times) - 1
	for i := 0; i != last; i = int(next[i]) {
		cost += survival[i] * (price + times[next[i]] - times[i])
	}
	return cost
}

// leastCost tries all ways on from each node.
func leastCost(times, survival []float64, price, spacing float64) float64 {
	last := len(times) - 1
	cost := make([]float64, len(times))
	for i := last - 1; i >= 0; i-- {
		cost[i] = math.Inf(1)
		for j := i + 1; j <= last; j++ {
			if i == 0 || j == last || times[j] >= times[i]+spacing {
				cost[i] = min(cost[i], survival[i]*(price+times[j]-times[i])+cost[j])
			}
		}
	}
	return cost[0]
}

// randomLag returns the times of reads and how often they miss, with gaps and
// masses of very different sizes, some of them none.
func randomLag(r *rand.Rand, nodes int) (times, survival []float64) {
	times, survival = []float64{0}, []float64{1}
	masses := make([]float64, nodes)
	var sum float64
	for i := range masses {
		if r.IntN(4) > 0 {
			masses[i] = math.Exp(4 * r.NormFloat64())
		}
		sum += masses[i]
	}
	var at, gone float64
	for _, m := range masses {
		gone += m
		times = append(times, at)
		survival = append(survival, max(0, 1-gone/(sum+1e-9)))
		at += math.Exp(2 * r.NormFloat64())
	}
	return append(times, at), append(survival, 0)
}

func TestSolver_matchesBruteForce(t *testing.T) {
	t.Parallel()
	var solver lagplan.Solver
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		times, survival := randomLag(r, 1+r.IntN(60))
		price, spacing := math.Exp(3*r.NormFloat64()), 0.0
		if r.IntN(2) == 0 {
			spacing = math.Exp(2 * r.NormFloat64())
		}
		next := make([]uint16, len(times))
		solver.Solve(times, survival, price, spacing, next)
		want := leastCost(times, survival, price, spacing)
		require.InDelta(t, want, pathCost(times, survival, price, next), 1e-9*(1+want))

		last := len(times) - 1
		for i := 1; i < last; i++ {
			require.Greater(t, int(next[i]), i)
			if int(next[i]) != last {
				require.GreaterOrEqual(t, times[next[i]], times[i]+spacing)
			}
		}
	}
}

// evenly returns nodes that are so far apart, up to the end.
func evenly(step, end float64, survival func(float64) float64) (times, missed []float64) {
	times, missed = []float64{0}, []float64{1}
	for i := 0; float64(i)*step < end; i++ {
		times = append(times, float64(i)*step)
		missed = append(missed, survival(float64(i)*step))
	}
	return append(times, end), append(missed, 0)
}

func gaps(times, missed []float64, price float64, n int) []float64 {
	next := make([]uint16, len(times))
	new(lagplan.Solver).Solve(times, missed, price, 0, next)
	var at []float64
	for i := next[0]; len(at) <= n && int(i) != len(times)-1; i = next[i] {
		at = append(at, times[i])
	}
	for i := len(at) - 1; i > 0; i-- {
		at[i] -= at[i-1]
	}
	return at[:min(n, len(at))]
}

// An exponential lag has no memory, so the gaps g are all the same: with rate
// λ, e^λg − 1 − λg = λ·price.
func TestSolver_exponential(t *testing.T) {
	t.Parallel()
	times, missed := evenly(0.1, 3000, func(t float64) float64 { return math.Exp(-t / 100) })
	for price, want := range map[float64]float64{2: 19.35, 10: 41.62, 50: 85.77} {
		for _, gap := range gaps(times, missed, price, 8) {
			assert.InDelta(t, want, gap, 0.2, "price %v", price)
		}
	}
}

// Under a uniform lag each gap is shorter than the one before by the price.
func TestSolver_uniform(t *testing.T) {
	t.Parallel()
	times, missed := evenly(1, 1000, func(t float64) float64 { return 1 - t/1000 })
	got := gaps(times, missed, 20, 9)
	want := []float64{190, 170, 150, 130, 110, 90, 70, 50, 30}
	require.Len(t, got, len(want))
	for i := range want {
		assert.InDelta(t, want[i], got[i], 2)
	}
}

func TestSolver_readsAtOnceOnlyIfThatPays(t *testing.T) {
	t.Parallel()
	for visible, want := range map[float64]uint16{0: 2, 0.5: 1} {
		times, missed := []float64{0, 0, 1, 2}, []float64{1, 1 - visible, 0, 0}
		next := make([]uint16, 4)
		new(lagplan.Solver).Solve(times, missed, 0.1, 0, next)
		assert.Equal(t, want, next[0])
	}
}

func FuzzSolver(f *testing.F) {
	f.Add(uint64(1), uint8(10), 1.0, 0.5)
	f.Fuzz(func(t *testing.T, seed uint64, nodes uint8, price, spacing float64) {
		if !(price >= 0 && price < 1e9 && spacing >= 0) {
			return
		}
		times, survival := randomLag(rand.New(rand.NewPCG(seed, 1)), int(nodes)+1)
		next := make([]uint16, len(times))
		new(lagplan.Solver).Solve(times, survival, price, spacing, next)
		want := leastCost(times, survival, price, spacing)
		require.InDelta(t, want, pathCost(times, survival, price, next), 1e-9*(1+want))
		require.True(t, slices.IsSorted(times))
	})
}
