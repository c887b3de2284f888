package lagplan

import "math"

const (
	memory     = 500 // flows after which a flow counts e times less
	alarmLevel = 6   // nats by which the prior may explain the flows better
	leftOver   = 2   // flows' worth of mass kept when the alarm goes
)

// histogram holds one flow's worth of mass for each flow, spread over the lags
// that the flow allows, and forgets slowly. The prior's one flow comes on top.
//
// How a flow is spread decides what is learned. In proportion to the present
// density, a lag far narrower than its intervals is found, but noise hardens
// into peaks, the plan reads at their ends, and its reads confirm them. In
// proportion to the square root of the density, noise melts and so does what is
// narrow. A histogram does the first between blocks of cells and the second
// within a block.
type histogram struct {
	mass  [places]float32
	total float64 // sum of mass
	alarm float64 // CUSUM of how much better the prior explains the flows
}

// explains returns the probability that the histogram gives to the interval.
func (h *histogram) explains(i Interval) float64 {
	mass := h.within(i)
	if i.atOnce {
		mass += h.at(atOnce)
	}
	if i.beyond {
		mass += h.at(beyond)
	}
	return mass / (h.total + 1)
}

// within returns the mass of the cells in the interval.
func (h *histogram) within(i Interval) (mass float64) {
	first, end := i.first(), i.end()
	if first == end {
		return 0
	}
	for _, m := range h.mass[first:end] {
		mass += float64(m)
	}
	mass -= (i.from - float64(first)) * float64(h.mass[first])
	mass -= (float64(end) - i.to) * float64(h.mass[end-1])
	return max(mass, 0) + priorUpTo(i.to) - priorUpTo(i.from)
}

func (h *histogram) at(place int) float64 { return float64(h.mass[place]) + prior[place] }

// changed reports, once, that the lag is no longer the one that was learned:
// the prior has explained the last flows better by so much that chance would
// have done it less than once in some thousand flows. It is Page's cumulative
// sum, 1954.
func (h *histogram) changed(explained, byPrior float64) bool {
	h.alarm = max(0, h.alarm+math.Log(byPrior/explained))
	return h.alarm > alarmLevel
}

// keep leaves mass for no more than so many flows.
func (h *histogram) keep(flows float64) {
	h.alarm = 0
	if h.total > flows {
		h.scale(flows / h.total)
	}
}

// scale multiplies all mass.
func (h *histogram) scale(by float64) {
	h.total = 0
	for p := range h.mass {
		h.mass[p] *= float32(by)
		h.total += float64(h.mass[p])
	}
}

// add spreads one flow over its interval, the share visible at once being
// given, in blocks of so many cells.
func (h *histogram) add(i Interval, visible float64, block int) {
	h.total++
	if i.atOnce {
		h.mass[atOnce] += float32(visible)
	}
	whole := h.within(i)
	if i.beyond {
		whole += h.at(beyond)
	}
	each := (1 - visible) / whole
	if i.beyond {
		h.mass[beyond] += float32(each * h.at(beyond))
	}
	// What is beyond every read is not shaped by the plan, so nothing needs to
	// be melted there.
	if i.beyond {
		for c := i.first(); c < i.end(); c++ {
			h.mass[c] += float32(each * i.share(c) * h.at(c))
		}
		return
	}
	for c := i.first(); c < i.end(); {
		end := min((c/block+1)*block, i.end())
		h.addTempered(i, c, end, each)
		c = end
	}
}

// addTempered spreads what one block gets by the square root of its density.
func (h *histogram) addTempered(i Interval, from, end int, each float64) {
	var roots [broadCells]float64
	var mass, sum float64
	for c := from; c < end; c++ {
		share, at := i.share(c), h.at(c)
		root := share * math.Sqrt(at*(edges[c+1]-edges[c]))
		roots[c-from] = root
		sum += root
		mass += share * at
	}
	each *= mass / sum
	for c := from; c < end; c++ {
		h.mass[c] += float32(each * roots[c-from])
	}
}
