package lagplan

import "math"

// The grid divides the lags into cells that suit both ends: half a millisecond
// wide below 27 ms, since a read cannot be placed more finely, and a fifty-fourth
// of the lag above, up to five minutes. Two kinds of lag stand outside: visible
// at once, and beyond the end.
const (
	Cells = 562

	atOnce = Cells     // index of the lags that are none
	beyond = Cells + 1 // index of the lags above the horizon
	places = Cells + 2

	narrow   = 0.0005 // seconds, width of a cell below the bend
	straight = 54     // cells below the bend
	bend     = narrow * straight
	growth   = 1 + 1./straight // ratio of edges above the bend, where the widths meet
)

// The prior is one flow whose lag may be anything: a fifth of it visible at
// once, a fiftieth beyond the horizon, and the rest spread alike over each factor
// of lag down to a millisecond. It serves as the cold start and as the tail.
const (
	priorAtOnce = 0.20
	priorBeyond = 0.02
	priorScale  = 0.001 // seconds; below it, the same for each millisecond
)

var (
	logGrowth = math.Log(growth)
	edges     = gridEdges()
	prior     = gridPrior()
	priorSum  = gridPriorSum()
)

// Horizon is the end of the grid.
var Horizon = edges[Cells]

func gridEdges() (e [Cells + 1]float64) {
	for i := range e {
		if i <= straight {
			e[i] = narrow * float64(i)
		} else {
			e[i] = bend * math.Pow(growth, float64(i-straight))
		}
	}
	return e
}

func gridPrior() (p [places]float64) {
	whole := math.Log1p(edges[Cells] / priorScale)
	for i := range Cells {
		factor := math.Log((edges[i+1] + priorScale) / (edges[i] + priorScale))
		p[i] = (1 - priorAtOnce - priorBeyond) * factor / whole
	}
	p[atOnce], p[beyond] = priorAtOnce, priorBeyond
	return p
}

func gridPriorSum() (sum [Cells + 1]float64) {
	for c := range Cells {
		sum[c+1] = sum[c] + prior[c]
	}
	return sum
}

// priorUpTo returns the prior's mass from the beginning of the grid to a
// position.
func priorUpTo(position float64) float64 {
	cell := min(int(position), Cells-1)
	return priorSum[cell] + (position-float64(cell))*prior[cell]
}

// onEdge is how near to an edge, in cells, a position is taken to be on it, so
// that a time that was rounded to nanoseconds is still the one that was planned.
const onEdge = 1e-5

// position returns where t lies on the grid: the cell and, as its fraction, the
// place in the cell.
func position(t float64) float64 {
	var place float64
	switch {
	case t <= 0:
		return 0
	case t >= Horizon:
		return Cells
	case t < bend:
		place = t / narrow
	default:
		place = straight + math.Log(t/bend)/logGrowth
	}
	if edge := math.Round(place); math.Abs(place-edge) < onEdge {
		return edge
	}
	return place
}
