package lagplan

const (
	spanBlocks = 4
	spans      = blocks/spanBlocks + 1
	sameRead   = 1.5 // times as late may the same read of another flow be
	probePrior = 0.1 // flows, before the first read at zero
)

// probes counts flows whose first read was at zero: those whose first read hit, and the others
// by the time of their hit. Together they tell which share of the small lags is zero. Only
// flows that ended by the same time are compared, which avoids noise.
type probes struct {
	hits  float64
	later [spans]float32 // by span of the position of the read that hit
}

// count counts a flow. If it missed more than once, it is not known whether its first read was
// at zero: then probed is the probability that it was.
func (p *probes) count(i Interval, probed float64) {
	switch {
	case i.hitAtOnce():
		p.hits++
	case i.atOnce || i.beyond:
	case i.missedAtOnce():
		p.later[spanOf(i.to)]++
	default:
		p.later[spanOf(i.to)] += float32(probed)
	}
}

func spanOf(position float64) int { return int(position) / spanBlocks }

// share returns the share of the lags up to t that are zero.
func (p *probes) share(t float64) float64 {
	var later float64
	for _, n := range p.later[:spanOf(position(t*sameRead))+1] {
		later += float64(n)
	}
	return (p.hits + probePrior*priorAtOnce) / (p.hits + later + probePrior)
}

// keep reduces the counts to at most so many flows.
func (p *probes) keep(flows float64) {
	all := p.hits
	for _, n := range p.later {
		all += float64(n)
	}
	if all > flows {
		p.scale(flows / all)
	}
}

func (p *probes) scale(by float64) {
	p.hits *= by
	for i := range p.later {
		p.later[i] *= float32(by)
	}
}
