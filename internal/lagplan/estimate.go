package lagplan

import "math"

const (
	broadCells  = 64   // cells in which the broad histogram melts noise: a factor of 3.2 of lag
	sharpCells  = 3    // cells in which the sharp one does
	leanLevel   = 6    // nats by which one histogram may lead the other
	forgetAfter = 16   // flows
	leastChance = 1e-4 // of an interval, where likelihoods are compared
)

// Estimate is what the flows of one read model have told of its lag. The zero
// Estimate is the prior alone. It is not safe for concurrent use.
//
// It keeps two histograms of the same flows, a broad one and a sharp one, and
// believes each as far as it foretold the flows: their weights are Bayes', from
// likelihoods that are forgotten slowly. How much is visible at once is learned
// from the reads at zero alone, since a later read cannot tell a small lag from
// none.
type Estimate struct {
	broad, sharp histogram
	lean         float64 // log-likelihood of sharp over broad
	probes       probes
	flows        int // since something was forgotten last
}

// Mass returns how many flows the estimate rests on.
func (e *Estimate) Mass() float64 { return e.broad.total }

// Observe learns from one flow. Probed is the chance that its first read was at
// zero, as it was before its times were drawn.
func (e *Estimate) Observe(i Interval, probed float64) {
	byPrior := i.byPrior()
	byBroad, bySharp := e.broad.explains(i), e.sharp.explains(i)

	lead := math.Log(max(bySharp, leastChance) / max(byBroad, leastChance))
	e.lean = clamp(e.lean*(1-1./memory)+lead, -leanLevel, leanLevel)

	// An alarm of one histogram leaves the other alone: the weights tell soon
	// which of them was right.
	if e.broad.changed(byBroad, byPrior) {
		e.broad.keep(leftOver)
		e.probes.keep(leftOver)
	}
	if e.sharp.changed(bySharp, byPrior) {
		e.sharp.keep(leftOver)
		e.probes.keep(leftOver)
	}
	if e.flows++; e.flows == forgetAfter {
		e.forget()
	}
	e.probes.count(i, probed)
	e.broad.add(i, e.share(i), broadCells)
	e.sharp.add(i, e.share(i), sharpCells)
}

// forget makes the flows of the past count less, as often as is worth the time.
func (e *Estimate) forget() {
	by := math.Pow(1-1./memory, float64(e.flows))
	e.broad.scale(by)
	e.sharp.scale(by)
	e.probes.scale(by)
	e.flows = 0
}

// share returns which share of a flow is counted as visible at once.
func (e *Estimate) share(i Interval) float64 {
	switch {
	case i.hitAtOnce():
		return 1
	case i.atOnce:
		return e.probes.share(i.ends)
	}
	return 0
}

// Doubt returns which share of the lags up to t are none at all, going by the
// reads at zero. Where it is high although the plan reads later, another read
// at zero is worth its price.
func (e *Estimate) Doubt(t float64) float64 { return e.probes.share(t) }

// weights returns by how much each place of the two histograms counts.
func (e *Estimate) weights() (broad, sharp float64) {
	believed := 1 / (1 + math.Exp(-e.lean))
	return (1 - believed) / (e.broad.total + 1), believed / (e.sharp.total + 1)
}

// Survival sets s[k] to the chance that the lag is longer than edge k of the
// grid; at edge 0, that the write is not visible at once.
func (e *Estimate) Survival(s *[Cells + 1]float64) {
	broad, sharp := e.weights()
	left := 1 - broad*e.broad.at(atOnce) - sharp*e.sharp.at(atOnce)
	for c := range Cells {
		s[c] = max(left, 0)
		left -= broad*e.broad.at(c) + sharp*e.sharp.at(c)
	}
	s[Cells] = max(left, 0)
}

// Quantile returns the lag that a share q of the flows does not exceed, at most
// the horizon.
func (e *Estimate) Quantile(q float64) float64 {
	var s [Cells + 1]float64
	e.Survival(&s)
	if 1-s[0] >= q {
		return 0
	}
	for c := range Cells {
		if 1-s[c+1] >= q {
			inside := (s[c] - (1 - q)) / (s[c] - s[c+1])
			return edges[c] + inside*(edges[c+1]-edges[c])
		}
	}
	return Horizon
}

// Thin returns what a newcomer takes over: the same shape, resting on no more
// than so many flows.
func (e *Estimate) Thin(flows float64) Estimate {
	thin := *e
	if m := thin.Mass(); m > flows {
		thin.lean *= flows / m
	}
	thin.broad.keep(flows)
	thin.sharp.keep(flows)
	thin.probes.keep(flows)
	return thin
}

func clamp(x, least, most float64) float64 { return min(max(x, least), most) }
