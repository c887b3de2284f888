// Package reserve holds the times of one read that more than one loop keeps to.
package reserve

import "time"

// Least is the least reserve, and the least wait: timers are not more exact than
// that.
const Least = time.Millisecond

// ReadTimeout is how long a read may take if nothing else is said.
const ReadTimeout = 10 * time.Second

// Of returns what is kept for a read where the slowest one took so long.
func Of(slowest time.Duration) time.Duration { return max(2*slowest, Least) }
