package lagplan

import "sync"

// pastHorizon is the growth of the times beyond the grid, where nothing is
// learned.
const pastHorizon = 1.05

// Table holds the best next read after a read at any time. It does not change
// and is safe for concurrent use.
type Table struct {
	Reads    float64 // mean reads of a flow, by what was known
	deadline float64
	times    []float32 // of the nodes: 0 the beginning, then a read at each edge
	next     []uint16  // by node, the deadline being the last
}

// bench is what making a table takes and giving it back spares the next.
type bench struct {
	solver Solver
	times  [maxNodes]float64
	missed [maxNodes]float64
}

const maxNodes = Edges + 2

var benches = sync.Pool{New: func() any { return &bench{solver: Solver{Even: true}} }}

// NewTable plans the reads of flows that end at the deadline. A read costs
// price; reads are at least spacing apart. The first is at zero if so asked.
func NewTable(e *Estimate, deadline, price, spacing float64, atOnce bool) Table {
	b := benches.Get().(*bench)
	defer benches.Put(b)
	edges := e.Survival((*[Edges]float64)(b.times[1:]), (*[Edges]float64)(b.missed[1:]))

	b.times[0], b.missed[0] = 0, 1
	last := 2
	for last <= edges && b.times[last] < deadline {
		last++
	}
	b.times[last], b.missed[last] = deadline, 0

	t := Table{deadline: deadline, times: make([]float32, last), next: make([]uint16, last+1)}
	for i := range t.times {
		t.times[i] = float32(b.times[i])
	}
	b.solver.Solve(b.times[:last+1], b.missed[:last+1], price, spacing, t.next)
	if atOnce {
		t.next[0] = 1
	}
	t.Reads = Reads(b.missed[:last+1], t.next)
	return t
}

// Suits reports whether the table holds for flows that end at the deadline, to
// within some hundredths, which makes no difference to a plan.
func (t *Table) Suits(deadline float64) bool {
	const near = 0.02
	return deadline >= t.deadline*(1-near) && deadline <= t.deadline*(1+near)
}

// First returns when the first read is best, and how long from about there the
// next one is.
func (t *Table) First() (at, room float64) {
	to := int(t.next[0])
	return t.time(to), t.gap(to)
}

// After returns when the next read is best after one at s, and how long from
// about there the one after it is. A time not before the deadline means none.
//
// A read at zero that was not planned is a probe: the flow goes on as if it had
// not been, and so tells how many of the lags up to the first planned read are
// none.
func (t *Table) After(s float64) (at, room float64) {
	if s <= sameInstant && t.time(int(t.next[0])) > s {
		return t.First()
	}
	node := t.node(s)
	if reads := int(t.next[node]); reads >= within {
		return t.inside(node, s)
	}
	at, room = t.leg(node, s)
	if at == t.deadline && t.deadline > Horizon {
		at = max(s, Horizon) * pastHorizon
		room = at * (pastHorizon - 1)
	}
	return at, room
}

// node returns the last node not after s, but for rounding.
func (t *Table) node(s float64) int {
	const slack = 1e-7
	at := float32(s + s*slack)
	low, high := 1, len(t.times)
	for high-low > 1 {
		if middle := (low + high) / 2; t.times[middle] <= at {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// inside returns the next of the reads that divide the way from a node to the
// one after it, going on from s.
func (t *Table) inside(node int, s float64) (at, room float64) {
	gap, left := t.gap(node), t.time(node+1)-s
	if left < gap/2 {
		return t.After(t.time(node + 1))
	}
	reads := max(float64(int(left/gap+0.5)), 1)
	return s + left/reads, gap
}

// leg returns the next read after one at s, which lies between a node and the
// one after it, and the room that it has.
func (t *Table) leg(node int, s float64) (at, room float64) {
	to := int(t.next[node])
	at = t.time(to)
	// Between nodes that lead to neighbours, so does the way on. Where they do
	// not, something lies between that a read must not overlook, and the
	// earlier node knows of it.
	if to != t.last() {
		if other := int(t.next[node+1]); other > to && other <= to+2 && other != t.last() {
			on := (s - t.time(node)) / (t.time(node+1) - t.time(node))
			at += min(max(on, 0), 1) * (t.time(other) - at)
		}
	}
	// How far the reads from there are apart goes by that node and by the one
	// before. At the end of what is dense the latter has a read follow closely,
	// as a read there must not come early.
	return at, min(t.gap(to), t.gap(max(to-1, 0)))
}

// gap returns how long from a node the next read is.
func (t *Table) gap(node int) float64 {
	to := int(t.next[node])
	if to >= within {
		return (t.time(node+1) - t.time(node)) / float64(to-within)
	}
	return t.time(to) - t.time(node)
}

func (t *Table) last() int { return len(t.next) - 1 }

func (t *Table) time(node int) float64 {
	if node == t.last() {
		return t.deadline
	}
	return float64(t.times[node])
}
