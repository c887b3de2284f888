package lagplan

import "math"

const (
	memory     = 500 // flows after which a flow counts e times less
	alarmLevel = 6   // nats by which the prior may explain the flows better
	leftOver   = 1   // flow's worth of mass kept when the alarm goes
)

// histogram has a mass of one for each flow, spread over the lags that the flow allows, and
// forgets slowly. The prior is added to it.
//
// How a flow is spread decides what is learned. If it is spread in proportion to the present
// density, lags much narrower than the intervals are found; but noise grows into peaks, the
// plan reads at their ends, and these reads confirm the peaks. If it is spread in proportion
// to the square root of the density, noise disappears, and narrow lags too. A histogram
// does the first between groups of cells, and the second within a group.
type histogram struct {
	mass           [maxCells]float32
	atOnce, beyond float32
	total          float64 // sum of mass
	alarm          float64 // CUSUM of how much better the prior explains the flows
}

// explains returns the probability that the histogram gives to the interval.
func (h *histogram) explains(s *span) float64 {
	mass := h.within(s)
	if s.atOnce {
		mass += h.visible()
	}
	if s.beyond {
		mass += h.endless()
	}
	return mass / (h.total + priorFlows)
}

// within returns the mass of the cells in the interval.
func (h *histogram) within(s *span) float64 {
	return h.between(s.from, s.to) + priorFlows*s.priorWithin()
}

// between returns the mass from one place to another.
func (h *histogram) between(from, to float64) float64 {
	first, end := int(from), min(int(math.Ceil(to)), maxCells)
	if first >= end {
		return 0
	}
	mass := sum(h.mass[first:end])
	mass -= (from - float64(first)) * float64(h.mass[first])
	mass -= (float64(end) - to) * float64(h.mass[end-1])
	return max(mass, 0)
}

// sum adds in four independent sums, which is faster: each addition would wait for the one
// before it.
func sum(mass []float32) float64 {
	var rows [4]float32
	for ; len(mass) >= 4; mass = mass[4:] {
		rows[0] += mass[0]
		rows[1] += mass[1]
		rows[2] += mass[2]
		rows[3] += mass[3]
	}
	for _, m := range mass {
		rows[0] += m
	}
	return float64(rows[0]+rows[1]) + float64(rows[2]+rows[3])
}

func (h *histogram) visible() float64 { return float64(h.atOnce) + priorFlows*priorAtOnce }
func (h *histogram) endless() float64 { return float64(h.beyond) + priorFlows*priorBeyond }

// changed reports that the lag has changed: the prior explains the last flows so much better
// that this would happen by chance less than once in some thousand flows. It is Page's
// cumulative sum test (CUSUM), 1954.
func (h *histogram) changed(explained, byPrior float64) bool {
	h.alarm = max(0, h.alarm+math.Log(byPrior/explained))
	return h.alarm > alarmLevel
}

// keep reduces the mass to at most so many flows.
func (h *histogram) keep(flows float64) {
	h.alarm = 0
	if h.total > flows {
		h.scale(flows / h.total)
	}
}

// scale multiplies all mass.
func (h *histogram) scale(by float64) {
	h.atOnce *= float32(by)
	h.beyond *= float32(by)
	for c := range h.mass {
		h.mass[c] *= float32(by)
	}
	h.total = h.all()
}

func (h *histogram) all() float64 { return float64(h.atOnce) + float64(h.beyond) + sum(h.mass[:]) }
