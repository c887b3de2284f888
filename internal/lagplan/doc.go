// Package lagplan holds the mathematics of learned read times: an estimate of the lag from
// flows, and the best times of reads for it.
//
// A flow reads at times x1 < x2 < … until a read shows the write, whose lag T
// is unknown. A read costs a price c, in seconds of delay that it is worth, and
// noticing the write late costs the delay itself. With S(t) = P(T > t), x0 = 0
// and the last read at the deadline, the expected cost is
//
//	J = c·E[reads] + E[overshoot] = Σ S(x_k)·(c + x_{k+1} − x_k) − E[T],
//
// a sum over the edges of a path, so dynamic programming finds the best path exactly: see
// [Solver.Solve]. S is learned from intervals, since a flow tells only that its lag is between
// the last read that missed the write and the first that hit it: see [Estimate].
//
// In this package, times are seconds since the write's answer.
package lagplan
