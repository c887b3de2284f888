// Package peer plays pollers against lags, each by its own code. A poller with a loop runs
// it on the clock of a synctest bubble; for a poller that only computes waits, they are
// added up.
//
// A read takes a round trip and looks at the replica half way. The flows of one poller run
// one after another, so that a poller can learn from them.
package peer

import (
	"strconv"
	"time"
)

// How says how a setting is played.
type How string

const (
	// Bubble: its own loop plays every flow, on a bubble's clock.
	Bubble How = "bubble"
	// Recorded: its own loop is run once in a bubble. It draws nothing at random and
	// learns nothing, so it always reads at the same times.
	Recorded How = "recorded"
	// Waits: its own waits, each from the end of a read to the next, are added up.
	// Tests compare the result with its loop, if it has one.
	Waits How = "waits"
	// Rule: a few lines of ours stand for a rule that no library ships.
	Rule How = "rule"
)

// A Setting is a poller and one choice of its knobs.
type Setting struct {
	Peer    string
	Knobs   string
	Default bool // what one gets, or is shown in its README, without tuning
	How     How
	Draws   bool // from a source that all pollers of the process share

	// Own is the poller's own loop, which calls read until it returns true;
	// nil if it has none.
	Own func(read func() bool)
	// fresh returns the waits of one flow.
	fresh func() func() time.Duration
	// player makes what plays the flows, if neither of the above does.
	player func(trip time.Duration) Player
	// decides means that the poller chooses the time of its first read, so that there
	// is no read at zero to leave out.
	decides bool
}

// ReadsAtZero reports whether the first read of each flow is at zero, whatever
// the lag.
func (s Setting) ReadsAtZero() bool { return !s.decides }

// Settings returns every poller, at its defaults and over a sweep of its knobs.
// Those that draw or learn do so from the seed.
func Settings(seed uint64) []Setting {
	var all []Setting
	for _, some := range [][]Setting{
		Learned(seed), Backoff(), cenkalti4(), cenkalti5(), kubernetes(), terraform(), gax(), smithy(),
		failsafeGo(), avast(), sethvargo(), gomegaEventually(), targetPolls(), Ticks(),
	} {
		all = append(all, some...)
	}
	return all
}

// firsts are the first waits of the sweeps.
var firsts = []time.Duration{
	5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2 * time.Second,
}

var growths = []float64{1, 1.5, 2, 3}

func times(growth float64) string { return "×" + strconv.FormatFloat(growth, 'g', -1, 64) }

// WaitsOf is a rule that no library ships. Fresh returns the waits of one flow, each from the
// end of a read to the next.
func WaitsOf(name, knobs string, fresh func() func() time.Duration) Setting {
	return Setting{Peer: name, Knobs: knobs, How: Waits, fresh: fresh}
}
