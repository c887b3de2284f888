package lagplan

import "slices"

// Solver finds best schedules. Its zero value is ready; it is not safe for
// concurrent use.
type Solver struct {
	cost []float64 // of the best way on from a node, less what the way to it adds
	hull []int32   // nodes that are the best next one for some node before them
}

// Solve finds the best next read after each node. Node i is a read at times[i]
// that misses with chance survival[i]; node 0 is the beginning, not a read, and
// the last node is the closing read at the deadline. Times do not fall and
// survival does not rise. A read costs price, and those after the first are at
// least spacing apart, but for the closing read. It sets next[i] to the node
// after i, and next[last] to last; all slices have the same length, at least 2.
//
// The cost of an edge is survival[i]·(price + times[j] − times[i]), so with
//
//	W[i] = S[i]·(price − t[i]) + min over j>i of (S[i]·t[j] + W[j])
//
// each node j is a line with slope t[j], asked for at S[i]. Lines come with
// falling slopes and questions with growing arguments, so the lower hull is a
// stack and the answer moves along it one way: O(n), and exact. It is the
// concave least-weight subsequence problem; see Wilber 1988, and Barlow, Hunter
// and Proschan 1963 for the schedules.
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
	}
}

// push puts a node's line on the hull, and takes off those that it beats
// everywhere.
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
