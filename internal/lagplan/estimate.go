package lagplan

import "math"

const (
	leanLevel   = 6    // nats by which one histogram may lead the other
	forgetAfter = 16   // flows
	divideAfter = 8    // flows after which the cells are divided anew
	divideEach  = 32   // flows up to which they are after each
	leastChance = 1e-4 // of an interval, where likelihoods are compared
)

// One histogram melts noise in groups of a factor of 3.3 of lag, the other in
// eighths of a block, a hundredth of it.
var (
	broadly = newSpread(15, 1.6, 0.9)
	sharply = newSpread(0, 1.2, 0.3)
)

// Estimate is the distribution of a lag, as learned from flows. The zero Estimate is the
// prior. It is not safe for concurrent use.
//
// It keeps two histograms of the same flows, a broad one and a sharp one. Their weights are
// Bayesian: they come from how well each predicted the flows, and the past is forgotten
// slowly. The share that is visible at once is learned only from reads at zero, since a later
// read cannot distinguish a small lag from none.
type Estimate struct {
	grid         grid
	broad, sharp histogram
	lean         float64 // log-likelihood of sharp over broad
	probes       probes
	flows        int // since something was forgotten last
}

// Mass returns how many flows the estimate rests on.
func (e *Estimate) Mass() float64 { return e.broad.total }

// Observe learns from one flow. Probed is the probability, before its times were drawn, that
// its first read was at zero.
func (e *Estimate) Observe(i Interval, probed float64) {
	s := i.on(&e.grid)
	byPrior := i.byPrior()
	byBroad, bySharp := e.broad.explains(&s), e.sharp.explains(&s)

	lead := math.Log(max(bySharp, leastChance) / max(byBroad, leastChance))
	e.lean = clamp(e.lean*(1-1./memory)+lead, -leanLevel, leanLevel)

	// An alarm of one histogram does not change the other: the weights soon show which
	// of them was right.
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
	visible := e.share(i)
	e.broad.add(&s, visible, broadly, e.flows)
	e.sharp.add(&s, visible, sharply, 0)
	if e.flows%divideAfter == 0 || e.Mass() <= divideEach {
		e.divide()
	}
}

// divide makes more cells where the lag is likely.
func (e *Estimate) divide() {
	broad, sharp := e.weights()
	var weights [blocks]float64
	for b := range blocks {
		for c := e.grid.first(b); c < e.grid.first(b+1); c++ {
			weights[b] += broad*float64(e.broad.mass[c]) + sharp*float64(e.sharp.mass[c])
		}
	}
	next, changed := e.grid.divide(&weights)
	if !changed {
		return
	}
	e.grid.move(&next, &e.broad.mass)
	e.grid.move(&next, &e.sharp.mass)
	e.grid = next
}

// forget reduces the weight of past flows. It is called only now and then, to save time.
func (e *Estimate) forget() {
	by := math.Pow(1-1./memory, float64(e.flows))
	e.broad.scale(by)
	e.sharp.scale(by)
	e.probes.scale(by)
	e.flows = 0
}

// share returns the share of a flow that counts as visible at once.
func (e *Estimate) share(i Interval) float64 {
	switch {
	case i.hitAtOnce():
		return 1
	case i.atOnce:
		return e.probes.share(i.ends)
	}
	return 0
}

// Doubt returns the share of the lags up to t that are zero, as learned from reads at zero. If
// it is high although the plan reads later, another read at zero is worth its price.
func (e *Estimate) Doubt(t float64) float64 { return e.probes.share(t) }

// weights returns the weight of a unit of mass in each of the two histograms.
func (e *Estimate) weights() (broad, sharp float64) {
	believed := 1 / (1 + math.Exp(-e.lean))
	return (1 - believed) / (e.broad.total + priorFlows), believed / (e.sharp.total + priorFlows)
}

// Survival sets times to the edges of the cells and missed to the chance that
// the lag is longer than that; at edge 0, that the write is not visible at once.
// It returns how many edges there are.
func (e *Estimate) Survival(times, missed *[Edges]float64) int {
	broad, sharp := e.weights()
	left := 1 - broad*e.broad.visible() - sharp*e.sharp.visible()
	n := 0
	for b := range blocks {
		cells := e.grid.cells(b)
		below, width := e.grid.cell(b)
		below *= broad + sharp
		for c := range cells {
			times[n], missed[n] = edges[b]+float64(c)*width, max(left, 0)
			left -= broad*float64(e.broad.mass[n]) + sharp*float64(e.sharp.mass[n]) + below
			n++
		}
	}
	times[n], missed[n] = Horizon, max(left, 0)
	return n + 1
}

// Edges bounds the edges of the cells.
const Edges = maxCells + 1

// Quantile returns the lag that a share q of the flows does not exceed, at most
// the horizon.
func (e *Estimate) Quantile(q float64) float64 {
	var times, missed [Edges]float64
	n := e.Survival(&times, &missed)
	if 1-missed[0] >= q {
		return 0
	}
	for k := 1; k < n; k++ {
		if 1-missed[k] >= q {
			inside := (missed[k-1] - (1 - q)) / (missed[k-1] - missed[k])
			return times[k-1] + inside*(times[k]-times[k-1])
		}
	}
	return Horizon
}

// Thin returns an estimate of the same shape with the weight of at most so many flows: what a
// new key inherits.
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
