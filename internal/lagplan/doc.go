// Package lagplan holds the mathematics of learned read times: what flows have
// told of a lag, and the reads that are best for it.
//
// A flow reads at times x1 < x2 < … until a read shows the write, whose lag T
// is unknown. A read costs a price c, in seconds of delay that it is worth, and
// noticing the write late costs the delay itself. With S(t) = P(T > t), x0 = 0
// and the last read at the deadline, the expected cost is
//
//	J = c·E[reads] + E[overshoot] = Σ S(x_k)·(c + x_{k+1} − x_k) − E[T],
//
// a sum over the edges of a path, so the best path is found exactly by dynamic
// programming: see [Solver.Solve]. S is learned from intervals, since a flow
// only tells that its lag lies between the last read that missed and the first
// that hit: see [Estimate].
//
// Within the package times are seconds since the write's answer.
package lagplan
