package readback

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/readback-go/readback/internal/lagplan"
)

// Learned is a [Schedule] that learns the lag of a read model from its own
// flows and reads when it pays: early enough to notice the write soon, seldom
// enough to keep to a budget of reads. The zero value and the result of
// [NewLearned] are ready at once. Share one among all flows on a read model: it
// is safe for concurrent use, and no flow waits for another. It must not be
// copied.
//
// What a schedule costs is a price for each read, plus the time from the end of
// the lag to the read that notices. For the lags learned so far the cheapest
// schedule is found exactly. Before the first flow that is one for a lag
// anywhere between a millisecond and five minutes; a few flows tell its scale,
// some hundred its shape. When the lag changes, it is learned anew. Each flow's
// times are spread a little at random, so that flows do not read in step and
// new lags are noticed, and a few flows in a hundred try an earlier first read.
//
// A read that comes too early may make a cache keep its 404. Flows that read early
// then notice their write much later than those that do not. Some dozen flows tell,
// and from then on the first read comes when it is known to be late enough. Where
// any lag down to none is likely, it can take many hundred flows: there set
// Backoff.FirstRead instead.
//
// Most of what it gains over a fixed tick or growing waits is knowing the scale
// of the lag. Its shape pays if there is a dead time, more than one mode, or a
// heavy tail. A read model that can tell how far it is needs no schedule.
//
// The optimum is that of Barlow, Hunter and Proschan, "Optimum checking
// procedures", J. SIAM 11, 1963, found by dynamic programming on a histogram of
// the lag.
type Learned struct {
	options LearnedOptions
	name    string // of the key; empty for what all keys share

	start  sync.Once
	model  *lagModel
	latest atomic.Pointer[lagKey]
}

// LearnedOptions tune a [Learned]. The zero value is ready for use. Reads and
// Price are two ways to say what a read is worth; set at most one.
type LearnedOptions struct {
	// Reads is the mean number of reads of a flow, up to the first that shows
	// the write, at least 1.25. The price of a read follows from it. A single
	// flow may need more: once it has read twenty times as often, each wait is
	// at least a quarter of the time since the write. Where writes are nearly
	// always visible at once, so many reads cannot be of use, and flows take
	// fewer. Zero means 3, or none if Price is set.
	Reads float64

	// Price is the delay that is worth one read: with 10 ms, a read is spared
	// if the write would be noticed less than 10 ms later on average. Zero
	// means that it follows from Reads.
	Price time.Duration

	// Spacing is the shortest time from the beginning of a read to that of
	// the next. Reads of a flow do not overlap in any case. Zero means as long
	// as a read takes.
	Spacing time.Duration

	// Keys bounds how many keys are kept; see [Learned.For]. Zero means 256.
	Keys int

	// Seed makes the random part of the times the same in each run, if the
	// calls come in the same order. Zero means a seed drawn at random.
	Seed uint64
}

const (
	defaultReads = 3
	leastReads   = 1.25 // below, nearly every flow must wait for the end of the tail
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
		return fmt.Errorf("readback: LearnedOptions.Reads is %v, and Price is set to %v", o.Reads, o.Price)
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
// "workspaces" or "workspaces/delete": a constant in the program. Never pass
// the id of an entity, since each id would be learned from the one write it
// sees.
//
// All keys share a parent, the receiver: it learns from all their flows, and a
// new key begins with what four of them told. Only the keys used last are kept;
// one that was dropped begins anew in the same way. For("") is the parent.
func (l *Learned) For(key string) *Learned {
	return &Learned{options: l.options, name: key, model: l.shared()}
}

// First returns when the first read is best: zero until three flows are known, a
// new key's from its parent included, and in a few later ones, to learn how often
// a write is visible at once; else what was learned. A result not before the
// deadline means that no read before the closing one pays.
func (l *Learned) First(deadline time.Duration) time.Duration { return l.lag().first(deadline) }

// Plan returns a plan of its own for one flow. It counts on from the read that
// was sent last, at whatever time that was.
func (l *Learned) Plan() Plan {
	k := l.lag()
	return &learnedPlan{key: k, table: k.fresh(), random: k.model.random.split()}
}

// Observe learns from one flow. A flow that ended before any read hit tells
// that the lag is longer than the last miss; if it never missed either, it
// tells nothing.
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

// Quantile returns the lag that a share q of the flows does not exceed, as far
// as it was learned; zero is visible at once. Q is cut to [0, 1], and the
// result to five minutes.
func (l *Learned) Quantile(q float64) time.Duration { return l.lag().quantile(min(max(q, 0), 1)) }

// MeanReads returns how many reads a flow with this deadline is planned to take
// on average, the closing one included.
func (l *Learned) MeanReads(deadline time.Duration) float64 { return l.lag().plan(deadline).Reads }

// Times returns when a flow with this deadline is planned to read next if no
// read hits: without the random part, the closing read, and the tries that a
// few flows in a hundred make.
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

// lag returns the state that the schedule stands for, and marks it as used.
func (l *Learned) lag() *lagKey {
	k := l.latest.Load()
	if k == nil || k.dropped.Load() {
		k = l.shared().key(l.name)
		l.latest.Store(k)
	}
	k.touch()
	return k
}

// shared returns what all keys share, made on first use.
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
