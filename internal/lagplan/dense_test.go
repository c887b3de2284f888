package lagplan_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/lagplan"
)

// Where mass lies evenly between two nodes, reads between them may pay. That
// they are found shows beside nodes that lie densely themselves.
func TestSolver_even(t *testing.T) {
	t.Parallel()
	survival := func(t float64) float64 { return 1 - t/1000 }
	for _, price := range []float64{0.01, 0.1, 1, 10} {
		few, fewMissed := evenly(50, 1000, survival)
		many, manyMissed := evenly(0.5, 1000, survival)
		next := make([]uint16, len(few))
		(&lagplan.Solver{Even: true}).Solve(few, fewMissed, price, 0, next)
		dense := make([]uint16, len(many))
		new(lagplan.Solver).Solve(many, manyMissed, price, 0, dense)
		assert.InEpsilon(t, lagplan.Reads(manyMissed, dense), lagplan.Reads(fewMissed, next), 0.12, "price %v", price)

		// Reads that are apart by more than a cell are not affected.
		new(lagplan.Solver).Solve(few, fewMissed, 1e4, 0, dense[:len(few)])
		(&lagplan.Solver{Even: true}).Solve(few, fewMissed, 1e4, 0, next)
		assert.Equal(t, dense[:len(few)], next)
	}
}

// Reads between nodes keep their spacing, too.
func TestSolver_evenKeepsSpacing(t *testing.T) {
	t.Parallel()
	times, missed := evenly(50, 1000, func(t float64) float64 { return 1 - t/1000 })
	next := make([]uint16, len(times))
	(&lagplan.Solver{Even: true}).Solve(times, missed, 1e-6, 10, next)
	want := 0.0
	for i := range 99 { // every 10 up to 1000
		want += 1 - float64(i)/100
	}
	assert.InEpsilon(t, want, lagplan.Reads(missed, next), 0.05)
	(&lagplan.Solver{Even: true}).Solve(times, missed, 1e-6, 60, next)
	assert.Less(t, lagplan.Reads(missed, next), 11.0)
}

// A plan for many reads goes through the cells evenly.
func TestTable_dense(t *testing.T) {
	t.Parallel()
	var intervals [][2]float64
	for i := range 400 {
		at := 1 + float64(i*617%400)/400
		intervals = append(intervals, [2]float64{at - 0.01, at})
	}
	table := lagplan.NewTable(observed(t, intervals...), 60, 1e-5, 0.001, false)
	require.Greater(t, table.Reads, 100.0)
	reads, at := 0, 1.1
	var least, most float64 = math.Inf(1), 0
	for at < 1.9 {
		next, room := table.After(at)
		require.Greater(t, next, at)
		require.Positive(t, room)
		least, most = min(least, next-at), max(most, next-at)
		at = next
		reads++
	}
	assert.InEpsilon(t, math.Sqrt(2*1e-5*0.5), 0.8/float64(reads), 0.3, "the gap is the root of twice the price over the hazard")
	for s := 1.1; s < 1.9; s += 0.00037 { // a read that was late, or spread
		next, _ := table.After(s)
		assert.Greater(t, next, s+0.0009)
	}
	assert.Greater(t, least, 0.0009)
	assert.Less(t, most, 4*0.8/float64(reads))
}

// The cells lie where the lag does, and never are more than there is room for.
func TestEstimate_divides(t *testing.T) {
	t.Parallel()
	var e lagplan.Estimate
	tell := func(after, by float64) {
		i, ok := lagplan.NewInterval(after, by)
		require.True(t, ok)
		e.Observe(i, 0)
	}
	width := func(at float64) float64 {
		var times, missed [lagplan.Edges]float64
		n := e.Survival(&times, &missed)
		for k := 1; k < n; k++ {
			require.Greater(t, times[k], times[k-1])
			require.LessOrEqual(t, missed[k], missed[k-1])
			if times[k] > at {
				return times[k] - times[k-1]
			}
		}
		return math.Inf(1)
	}
	coarse := width(5)
	assert.InEpsilon(t, 5./12, coarse, 0.1)
	for range 200 {
		tell(4.98, 5.01)
	}
	assert.Less(t, width(5), coarse/30)
	assert.InEpsilon(t, 100, e.Quantile(0.5)/0.05, 0.01)
	for i := range 2000 {
		at := math.Exp(float64(i*617%2000)/2000*8 - 4)
		tell(at*0.99, at)
	}
	assert.Greater(t, width(5), coarse/8, "what no longer lies there gives its cells away")
}
