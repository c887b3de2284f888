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
	add := func(on string, all pairs, words func(up bool) string) {
		if r, ok := lags.Relate(all.a, all.b); ok && r.Beyond() {
			found = append(found, Dependence{
				On: on, Correlation: rounded(r.Correlation), Chance: rounded(r.Chance),
				Words: fmt.Sprintf("%s (rank correlation %+.2f)", words(r.Correlation > 0), r.Correlation),
			})
		}
	}
	longer := func(up bool) string {
		if up {
			return "longer"
		}
		return "shorter"
	}
	wait, time, before := r.besideLags()
	add(onWait, wait, func(up bool) string {
		return fmt.Sprintf("the longer ago the flow before was over, the %s the lag: flows may be in step with a clock of the API's own, and its users see other lags; a longer --pause would tell", longer(up))
	})
	add(onTime, time, func(up bool) string {
		return fmt.Sprintf("lags became %s during the run: the quantiles are those of a mixture", longer(up))
	})
	add(onBefore, before, func(up bool) string {
		what := "long lags follow short ones"
		if up {
			what = "long lags follow long ones"
		}
		return what + ": lags depend on each other, and the intervals are closer than they should be"
	})
	return found
}

// pairs are numbers of flows, and the lags of the same flows.
type pairs struct{ a, b []float64 }

func (p *pairs) add(a, b float64) { p.a, p.b = append(p.a, a), append(p.b, b) }

// besideLags returns the lags of r beside the time since the flow before was over, the time
// at which the flow began, and the lag of the flow before.
func (r *Run) besideLags() (wait, time, before pairs) {
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
	for i, f := range flows {
		time.add(float64(f.Began), long(f))
		if i == 0 {
			continue
		}
		last := flows[i-1]
		before.add(long(last), long(f))
		if lag, _ := last.Lag(r.For); !lag.Censored() {
			// Flows that go on at the same time have no time between them.
			if since := f.Began - last.Began - last.Took - MillisOf(lag.Hit); since > 0 {
				wait.add(float64(since), long(f))
			}
		}
	}
	return wait, time, before
}
