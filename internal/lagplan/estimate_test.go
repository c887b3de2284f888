package lagplan_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/lagplan"
)

// observed returns an estimate that was told of these intervals, each as the
// times of the last miss and the first hit.
func observed(t *testing.T, intervals ...[2]float64) *lagplan.Estimate {
	t.Helper()
	var e lagplan.Estimate
	for _, i := range intervals {
		interval, ok := lagplan.NewInterval(i[0], i[1])
		require.True(t, ok)
		e.Observe(interval, 0)
	}
	return &e
}

func survival(e *lagplan.Estimate) []float64 {
	var times, missed [lagplan.Edges]float64
	return missed[:e.Survival(&times, &missed)]
}

func TestInterval_tellsNothing(t *testing.T) {
	t.Parallel()
	for _, i := range [][2]float64{{-1, -1}, {1, 1}, {2, 1}} {
		_, ok := lagplan.NewInterval(i[0], i[1])
		assert.False(t, ok, "%v", i)
	}
}

// Each flow counts as one, wherever its interval lies, until it is forgotten.
func TestEstimate_conservesMass(t *testing.T) {
	t.Parallel()
	var e lagplan.Estimate
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		after := math.Exp(6*r.Float64() - 4)
		by := after * (1 + r.Float64())
		switch r.IntN(6) {
		case 0:
			after = -1
		case 1:
			by = -1
		case 2:
			after, by = -1, 0
		case 3:
			after, by = 0, 1e6
		}
		i, ok := lagplan.NewInterval(after, by)
		require.True(t, ok)
		before := e.Mass()
		e.Observe(i, 0.5)
		if e.Mass() < before*math.Pow(1-1./500, 16)+1-1e-3 {
			require.InDelta(t, 2, e.Mass(), 0.2, "an alarm leaves one flow, and the one that set it off")
		}
		require.LessOrEqual(t, e.Mass(), before+1+1e-3)
		require.Less(t, e.Mass(), 520.0)
	}
	s := survival(&e)
	for c := 1; c < len(s); c++ {
		require.LessOrEqual(t, s[c], s[c-1])
	}
	assert.GreaterOrEqual(t, s[len(s)-1], 0.0)
	assert.LessOrEqual(t, s[0], 1.0)
}

func TestEstimate_quantile(t *testing.T) {
	t.Parallel()
	var none lagplan.Estimate
	assert.Zero(t, none.Quantile(0.2), "a fifth of the prior is visible at once")
	assert.Equal(t, lagplan.Horizon, none.Quantile(1))

	var intervals [][2]float64
	for range 50 {
		intervals = append(intervals, [2]float64{0.19, 0.21}, [2]float64{0.9, 1.1}, [2]float64{0.9, 1.1})
	}
	e := observed(t, intervals...)
	assert.InDelta(t, 0.2, e.Quantile(0.2), 0.011)
	assert.InDelta(t, 1, e.Quantile(0.6), 0.1)
}

// Only reads at zero tell a lag of nothing from a small one.
func TestEstimate_visibleAtOnce(t *testing.T) {
	t.Parallel()
	var hits, misses [][2]float64
	for i := range 100 {
		hit, miss := [2]float64{-1, 0.02}, [2]float64{-1, 0.02}
		if i%5 == 0 {
			hit, miss = [2]float64{-1, 0}, [2]float64{0, 0.02}
		}
		hits, misses = append(hits, hit), append(misses, miss)
	}
	assert.Less(t, survival(observed(t, hits...))[0], 0.05)
	assert.Greater(t, survival(observed(t, misses...))[0], 0.95)
	assert.Greater(t, observed(t, hits...).Doubt(0.02), 0.95)
	assert.Less(t, observed(t, misses...).Doubt(0.02), 0.05)
}

// An estimate that was wrong for some flows in a row begins anew.
func TestEstimate_changes(t *testing.T) {
	t.Parallel()
	var e lagplan.Estimate
	tell := func(after, by float64, flows int) {
		i, ok := lagplan.NewInterval(after, by)
		require.True(t, ok)
		for range flows {
			e.Observe(i, 0)
		}
	}
	tell(0.09, 0.1, 400)
	require.InDelta(t, 0.095, e.Quantile(0.5), 0.005)
	tell(0.9, 1, 6)
	assert.InDelta(t, 0.95, e.Quantile(0.5), 0.05)
	assert.Less(t, e.Mass(), 10.0)
}

func TestEstimate_thin(t *testing.T) {
	t.Parallel()
	var intervals [][2]float64
	for range 100 {
		intervals = append(intervals, [2]float64{0.19, 0.21})
	}
	e := observed(t, intervals...)
	thin := e.Thin(4)
	assert.InDelta(t, 4, thin.Mass(), 1e-3)
	assert.InDelta(t, e.Quantile(0.5), thin.Quantile(0.5), 0.02)
	assert.Greater(t, e.Mass(), 90.0, "the original is left alone")
}

func TestSnapshot_roundTrip(t *testing.T) {
	t.Parallel()
	e := observed(t, [2]float64{0.1, 0.2}, [2]float64{-1, 0}, [2]float64{3, -1}, [2]float64{0, 0.1})
	stored := e.Snapshot()
	again, err := stored.Estimate()
	require.NoError(t, err)
	assert.Equal(t, stored, again.Snapshot())
	assert.InDelta(t, e.Quantile(0.5), again.Quantile(0.5), 1e-3)

	stored.Broad.Cells[7] = math.NaN()
	_, err = stored.Estimate()
	assert.EqualError(t, err, "broad: negative mass at 7: NaN")
	stored.Lean = math.NaN()
	_, err = stored.Estimate()
	assert.EqualError(t, err, "lean out of range: NaN")
}

// Beyond the grid, reads go on at a twentieth of the time waited.
func TestTable_pastHorizon(t *testing.T) {
	t.Parallel()
	table := lagplan.NewTable(new(lagplan.Estimate), 3600, 0.01, 0, false)
	at := lagplan.Horizon
	for range 10 {
		next, _ := table.After(at)
		assert.InEpsilon(t, at*1.05, next, 1e-9)
		at = next
	}
}

// The price moves until flows take as many reads as wanted: here they take
// those of an exponential lag whose plans foretell too few.
func TestBudget_settles(t *testing.T) {
	t.Parallel()
	for _, want := range []float64{2, 3, 5} {
		b := lagplan.Budget{Reads: want}
		r := rand.New(rand.NewPCG(1, 1))
		var taken, flows float64
		for flow := range 3000 {
			mean := 1 / math.Sqrt(b.Now()*10)
			if flow%8 == 0 {
				b.Planned(mean * 0.8)
			}
			reads := 1 + int(r.ExpFloat64()*mean)
			b.Count(reads)
			if flow >= 500 {
				taken += float64(reads)
				flows++
			}
		}
		assert.InEpsilon(t, want, taken/flows, 0.02)
	}
}

// Many flows that end before the next plan move the price together only so far.
func TestBudget_boundsItsMove(t *testing.T) {
	t.Parallel()
	b := lagplan.Budget{Reads: 3}
	before := b.Now()
	for range 1000 {
		b.Count(1)
	}
	assert.InEpsilon(t, before*math.Exp(-1.5), b.Now(), 1e-9)
	assert.True(t, b.Valid())
	assert.False(t, (&lagplan.Budget{Price: math.NaN()}).Valid())
}
