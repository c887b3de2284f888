package readback

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/readback-go/readback/internal/lagplan"
)

// Learned is a [Schedule] that learns the lag of a read model from its own flows. It
// reads early enough to notice the write soon, and seldom enough to keep to a budget
// of reads. The zero value and the result of [NewLearned] are ready for use. Share one
// among all flows on a read model: it is safe for concurrent use, and no flow waits
// for another. It must not be copied.
//
// The cost of a schedule is a price for each read, plus the time from the end of the
// lag to the read that notices it. For the lags learned so far, Learned finds the
// cheapest schedule exactly. Before the first flow, that is a schedule for any lag
// between a millisecond and five minutes. After a few flows it knows the scale of the
// lag, after some hundred its shape. When the lag changes, it is learned anew. The
// times of each flow are spread a little at random, so that flows do not read in step
// and new lags are noticed; a few flows in a hundred try an earlier first read; and at
// first some more read at another time, to find out what early reads do.
//
// A read that comes too early may make a cache keep its 404. Then flows that read early
// notice their write much later than others. Learned finds that out after some dozen to
// some hundred flows, and from then on reads late enough. If many lags are near zero, it can
// take a thousand flows, and if the lag is longer than the 404 is kept, it may not be found:
// set Backoff.FirstRead instead.
//
// Most of the gain over fixed or growing waits comes from knowing the scale of the lag.
// Its shape matters if there is a dead time, more than one mode, or a heavy tail. A
// read model that can report its position needs no schedule.
//
// The optimum is that of Barlow, Hunter and Proschan, "Optimum checking
// procedures", J. SIAM 11, 1963, found by dynamic programming on a histogram of
// the lag.
type Learned struct {
	options LearnedOptions
	name    string // of the key; empty for the parent of all keys

	start  sync.Once
	model  *lagModel
	latest atomic.Pointer[lagKey]
}

// LearnedOptions tune a [Learned]. The zero value is ready for use. Reads and Price are
// two ways to say how many reads a sooner result is worth; set at most one of them.
type LearnedOptions struct {
	// Reads is the mean number of reads of a flow, up to the first read that shows
	// the write, at least 1.25. The price of a read follows from it. A single flow
	// may need more reads; after twenty times as many, each wait is at least a
	// quarter of the time since the write. If writes are nearly always visible at
	// once, flows take fewer. Zero means 3; with a Price it means that the Price
	// decides.
	Reads float64

	// Price is the delay that is worth one read: with 10 ms, a read is left out if
	// the write is then noticed less than 10 ms later on average. Zero means that
	// it follows from Reads.
	Price time.Duration

	// Spacing is the shortest time from the beginning of a read to the beginning of
	// the next. Reads of a flow never overlap. Zero means as long as a read takes.
	Spacing time.Duration

	// Keys bounds how many keys are kept; see [Learned.For]. Zero means 256.
	Keys int

	// Seed makes the random part of the times the same in each run, if the
	// calls come in the same order. Zero means a seed drawn at random.
	Seed uint64
}

const (
	defaultReads = 3
	leastReads   = 1.25 // with fewer, nearly every flow would wait for the slowest lags
	mostReads    = 1e4
	defaultKeys  = 256
)

// NewLearned returns a schedule that has learned nothing yet. Options out of
// range are reported by [Learned.Validate] before anything is sent.
func NewLearned(options LearnedOptions) *Learned { return &Learned{options: options} }

// Validate returns an error if an option is negative, not a number or out of
// range, or if both Reads and Price are set. It is called before anything is
// sent.
func (l *Learned) Validate() error {
	o := l.options
	switch {
	case o.Reads != 0 && o.Price != 0:
		return fmt.Errorf("readback: LearnedOptions.Reads is %v, but Price is %v: set one of them", o.Reads, o.Price)
	case o.Reads != 0 && !(o.Reads >= leastReads && o.Reads <= mostReads):
		return fmt.Errorf("readback: LearnedOptions.Reads is not between %v and %v: %v", leastReads, mostReads, o.Reads)
	case o.Price < 0:
		return fmt.Errorf("readback: LearnedOptions.Price is negative: %v", o.Price)
	case o.Spacing < 0:
		return fmt.Errorf("readback: LearnedOptions.Spacing is negative: %v", o.Spacing)
	case o.Keys < 0:
		return fmt.Errorf("readback: LearnedOptions.Keys is negative: %d", o.Keys)
	}
	return nil
}

