package submit

import (
	"encoding/json"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/redact"
)

// Progress is what a Submitter does and has done.
type Progress struct {
	// Jobs that this process holds, by how far they are. Recording have an
	// outcome that the store does not have yet.
	Queued, Sending, Reading, Recording int

	// Outcomes that this Submitter recorded since it was made.
	Confirmed, Unconfirmed, Failed int

	// Oldest is the intent of the oldest job that this process holds, to the
	// second; zero if it holds none.
	Oldest time.Time

	// Lag is from the write's answer until the job was confirmed, of those that
	// were sent and confirmed here.
	Lag Lag

	// Err is why the last call of the store told nothing; nil if it did.
	Err error
}

// MarshalJSON returns the fields as a JSON object, Err as its text, secrets hidden, or
// null.
func (p Progress) MarshalJSON() ([]byte, error) {
	type fields Progress
	out := struct {
		fields
		Err *string
	}{fields: fields(p)}
	if p.Err != nil {
		text := redact.Error(p.Err)
		out.Err = &text
	}
	return json.Marshal(out)
}

// Lag is how long reads took to show writes: half, nine in ten, and ninety-nine
// in a hundred within so long, each rounded up by a fifth at most, and to 100 µs
// at least. It is zero if there was none.
type Lag struct{ P50, P90, P99 time.Duration }

// Progress returns what is known now. It is cheap.
func (s *Submitter[J, W, R]) Progress() Progress {
	var p Progress
	s.stats.report(&p)
	s.mu.Lock()
	t := s.term
	p.Err = s.trouble
	s.mu.Unlock()
	if t == nil {
		return p
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p.Queued, p.Sending = t.count[unborn]+t.count[queued], t.count[sending]
	p.Reading, p.Recording = t.count[answered]+t.count[lost], t.count[ended]
	p.Oldest = t.ages.oldest()
	return p
}

// Stats is what a metrics system wants to know of a Submitter besides its [Progress].
// All but Writes and Reads counts from when it was made.
type Stats struct {
	// Writes and Reads that are under way.
	Writes, Reads int

	// SetAside is how many jobs were set aside since their code panicked.
	SetAside int

	// Reasons counts the outcomes that are not Confirmed by one of a few reasons:
	// "refused", "rate limited", "gave up", "cancelled", "too large", "invalid",
	// "operation failed", "no find", "not provably mine", "not seen in time",
	// "stopped" or "unknown".
	Reasons map[string]int

	// OldestUnconfirmed is the intent of the oldest job that ended Unconfirmed;
	// zero if there was none.
	OldestUnconfirmed time.Time

	// Store is how long changes of jobs took in the store.
	Store Lag
}

// Stats returns what is known now. It is cheap.
func (s *Submitter[J, W, R]) Stats() Stats {
	st := &s.stats
	st.mu.Lock()
	defer st.mu.Unlock()
	return Stats{
		Writes: int(st.writes.Load()), Reads: int(st.reads.Load()), SetAside: st.aside,
		Reasons: maps.Clone(st.why), OldestUnconfirmed: st.oldest, Store: st.steps.report(),
	}
}

// ages counts the intents of each second, so that the oldest is found among a
// million jobs without looking at each.
type ages map[int64]int

func (a *ages) add(intent int64) {
	if *a == nil {
		*a = make(ages)
	}
	(*a)[intent/int64(time.Second)]++
}

func (a ages) remove(intent int64) {
	second := intent / int64(time.Second)
	if a[second]--; a[second] == 0 {
		delete(a, second)
	}
}

func (a ages) oldest() time.Time {
	if len(a) == 0 {
		return time.Time{}
	}
	first := int64(math.MaxInt64)
	for second := range a {
		first = min(first, second)
	}
	return time.Unix(first, 0)
}

// stats count outcomes and times.
type stats struct {
	writes atomic.Int64 // under way
	reads  atomic.Int64

	mu     sync.Mutex
	steps  lags           // of the store
	aside  int            // jobs that were set aside
	why    map[string]int // of outcomes that are not Confirmed
	oldest time.Time      // intent of one that ended Unconfirmed
	count  [consistency.Failed + 1]int
	lags   lags
}

// lags are counted by their logarithm.
type lags struct {
	buckets [lagBuckets]int
	sum     int
}

const (
	lagBuckets = 160 // up to 146 years
	lagFirst   = 100 * time.Microsecond
	lagGrowth  = 1.2
)

func (s *stats) broke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.aside++
}

func (s *stats) ended(outcome consistency.Outcome, lag time.Duration, why string, intent int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count[outcome]++
	if at := time.Unix(0, intent); outcome == consistency.Unconfirmed && (s.oldest.IsZero() || at.Before(s.oldest)) {
		s.oldest = at
	}
	if outcome != consistency.Confirmed {
		if s.why == nil {
			s.why = make(map[string]int)
		}
		s.why[why]++
	}
	if lag < 0 {
		return
	}
	s.lags.add(lag)
}

// stored notes how long a change of the store took that was acknowledged.
func (s *stats) stored(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps.add(took)
}

func (l *lags) add(lag time.Duration) {
	bucket := 0
	if lag > lagFirst {
		bucket = int(math.Ceil(math.Log(float64(lag)/float64(lagFirst)) / math.Log(lagGrowth)))
	}
	l.buckets[min(bucket, lagBuckets-1)]++
	l.sum++
}

func (s *stats) report(p *Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Confirmed, p.Unconfirmed = s.count[consistency.Confirmed], s.count[consistency.Unconfirmed]
	p.Failed = s.count[consistency.Failed]
	p.Lag = s.lags.report()
}

func (l *lags) report() Lag {
	return Lag{P50: l.quantile(0.5), P90: l.quantile(0.9), P99: l.quantile(0.99)}
}

func (l *lags) quantile(q float64) time.Duration {
	below := 0
	for bucket, n := range l.buckets {
		if below += n; n > 0 && float64(below) >= q*float64(l.sum) {
			return time.Duration(float64(lagFirst) * math.Pow(lagGrowth, float64(bucket)))
		}
	}
	return 0
}
