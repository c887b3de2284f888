// Package reserve has the times of a read that more than one loop uses.
package reserve

import "time"

// Least is the least reserve, and the shortest wait: timers are not more exact than that.
const Least = time.Millisecond

// ReadTimeout is the default timeout of a read.
const ReadTimeout = 10 * time.Second

// Of returns the reserve for a read, from the duration of the slowest read so far.
func Of(slowest time.Duration) time.Duration { return max(2*slowest, Least) }
