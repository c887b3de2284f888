package lagplan

import "math"

// spread says how a histogram spreads the mass of a flow.
type spread struct {
	blocks int // size of the groups, see histogram; zero means eighths of a block

	// A few flows say little about the width of the lag, and the plan should not follow
	// each of them. So a part of each flow, and most of the first ones, goes to lags up
	// to this factor longer or shorter than the flow allows.
	halo float64
	more float64 // the halo in blocks
	part float64
}

func newSpread(blocks int, halo, part float64) spread {
	return spread{blocks, halo, math.Log(halo) / logGrowth, part}
}

const (
	haloFlows = 80   // after which the halo's part has halved
	haloLeast = 0.05 // of a flow; less is none
	haloFirst = 10   // flows; after them an interval from zero has none
)

// halo returns the part of a flow that is spread beyond its interval. An interval from zero has
// no room on the left; a halo only on the right would move the first read to later times in
// the long run, so it ends soon.
func (h *histogram) halo(s *span, as spread) float64 {
	part := as.part / (1 + h.total/haloFlows)
	if part < haloLeast || s.Interval.from == 0 && h.total >= haloFirst {
		return 0
	}
	return part
}

// portion is a part of a flow's mass for the cells of a span; each is for a unit of mass that
// they have.
type portion struct {
	*span
	each float32
}

// scratch is working memory, by cell.
type scratch struct{ mass, root [maxCells]float32 }

// add spreads the mass of one flow over its interval; visible is the share that is visible at
// once. The groups begin at other blocks in each turn, so that their edges do not show.
func (h *histogram) add(s *span, visible float64, as spread, turn int) {
	part := h.halo(s, as)
	if s.atOnce {
		h.atOnce += float32(visible)
	}
	h.total++
	whole := h.within(s)
	switch {
	case visible == 1:
	case s.beyond:
		// Lags beyond all reads are not shaped by the plan, so there is no noise that
		// it could confirm.
		each := (1 - visible) / (whole + h.endless())
		h.beyond += float32(each * h.endless())
		h.addAlike([]portion{{s, float32(each)}}, 0, blocks)
	case part == 0:
		h.addMelted([]portion{{s, float32((1 - visible) / whole)}}, as.blocks, turn)
	default:
		halo := s.widened(as.halo, as.more).on(s.grid)
		around := whole + h.between(halo.from, s.from) + h.between(s.to, halo.to) +
			priorFlows*(halo.priorWithin()-s.priorWithin())
		h.addMelted([]portion{
			{&halo, float32(part * (1 - visible) / around)},
			{s, float32((1 - part) * (1 - visible) / whole)},
		}, as.blocks, turn)
	}
}

// addMelted spreads portions, the widest of them first, group by group.
func (h *histogram) addMelted(portions []portion, group, turn int) {
	var work scratch
	wide := portions[0]
	for b := wide.firstBlock(); b < wide.endBlock(); {
		end := b + 1
		if group > 0 {
			end = min(((b+turn)/group+1)*group-turn, blocks)
			h.melt(portions, b, wide.grid.first(b), wide.grid.first(end), &work)
		} else if few := wide.grid.cells(b) / 8; few < 2 {
			h.addAlike(portions, b, end)
		} else {
			for c := wide.grid.first(b); c < wide.grid.first(end); c += few {
				h.melt(portions, b, c, c+few, &work)
			}
		}
		b = end
	}
}

// addAlike spreads over the cells of some blocks by their density.
func (h *histogram) addAlike(portions []portion, from, end int) {
	var before [1 << mostLevel]float32
	for b := max(from, portions[0].firstBlock()); b < min(end, portions[0].endBlock()); b++ {
		first, next := portions[0].grid.first(b), portions[0].grid.first(b+1)
		below, _ := portions[0].grid.cell(b)
		copy(before[:], h.mass[first:next])
		for _, p := range portions {
			for c := max(first, p.first()); c < min(next, p.end()); c++ {
				h.mass[c] += p.each * float32(p.share(c)) * (before[c-first] + float32(below))
			}
		}
	}
}

// melt spreads over some cells, the first of them in block b, by the square root
// of their density. The first portion's interval is the widest.
func (h *histogram) melt(portions []portion, b, from, end int, work *scratch) {
	from, end = max(from, portions[0].first()), min(end, portions[0].end())
	for c := from; c < end; b++ {
		below, width := portions[0].grid.cell(b)
		prior, wide := float32(below), float32(math.Sqrt(width))
		for next := min(portions[0].grid.first(b+1), end); c < next; c++ {
			mass := h.mass[c] + prior
			work.mass[c] = mass
			work.root[c] = wide * float32(math.Sqrt(float64(mass)))
		}
	}
	for _, p := range portions {
		h.meltInto(p, max(from, p.first()), min(end, p.end()), work)
	}
}

// meltInto adds to the cells from first to before end what they get of a portion.
func (h *histogram) meltInto(p portion, first, end int, work *scratch) {
	if first >= end {
		return
	}
	last := end - 1
	atFirst, atLast := float32(p.share(first)), float32(p.share(last))
	mass, roots := atFirst*work.mass[first], atFirst*work.root[first]
	if last > first {
		mass += atLast * work.mass[last]
		roots += atLast * work.root[last]
		for c := first + 1; c < last; c++ {
			mass += work.mass[c]
			roots += work.root[c]
		}
	}
	if roots == 0 {
		return
	}
	by := p.each * mass / roots
	h.mass[first] += by * atFirst * work.root[first]
	if last > first {
		h.mass[last] += by * atLast * work.root[last]
		for c := first + 1; c < last; c++ {
			h.mass[c] += by * work.root[c]
		}
	}
}
