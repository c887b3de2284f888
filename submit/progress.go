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
	// Jobs that this process holds, by state. Recording counts jobs that have an
	// outcome which is not recorded yet.
	Queued, Sending, Reading, Recording int

	// Outcomes that this Submitter recorded since it was made.
	Confirmed, Unconfirmed, Failed int

	// Oldest is the intent of the oldest job that this process holds, to the
	// second; zero if it holds none.
	Oldest time.Time

	// Lag is the time from the write's answer until the job was confirmed, over the
	// jobs that this Submitter both sent and confirmed.
	Lag Lag

	// Err is the error of the last call of the store, if that was an outage or a
	// timeout; nil if the store answered.
	Err error
}

// MarshalJSON returns the fields as a JSON object. Err is its text, with secrets hidden,
// or null.
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

// Lag has three percentiles of a time: half of the values are at most P50, 90 % at most P90,
// 99 % at most P99. Each is rounded up, by a fifth at most, and is at least 100 µs. All are
// zero if there was no value.
type Lag struct{ P50, P90, P99 time.Duration }

// Progress returns the state of this moment. It is cheap, and asks nobody.
func (s *engine) Progress() Progress {
	var p Progress
	s.stats.report(&p)
	s.mu.Lock()
	t := s.term
	p.Err = s.storeErr
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

// Stats is what a metrics system wants to know of a Submitter besides its [Progress]. All
// fields but Writes and Reads count since the Submitter was made.
type Stats struct {
	// Writes and Reads are how many are under way now.
	Writes, Reads int

	// SetAside is how many jobs were set aside because their code panicked.
	SetAside int

	// Reasons counts the outcomes that are not Confirmed, by reason:
	// "refused", "rate limited", "gave up", "cancelled", "too large", "invalid",
	// "operation failed", "no find", "not provably mine", "not seen in time",
	// "stopped" or "unknown".
	Reasons map[string]int

	// OldestUnconfirmed is the intent of the oldest job that ended Unconfirmed;
	// zero if there was none.
	OldestUnconfirmed time.Time

	// Store is the time that changes of jobs took in the store.
	Store Lag
}

// Stats returns the numbers of this moment. It is cheap, and asks nobody.
func (s *engine) Stats() Stats {
	st := &s.stats
	st.mu.Lock()
	defer st.mu.Unlock()
	return Stats{
		Writes: int(st.writes.Load()), Reads: int(st.reads.Load()), SetAside: st.aside,
		Reasons: maps.Clone(st.reasons), OldestUnconfirmed: st.oldest, Store: st.storeTimes.report(),
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

	mu         sync.Mutex
	storeTimes histogram      // of the store
	aside      int            // jobs that were set aside
	reasons    map[string]int // of outcomes that are not Confirmed
	oldest     time.Time      // intent of one that ended Unconfirmed
	count      [consistency.Failed + 1]int
	lags       histogram
}

// histogram counts times by their logarithm.
type histogram struct {
	buckets [buckets]int
	sum     int
}

const (
	buckets      = 160 // up to 146 years
	firstBucket  = 100 * time.Microsecond
	bucketGrowth = 1.2
)

func (s *stats) countSetAside() {
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
		if s.reasons == nil {
			s.reasons = make(map[string]int)
		}
		s.reasons[why]++
	}
	if lag < 0 {
		return
	}
	s.lags.add(lag)
}

// stored notes the time of a change that the store has acknowledged.
func (s *stats) stored(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.storeTimes.add(took)
}

func (l *histogram) add(lag time.Duration) {
	bucket := 0
	if lag > firstBucket {
		bucket = int(math.Ceil(math.Log(float64(lag)/float64(firstBucket)) / math.Log(bucketGrowth)))
	}
	l.buckets[min(bucket, buckets-1)]++
	l.sum++
}

func (s *stats) report(p *Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Confirmed, p.Unconfirmed = s.count[consistency.Confirmed], s.count[consistency.Unconfirmed]
	p.Failed = s.count[consistency.Failed]
	p.Lag = s.lags.report()
}

func (l *histogram) report() Lag {
	return Lag{P50: l.quantile(0.5), P90: l.quantile(0.9), P99: l.quantile(0.99)}
}

func (l *histogram) quantile(q float64) time.Duration {
	below := 0
	for bucket, n := range l.buckets {
		if below += n; n > 0 && float64(below) >= q*float64(l.sum) {
			return time.Duration(float64(firstBucket) * math.Pow(bucketGrowth, float64(bucket)))
		}
	}
	return 0
}
