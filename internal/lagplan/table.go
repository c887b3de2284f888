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
	cell     int      // of the deadline
	next     []uint16 // by node: 0 the beginning, k+1 a read at edge k, then the deadline
}

// bench is what making a table takes and giving it back spares the next.
type bench struct {
	solver   Solver
	survival [Cells + 1]float64
	times    [places + 1]float64
	missed   [places + 1]float64
}

var benches = sync.Pool{New: func() any { return new(bench) }}

// NewTable plans the reads of flows that end at the deadline. A read costs
// price; reads are at least spacing apart. The first is at zero if so asked.
func NewTable(e *Estimate, deadline, price, spacing float64, atOnce bool) Table {
	b := benches.Get().(*bench)
	defer benches.Put(b)
	e.Survival(&b.survival)

	b.times[0], b.missed[0] = 0, 1
	n := 1
	for k := 0; k <= Cells && (k == 0 || edges[k] < deadline); k++ {
		b.times[n], b.missed[n] = edges[k], b.survival[k]
		n++
	}
	b.times[n], b.missed[n] = deadline, 0
	n++

	t := Table{deadline: deadline, cell: int(position(deadline)), next: make([]uint16, n)}
	b.solver.Solve(b.times[:n], b.missed[:n], price, spacing, t.next)
	if atOnce {
		t.next[0] = 1
	}
	for i := 0; i != t.last(); i = int(t.next[i]) {
		t.Reads += b.missed[i]
	}
	return t
}

// Suits reports whether the table holds for flows that end at the deadline, to
// within a cell, which makes no difference to a plan.
func (t *Table) Suits(deadline float64) bool { return t.cell == int(position(deadline)) }

// First returns when the first read is best, and how long from about there the
// next one is.
func (t *Table) First() (at, room float64) { return t.leg(0, 0) }

// After returns when the next read is best after one at s, and how long from
// about there the one after it is. A time not before the deadline means none.
//
// A read at zero that was not planned is a probe: the flow goes on as if it had
// not been, and so tells how many of the lags up to the first planned read are
// none.
func (t *Table) After(s float64) (at, room float64) {
	place := position(s)
	if place <= 1 && t.time(int(t.next[0])) > s {
		return t.First()
	}
	node := min(int(place)+1, t.last()-1)
	at, room = t.leg(node, min(place+1-float64(node), 1))
	if at == t.deadline && t.deadline > Horizon {
		at = max(s, Horizon) * pastHorizon
		room = at * (pastHorizon - 1)
	}
	return at, room
}

// leg returns the next read after a place between two nodes, so far on from the
// first of them, and the room that it has.
func (t *Table) leg(node int, on float64) (at, room float64) {
	to := int(t.next[node])
	at = t.time(to)
	// Between nodes that lead to neighbours, so does the way on. Where they do
	// not, something lies between that a read must not overlook, and the
	// earlier node knows of it.
	if node > 0 && to != t.last() {
		if other := int(t.next[node+1]); other > to && other <= to+2 && other != t.last() {
			at += on * (t.time(other) - at)
		}
	}
	return at, t.room(to)
}

// room returns how far the reads from a node are apart, going by the node and by
// the one before. At the end of what is dense the latter has a read follow
// closely, as a read there must not come early.
func (t *Table) room(node int) float64 {
	before := max(node-1, 0)
	return min(t.time(int(t.next[node]))-t.time(node), t.time(int(t.next[before]))-t.time(before))
}

func (t *Table) last() int { return len(t.next) - 1 }

func (t *Table) time(node int) float64 {
	switch node {
	case 0:
		return 0
	case t.last():
		return t.deadline
	}
	return edges[node-1]
}
