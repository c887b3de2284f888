package lagplan

import "sync"

// pastHorizon is the growth of the times beyond the grid, where nothing is
// learned.
const pastHorizon = 1.05

// Table holds the best next read after a read at any time. It does not change
// and is safe for concurrent use.
type Table struct {
	Reads    float64 // expected mean reads of a flow
	deadline float64
	times    []float32 // of the nodes: 0 the beginning, then a read at each edge
	next     []uint16  // by node, the deadline being the last
}

// bench is the working memory to make a table. It is reused.
type bench struct {
	solver Solver
	times  [maxNodes]float64
	missed [maxNodes]float64
}

const maxNodes = Edges + 2

var benches = sync.Pool{New: func() any { return &bench{solver: Solver{Even: true}} }}

// NewTable plans the reads of flows that end at the deadline. A read costs price; reads are at
// least spacing apart. With atOnce, the first read is at zero.
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

// Suits reports whether the table can be used for flows that end at the deadline: a difference
// of two per cent does not matter.
func (t *Table) Suits(deadline float64) bool {
	const near = 0.02
	return deadline >= t.deadline*(1-near) && deadline <= t.deadline*(1+near)
}

// First returns the best time of the first read, and about how long after it the next one is.
func (t *Table) First() (at, room float64) {
	to := int(t.next[0])
	return t.time(to), t.gap(to)
}

// After returns the best time of the read after one at s, and about how long after it the next
// one is. A time at or after the deadline means no read.
//
// A read at zero that was not planned is a probe: the flow goes on as if there had been none,
// and so tells which share of the lags up to the first planned read is zero.
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

// inside returns the next read after s, of those that divide the edge from a node to the next.
func (t *Table) inside(node int, s float64) (at, room float64) {
	gap, left := t.gap(node), t.time(node+1)-s
	if left < gap/2 {
		return t.After(t.time(node + 1))
	}
	reads := max(float64(int(left/gap+0.5)), 1)
	return s + left/reads, gap
}

// leg returns the next read after one at s, and its room. S is between node and the next node.
func (t *Table) leg(node int, s float64) (at, room float64) {
	to := int(t.next[node])
	at = t.time(to)
	// If the two nodes lead to neighbouring nodes, interpolate. If not, some likely lags
	// are in between, which only the next read of the earlier node does not overlook.
	if to != t.last() {
		if other := int(t.next[node+1]); other > to && other <= to+2 && other != t.last() {
			on := (s - t.time(node)) / (t.time(node+1) - t.time(node))
			at += min(max(on, 0), 1) * (t.time(other) - at)
		}
	}
	// The room is the smaller gap of that node and the node before it. At the end of
	// dense lags, the gap of the latter is small, since a read there must not be early.
	return at, min(t.gap(to), t.gap(max(to-1, 0)))
}

// gap returns the time from a node to the read after it.
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
