package readback

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/readback-go/readback/internal/lagplan"
)

const (
	certainProbes = 3    // the first flows of a key read at zero
	probeRate     = 0.02 // share of later flows that read at zero
	doubtRate     = 0.05 // added to probeRate, in proportion to the doubt whether writes are visible at once
	tryRate       = 0.01 // share of flows whose first read after zero comes earlier than planned
	carefulJitter = 0.1  // spread of a first read that must not be early

	borrowed    = 4  // weight of the parent, in flows, that a new key begins with
	eagerFlows  = 32 // up to so many flows, the plan is made anew after each
	lazyFlows   = 8  // later it is made anew after so many flows
	patience    = 20 // waits grow after LearnedOptions.Reads times this
	leastGrowth = 1.25
	leastGap    = time.Millisecond
)

// lagModel holds the keys of one [Learned].
type lagModel struct {
	options LearnedOptions
	parent  *lagKey
	random  sharedRandom
	clock   atomic.Int64 // counts uses, to tell which key was used last

	mu   sync.Mutex
	keys map[string]*lagKey
}

func newLagModel(options LearnedOptions) *lagModel {
	m := &lagModel{options: options.withDefaults(), keys: map[string]*lagKey{}}
	m.random.state.Store(m.options.Seed)
	m.parent = m.newKey()
	return m
}

func (m *lagModel) newKey() *lagKey {
	k := &lagKey{model: m}
	k.budget.Reads = m.options.Reads
	return k
}

