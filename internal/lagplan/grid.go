package lagplan

import "math"

// The lags are divided into blocks: equally wide below the bend, and a twelfth of the lag wide
// above it, up to five minutes. A block is divided into cells: one at first, and more where
// the lag is likely; see [grid]. Two kinds of lag are outside of all blocks: visible at once,
// and beyond the end.
const (
	blocks   = 129
	maxCells = 320 // of all blocks

	straight = 12              // blocks below the bend
	bend     = 0.024           // seconds
	growth   = 1 + 1./straight // ratio of edges above the bend, where the widths meet

	keepFrom  = 0.75   // a block keeps its cells if it needs at least this share of them
	leastCell = 0.0002 // seconds; reads cannot be timed much more exactly
	mostLevel = 7      // a block has at most two to this power of cells
)

// The prior has the weight of half a flow: a fifth of it visible at once, a fiftieth beyond the
// horizon, and the rest spread evenly over the logarithm of the lag, down to a millisecond. It
// is used before the first flow, and for the tail.
const (
	priorFlows  = 0.5
	priorAtOnce = 0.20
	priorBeyond = 0.02
	priorScale  = 0.001 // seconds; below it, the same for each millisecond
)

var (
	logGrowth = math.Log(growth)
	edges     = gridEdges() // of the blocks
	widths    = gridWidths()
	prior     = gridPrior() // of the blocks
	priorSum  = gridPriorSum()
)

// Horizon is the end of the grid.
var Horizon = edges[blocks]

func gridEdges() (e [blocks + 1]float64) {
	for i := range e {
		if i <= straight {
			e[i] = bend / straight * float64(i)
		} else {
			e[i] = bend * math.Pow(growth, float64(i-straight))
		}
	}
	return e
}

func gridWidths() (w [blocks]float64) {
	for b := range w {
		w[b] = edges[b+1] - edges[b]
	}
	return w
}

func gridPrior() (p [blocks]float64) {
	whole := math.Log1p(edges[blocks] / priorScale)
	for b := range p {
		factor := math.Log((edges[b+1] + priorScale) / (edges[b] + priorScale))
		p[b] = (1 - priorAtOnce - priorBeyond) * factor / whole
	}
	return p
}

func gridPriorSum() (sum [blocks + 1]float64) {
	for b := range blocks {
		sum[b+1] = sum[b] + prior[b]
	}
	return sum
}

// priorUpTo returns the share of the prior from the beginning of the grid to a
// position.
func priorUpTo(position float64) float64 {
	b := min(int(position), blocks-1)
	return priorSum[b] + (position-float64(b))*prior[b]
}

// position returns the position of t: the number of its block, and as a fraction the position
// within the block.
func position(t float64) float64 {
	switch {
	case t <= 0:
		return 0
	case t >= Horizon:
		return blocks
	case t < bend:
		return t * (straight / bend)
	}
	b := min(straight+int(math.Log(t/bend)/logGrowth), blocks-1)
	switch { // the logarithm rounds
	case t < edges[b]:
		b--
	case t >= edges[b+1]:
		b++
	}
	return float64(b) + (t-edges[b])/widths[b]
}

// grid says into how many cells each block is divided. The number is always a power of two, so
// that dividing and joining cells loses as little as possible. The zero grid has one cell for
// each block.
type grid struct {
	levels [blocks]uint8      // logarithms of the numbers of cells
	extra  [blocks + 1]uint16 // cells before a block, above one for each block
}

// first returns the index of a block's first cell, and of the end for blocks.
func (g *grid) first(block int) int { return block + int(g.extra[block]) }

// cell returns the prior's mass and the width of each cell of a block.
func (g *grid) cell(block int) (below, width float64) {
	n := float64(g.cells(block))
	return priorFlows * prior[block] / n, widths[block] / n
}

// end returns how many cells there are in all.
func (g *grid) end() int { return g.first(blocks) }

// cells returns how many cells a block has.
func (g *grid) cells(block int) int { return 1 << g.levels[block] }

// onEdge is the distance from an edge, in cells, within which a place counts as on the edge:
// planned times are rounded.
const onEdge = 1e-3

// place returns a position in cells: the number of the cell, and as a fraction the position
// within it.
func (g *grid) place(position float64) float64 {
	if position >= blocks {
		return float64(g.end())
	}
	b := int(position)
	place := float64(g.first(b)) + (position-float64(b))*float64(g.cells(b))
	if edge := math.Round(place); math.Abs(place-edge) < onEdge {
		return edge
	}
	return place
}

// divide returns the best grid for a distribution that gives these weights to the blocks. A lag
// is noticed late by about the width of its cell, so the loss is the sum of weight × width / n
// over the blocks, n being the cells of a block. It is least if n is proportional to
// √(weight × width). A block changes only if n is off by a good part, so that the grid becomes
// stable.
func (g *grid) divide(weights *[blocks]float64) (next grid, changed bool) {
	const spare = (maxCells - blocks) * keepFrom
	var roots [blocks]float64
	var sum float64
	for b, w := range weights {
		roots[b] = math.Sqrt(w * widths[b])
		sum += roots[b]
	}
	for b := range roots {
		want := min(1+spare*roots[b]/sum, widths[b]/leastCell)
		level := g.levels[b]
		for level < mostLevel && want >= float64(int(2)<<level) {
			level++
		}
		for level > 0 && want < keepFrom*float64(int(1)<<level) {
			level--
		}
		changed = changed || level != g.levels[b]
		next.levels[b] = level
		next.extra[b+1] = next.extra[b] + uint16(1)<<level - 1
	}
	return next, changed
}

// move converts masses of cells from one grid to another.
func (g *grid) move(to *grid, mass *[maxCells]float32) {
	var moved [maxCells]float32
	for b := range blocks {
		from, n := g.first(b), g.cells(b)
		at, m := to.first(b), to.cells(b)
		if n < m {
			for c := range m {
				moved[at+c] = mass[from+c*n/m] * float32(n) / float32(m)
			}
			continue
		}
		for c := range n {
			moved[at+c*m/n] += mass[from+c]
		}
	}
	*mass = moved
}
