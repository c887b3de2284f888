package report_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/cmd/readback/internal/report"
)

// lagged is a measurement of flows with these lags, in milliseconds, that were
// begun so long after the flow before was over.
func lagged(lags, waits []int) *report.Run {
	r := of()
	began := report.Millis(0)
	for i, lag := range lags {
		began += report.Millis(waits[i]) * ms
		r.Flows = append(r.Flows, report.Flow{
			N: i + 1, Began: began, Took: 2 * ms, Status: 201, Class: "applied", Outcome: "confirmed",
			Reads: []report.Read{
				{Began: report.Millis(lag-5) * ms, Took: ms, Status: 404, Verdict: "pending", Reason: "not found"},
				{Began: report.Millis(lag) * ms, Took: ms, Status: 200, Verdict: "ready"},
			},
		})
		began += report.Millis(lag+2) * ms
	}
	return r
}

// What lags go with is told: the lag before, the time since the flow before, the
// time of the run. Where there is nothing, nothing is told.
func TestDepends(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	var even, growing, inStep, waits []int
	var slowly []int // long ones follow long ones, up and down
	for i := range 60 {
		wait := 100 + random.IntN(500)
		waits = append(waits, wait)
		even = append(even, 100+random.IntN(900))
		growing = append(growing, 100+10*i+random.IntN(200))
		inStep = append(inStep, 1000-wait)
		slowly = append(slowly, 100+[]int{0, 300, 600, 300}[i/5%4]+random.IntN(100))
	}
	on := func(lags []int) (on []string) {
		for _, d := range lagged(lags, waits).Summary().Depends {
			on = append(on, d.On)
		}
		return on
	}
	assert.Empty(t, on(even))
	assert.Equal(t, []string{"the time of the run", "the lag before"}, on(growing))
	assert.Equal(t, []string{"the time since the flow before"}, on(inStep))
	assert.Equal(t, []string{"the lag before"}, on(slowly))
	assert.Empty(t, on(even[:8]), "too few to tell")

	words := lagged(inStep, waits).Summary().Depends[0].Words
	assert.Contains(t, words, "the longer ago the flow before was over, the shorter the lag")
	assert.Contains(t, words, "(rank correlation -1.00)")
	assert.Contains(t, lagged(growing, waits).Summary().Depends[0].Words, "lags became longer during the run")
	assert.Contains(t, page(t, lagged(inStep, waits), nil), "The longer ago the flow before was over")
}