// key returns the named key, or the parent for the empty name. A new key inherits from the
// parent, and replaces the key that was not used for longest if there are too many.
func (m *lagModel) key(name string) *lagKey {
	if name == "" {
		return m.parent
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.keys[name]; k != nil {
		return k
	}
	k := m.newKey()
	k.inherit(m.parent)
	k.touch()
	m.keys[name] = k
	m.dropOldest()
	return k
}

// dropOldest drops the keys that were not used for longest, if there are too many.
func (m *lagModel) dropOldest() {
	for len(m.keys) > max(m.options.Keys, 1) {
		names := m.byUse()
		oldest := names[len(names)-1]
		m.keys[oldest].dropped.Store(true)
		delete(m.keys, oldest)
	}
}

// byUse returns the names of the keys, the one used last first.
func (m *lagModel) byUse() []string {
	used := make(map[string]int64, len(m.keys)) // a copy, since flows change it while names are sorted
	for name, k := range m.keys {
		used[name] = k.used.Load()
	}
	return slices.SortedFunc(maps.Keys(used), func(a, b string) int { return cmp.Compare(used[b], used[a]) })
}

// lagKey is what is known of the lag of one key. Flows under way keep the table that they
// began with.
type lagKey struct {
	model   *lagModel
	used    atomic.Int64
	dropped atomic.Bool
	flows   atomic.Int64 // observed
	table   atomic.Pointer[timetable]

	mu       sync.Mutex
	estimate lagplan.Estimate
	firsts   lagplan.Firsts
	budget   lagplan.Budget
	readTime float64 // smoothed, in seconds
}

// timetable is a plan, and the number of flows that it was made from.
type timetable struct {
	lagplan.Table
	flows   int64
	probes  float64 // share of the flows that read at zero
	careful bool    // early reads make flows late: the first read is at best
	best    float64
	tries   float64                           // if careful: share of the flows that read earlier all the same
	samples struct{ from, to, share float64 } // flows that tell what early reads do
}

func (k *lagKey) touch() { k.used.Store(k.model.clock.Add(1)) }

// stale reports whether the plan should be made anew after so many flows.
func (t *timetable) stale(flows int64) bool {
	return flows != t.flows && (t.careful || flows <= eagerFlows || flows-t.flows >= lazyFlows)
}

// readsAtZero reports whether each flow reads at zero.
func (t *timetable) readsAtZero() bool {
	first, _ := t.First()
	return first == 0
}

// plan returns the table for flows with this deadline, and makes it anew if needed.
func (k *lagKey) plan(deadline time.Duration) *timetable {
	ends := max(deadline.Seconds(), 0)
	if t := k.table.Load(); t != nil && t.Suits(ends) && !t.stale(k.flows.Load()) {
		return t
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	old := k.table.Load()
	flows := k.flows.Load()
	if old != nil && old.Suits(ends) && !old.stale(flows) {
		return old
	}
	spacing := max(k.readTime, k.model.options.Spacing.Seconds(), leastGap.Seconds())
	t := &timetable{
		Table: lagplan.NewTable(&k.estimate, ends, k.price(), spacing, flows < certainProbes),
		flows: flows,
	}
	if t.careful = k.firsts.Careful(); t.careful {
		t.best, t.tries = k.firsts.Best()
	} else {
		t.probes = k.probeRate(&t.Table)
		t.samples.from, t.samples.to, t.samples.share = k.firsts.Sample()
	}
	if k.budgeted() && (old == nil || old.flows != flows) {
		k.budget.Planned(t.Reads)
	}
	k.table.Store(t)
	return t
}

// fresh returns the last table, whatever its deadline, or nil if it is stale.
func (k *lagKey) fresh() *timetable {
	if t := k.table.Load(); t != nil && !t.stale(k.flows.Load()) {
		return t
	}
	return nil
}

func (k *lagKey) budgeted() bool { return k.model.options.Price == 0 }

// price returns the price of a read in seconds.
func (k *lagKey) price() float64 {
	if !k.budgeted() {
		return k.model.options.Price.Seconds()
	}
	return k.budget.Now()
}

func (k *lagKey) first(deadline time.Duration) time.Duration {
	random := k.model.random.split()
	draw := random.float()
	table := k.plan(deadline)
	if table.careful {
		best := table.best * (1 + carefulJitter*random.float())
		if draw < table.tries {
			best *= random.float()
		}
		return min(seconds(best), deadline)
	}
	best, room := table.First()
	switch {
	case draw < table.probes:
		return 0
	case draw >= 1-table.samples.share:
		return min(seconds(table.samples.from+(table.samples.to-table.samples.from)*random.float()), deadline)
	case best >= deadline.Seconds():
		return deadline
	case draw < table.probes+tryRate:
		return seconds(best * random.float())
	}
	return min(seconds(random.spread(0, best, room)), deadline)
}

// probeRate returns the share of the flows with this table that read at zero.
func (k *lagKey) probeRate(t *lagplan.Table) float64 {
	first, _ := t.First()
	if first == 0 {
		return 1
	}
	return probeRate + doubtRate*k.estimate.Doubt(first)
}

// probed returns the chance that a flow planned now reads at zero.
func (k *lagKey) probed() float64 {
	if t := k.table.Load(); t != nil {
		return t.probes
	}
	return 1
}

func (k *lagKey) observe(interval lagplan.Interval, probed float64, lag Lag) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.estimate.Observe(interval, probed)
	k.observeFirst(lag)
	// A flow that was cut short says nothing of how many reads it needed.
	if k.budgeted() && lag.By >= 0 {
		k.budget.Count(lag.Reads)
	}
	if lag.ReadTime > 0 {
		if k.readTime == 0 {
			k.readTime = lag.ReadTime.Seconds()
		}
		k.readTime += (lag.ReadTime.Seconds() - k.readTime) / 16
	}
	k.flows.Add(1)
}

// observeFirst learns when a flow noticed its write, by the time of its first read.
func (k *lagKey) observeFirst(lag Lag) {
	switch {
	case lag.First < 0:
	case lag.By < 0:
		k.firsts.Unseen(lag.First.Seconds(), lag.Deadline.Seconds())
	case lag.By >= lag.First:
		k.firsts.Observe(lag.First.Seconds(), lag.After.Seconds(), lag.By.Seconds())
	}
}

// follow is observe of the parent, for a flow of one of its keys.
func (k *lagKey) follow(interval lagplan.Interval, probed float64, lag Lag, child *lagKey) {
	child.mu.Lock()
	price, readTime := child.budget.Now(), child.readTime
	child.mu.Unlock()

	k.mu.Lock()
	defer k.mu.Unlock()
	k.estimate.Observe(interval, probed)
	k.observeFirst(lag)
	k.budget.Price, k.budget.Trim, k.readTime = price, 1, readTime
	k.flows.Add(1)
}

// inherit starts a new key with a small part of the parent's weight.
func (k *lagKey) inherit(parent *lagKey) {
	parent.mu.Lock()
	defer parent.mu.Unlock()
	k.estimate, k.firsts = parent.estimate.Thin(borrowed), parent.firsts
	k.budget.Price = parent.budget.Price
	k.readTime = parent.readTime
	k.flows.Store(int64(k.estimate.Mass()))
}

func (k *lagKey) quantile(q float64) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return seconds(k.estimate.Quantile(q))
}