// For returns the schedule for one kind of write on one read model, such as
// "workspaces" or "workspaces/delete". The key is a constant in the program. Never pass
// the id of an entity: each id would learn only from its own write.
//
// The receiver is the parent of all keys. It learns from all their flows, and a new key
// begins with the weight of four flows of the parent. Only the keys that were used last
// are kept, see [LearnedOptions]; a key that was dropped begins anew. For("") is the
// parent.
func (l *Learned) For(key string) *Learned {
	return &Learned{options: l.options, name: key, model: l.shared()}
}

// First returns when the first read of a flow should begin. It is zero until three flows
// are known, for a new key including those of its parent, and for a few later flows, to
// learn how often a write is visible at once. Otherwise it is what was learned, or for
// some flows another time, to learn what early reads do. If the result is not before the
// deadline, only the closing read is worth its price.
func (l *Learned) First(deadline time.Duration) time.Duration { return l.lag().first(deadline) }

// Plan returns the plan of one flow. Each of its times depends on when the last read
// really began.
func (l *Learned) Plan() Plan {
	k := l.lag()
	return &learnedPlan{key: k, table: k.fresh(), random: k.model.random.split()}
}

// Observe learns from one flow. If no read showed the write, the lag is longer than the
// time of the last read that missed it. A flow without such a read either teaches
// nothing.
func (l *Learned) Observe(lag Lag) {
	k := l.lag()
	interval, told := lagplan.NewInterval(lag.After.Seconds(), lag.By.Seconds())
	if !told {
		return
	}
	probed := k.probed()
	k.observe(interval, probed, lag)
	if parent := k.model.parent; k != parent {
		parent.follow(interval, probed, lag, k)
	}
}

// Quantile returns the lag that a share q of the flows does not exceed, as learned so far;
// zero means that the write was visible at once. Q outside [0, 1] counts as 0 or 1. The
// result is at most five minutes.
func (l *Learned) Quantile(q float64) time.Duration { return l.lag().quantile(min(max(q, 0), 1)) }

// MeanReads returns the planned mean number of reads of a flow with this deadline,
// including the closing read.
func (l *Learned) MeanReads(deadline time.Duration) float64 { return l.lag().plan(deadline).Reads }

// Times returns the planned times of the reads of a flow with this deadline, if no read
// shows the write: without the random spread, without the closing read, and without the
// other first reads that some flows try.
func (l *Learned) Times(deadline time.Duration) []time.Duration {
	table := l.lag().plan(deadline)
	var times []time.Duration
	at, _ := table.First()
	if table.careful {
		at = table.best
	}
	for ; at < deadline.Seconds(); at, _ = table.After(at) {
		times = append(times, seconds(at))
	}
	return times
}

// lag returns the state of the schedule's key, and marks it as used.
func (l *Learned) lag() *lagKey {
	k := l.latest.Load()
	if k == nil || k.dropped.Load() {
		k = l.shared().key(l.name)
		l.latest.Store(k)
	}
	k.touch()
	return k
}

// shared returns the model that all keys share. It is made on first use.
func (l *Learned) shared() *lagModel {
	l.start.Do(func() {
		if l.model == nil {
			l.model = newLagModel(l.options)
		}
	})
	return l.model
}

func (o LearnedOptions) withDefaults() LearnedOptions {
	if o.Reads == 0 && o.Price == 0 {
		o.Reads = defaultReads
	}
	if o.Keys == 0 {
		o.Keys = defaultKeys
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	return o
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
