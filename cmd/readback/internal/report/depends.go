package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

// Dependence is something that lags go with, beyond chance, though intervals rest
// on lags that do not depend on each other.
type Dependence struct {
	On          string  `json:"on"`          // see the constants below
	Correlation float64 `json:"correlation"` // of ranks
	Chance      float64 `json:"chance"`      // of as much, where there is nothing
	Words       string  `json:"words"`
}

const (
	onBefore = "the lag before"
	onWait   = "the time since the flow before"
	onTime   = "the time of the run"
)

// depends returns what the lags of r go with.
func (r *Run) depends() (found []Dependence) {
	var flows []*Flow
	for i := range r.Flows {
		if _, told := r.Flows[i].Lag(r.For); told {
			flows = append(flows, &r.Flows[i])
		}
	}
	slices.SortStableFunc(flows, func(a, b *Flow) int { return cmp.Compare(a.Began, b.Began) })
	long := func(f *Flow) float64 {
		lag, _ := f.Lag(r.For)
		if lag.Censored() {
			return math.Inf(1)
		}
		return lag.Hit.Seconds()
	}
	var began, all, before, after, waits, waited []float64
	for i, f := range flows {
		began, all = append(began, float64(f.Began)), append(all, long(f))
		if i == 0 {
			continue
		}
		last := flows[i-1]
		before, after = append(before, long(last)), append(after, long(f))
		if lag, _ := last.Lag(r.For); !lag.Censored() {
			// Flows that go on at the same time have no time between them.
			if wait := f.Began - last.Began - last.Took - MillisOf(lag.Hit); wait > 0 {
				waits, waited = append(waits, float64(wait)), append(waited, long(f))
			}
		}
	}
	add := func(on string, a, b []float64, words func(up bool) string) {
		if r, ok := lags.Relate(a, b); ok && r.Beyond() {
			found = append(found, Dependence{
				On: on, Correlation: rounded(r.Correlation), Chance: rounded(r.Chance),
				Words: fmt.Sprintf("%s (rank correlation %+.2f)", words(r.Correlation > 0), r.Correlation),
			})
		}
	}
	add(onWait, waits, waited, func(up bool) string {
		than := "shorter"
		if up {
			than = "longer"
		}
		return fmt.Sprintf("the longer ago the flow before was over, the %s the lag: flows may be in step with a clock of the API's own, and its users see other lags; a longer --pause would tell", than)
	})
	add(onTime, began, all, func(up bool) string {
		than := "shorter"
		if up {
			than = "longer"
		}
		return fmt.Sprintf("lags became %s during the run: the quantiles are those of a mixture", than)
	})
	add(onBefore, before, after, func(up bool) string {
		what := "long lags follow short ones"
		if up {
			what = "long lags follow long ones"
		}
		return what + ": lags depend on each other, and the intervals are closer than they should be"
	})
	return found
}
