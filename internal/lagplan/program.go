package lagplan

import (
	"math"
	"slices"
)

// Solver finds best schedules. Its zero value is ready; it is not safe for
// concurrent use.
type Solver struct {
	// Even says that between two nodes, the probability of being visible grows evenly.
	// Then more reads between the two may be worth their price.
	Even bool

	cost []float64 // W of each node, see Solve
	hull []int32   // nodes that are the best next node for some earlier node
}

// Solve finds the best next read after each node. Node i is a read at times[i]
// that misses with chance survival[i]; node 0 is the beginning, not a read, and
// the last node is the closing read at the deadline. Times do not fall and
// survival does not rise. A read costs price, and those after the first are at
// least spacing apart, but for the closing read. It sets next[i] to the node
// after i, and next[last] to last; all slices have the same length, at least 2.
// With Even it may set next[i] to the sum of [within] and a number of reads, the
// last of them at node i+1 and the others evenly before it.
//
// The cost of an edge is survival[i]·(price + times[j] − times[i]), so with
//
//	W[i] = S[i]·(price − t[i]) + min over j>i of (S[i]·t[j] + W[j])
//
// each node j is a line with slope t[j], evaluated at S[i]. Lines are added with falling
// slopes, and evaluated at growing arguments, so the lower hull is a stack, and the best line
// moves along it in one direction: O(n), and exact. This is the concave least-weight
// subsequence problem, see Wilber 1988; for the schedules see Barlow, Hunter and Proschan
// 1963.
func (s *Solver) Solve(times, survival []float64, price, spacing float64, next []uint16) {
	last := len(times) - 1
	s.cost = slices.Grow(s.cost[:0], last+1)[:last+1]
	s.hull = append(s.hull[:0], int32(last))
	s.cost[last] = 0
	next[last] = uint16(last)

	best := 0           // index in hull of the best next node
	waiting := last - 1 // latest node not yet on the hull
	for i := last - 1; i >= 0; i-- {
		t, missed := times[i], survival[i]
		for waiting > i && (i == 0 || times[waiting] >= t+spacing) {
			s.push(times, waiting)
			best = min(best, len(s.hull)-1)
			waiting--
		}
		way := func(k int) float64 { return missed*times[s.hull[k]] + s.cost[s.hull[k]] }
		for best+1 < len(s.hull) && way(best+1) <= way(best) {
			best++
		}
		next[i] = uint16(s.hull[best])
		s.cost[i] = missed*(price-t) + way(best)
		if s.Even && i > 0 && i+1 < last {
			s.divide(times, survival, price, spacing, i, next)
		}
	}
}

// within marks an edge to the next node that is divided by more reads.
const within = 1 << 15

// divide divides the edge from node i to the next node by the best number of reads, if that
// costs less. With n reads on an edge of width w, during which a mass m becomes visible, the
// cost is price·n·(S−m/2) + w·m/2n, plus terms that do not depend on n.
func (s *Solver) divide(times, survival []float64, price, spacing float64, i int, next []uint16) {
	width, mass := times[i+1]-times[i], survival[i]-survival[i+1]
	half := survival[i] - mass/2
	if mass*width <= 4*price*half { // fewer than 1.4 reads
		return
	}
	most := float64(within - 1)
	if spacing > 0 {
		most = min(most, width/spacing)
	}
	reads := math.Floor(min(math.Sqrt(mass*width/(2*price*half))+0.5, most))
	if reads < 2 {
		return
	}
	cost := (price+width/reads)*readsWithin(reads, survival[i], mass) + s.cost[i+1]
	if cost < s.cost[i] {
		s.cost[i] = cost
		next[i] = within + uint16(reads)
	}
}

// readsWithin returns the mean number of reads on a divided edge: missed is the chance that a
// flow is not over at its beginning, and mass what becomes visible on it.
func readsWithin(reads, missed, mass float64) float64 { return reads*missed - mass*(reads-1)/2 }

// Reads returns the mean reads of a flow that goes by the program.
func Reads(survival []float64, next []uint16) (reads float64) {
	for i := 0; i != len(next)-1; {
		if n := next[i]; n >= within {
			reads += readsWithin(float64(n-within), survival[i], survival[i]-survival[i+1])
			i++
			continue
		}
		reads += survival[i]
		i = int(next[i])
	}
	return reads
}

// push adds a node's line to the hull, and removes the lines that are nowhere the lowest any
// more.
func (s *Solver) push(times []float64, node int) {
	h := s.hull
	for len(h) >= 2 {
		a, b := h[len(h)-2], h[len(h)-1]
		if (s.cost[node]-s.cost[a])*(times[a]-times[b]) > (s.cost[b]-s.cost[a])*(times[a]-times[node]) {
			break
		}
		h = h[:len(h)-1]
	}
	s.hull = append(h, int32(node))
}
