package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
	"github.com/readback-go/readback/consistency"
)

// Summary is what follows from the reads of a Run.
type Summary struct {
	Confirmed   int          `json:"confirmed"`   // flows
	Unconfirmed int          `json:"unconfirmed"` // flows
	Failed      int          `json:"failed"`      // flows, whose write was not carried out
	Lag         Lag          `json:"lag"`
	Reads       Reads        `json:"reads"`
	Flips       Flips        `json:"flips"`
	Reasons     []Reason     `json:"reasons,omitempty"` // why reads were pending, the earliest first
	Left        int          `json:"left,omitempty"`    // writes that may not have been cleaned up
	Advice      *Advice      `json:"recommended,omitempty"`
	Overshoot   []Overshoot  `json:"overshoot,omitempty"`
	Depends     []Dependence `json:"depends,omitempty"`    // what lags go with, which they should not
	Objectives  []Judged     `json:"objectives,omitempty"` // what --slo asked for

	sample lags.Sample
}

// Lag is how long writes take to become visible.
type Lag struct {
	Flows     int        `json:"flows"`    // that tell something of their lag
	Censored  int        `json:"censored"` // of these, flows whose lag is known only to be longer than they were read
	AtOnce    int        `json:"at_once"`  // flows whose first read, and every other, showed the write
	Quantiles []Quantile `json:"quantiles,omitempty"`
	Longest   *Span      `json:"longest,omitempty"`
	Beyond    float64    `json:"beyond,omitempty"` // share of lags that may be longer than that, with 95 % confidence
}

// Quantile is the lag that a share of the flows does not exceed.
type Quantile struct {
	Share float64 `json:"share"`
	Span  *Span   `json:"lag,omitempty"` // of the flows measured; nil if there are too few
	Needs int     `json:"needs"`         // flows that there must be

	// Interval is between what times the quantile of all writes lies, with 95 %
	// confidence. It ends with null if the flows give it no upper end: because
	// they are fewer than Bounds, or because some were not seen to end.
	Interval Span `json:"interval"`
	Bounds   int  `json:"bounds"` // flows that there must be for an interval with two ends
}

// unbounded reports whether there are too few flows for an upper end.
func (q Quantile) unbounded(flows int) bool { return flows < q.Bounds }

// Span is between what times something lies; null is no end.
type Span struct {
	From Millis `json:"from_ms"`
	To   Millis `json:"to_ms"`
}

func (s Span) open() bool { return s.To.Duration() == lags.Forever }

// Reads is what the measurement itself read.
type Reads struct {
	Total   int    `json:"total"`
	Unknown int    `json:"unknown"` // that said nothing of the write, such as a 503
	Mean    Millis `json:"mean_ms"` // how long one took that said something
}

// Flips is how often a read showed the write and a later one did not.
type Flips struct {
	Flows  int `json:"flows"` // that flipped
	Total  int `json:"total"`
	Streak int `json:"streak"` // most reads in a row that showed a write which the next did not
}

// Reason is how long reads were pending for one reason.
type Reason struct {
	Reason string `json:"reason"`
	Status int    `json:"status,omitempty"`
	Flows  int    `json:"flows"`
	Until  Millis `json:"until_ms"`  // latest time after the write when that was over
	Phase  Millis `json:"phase_ms"`  // longest time from its first read to the one that said otherwise
	Median *Span  `json:"median_ms"` // between what times half of the phases were over, from their first read; null if too few

	open bool // some flow did not get over it
}

// Overshoot is what a schedule would have made of the lags measured.
type Overshoot struct {
	Schedule string  `json:"schedule"`
	Ours     bool    `json:"recommended,omitempty"` // fitted to the lags, and judged on others than it was fitted to
	Reads    float64 `json:"reads"`                 // a flow, on average
	Mean     Millis  `json:"mean_ms"`
	P90      *Millis `json:"p90_ms,omitempty"` // nil if there are too few flows
	P99      *Millis `json:"p99_ms,omitempty"`
}

var shares = []float64{0.5, 0.9, 0.99}

// needs returns how many flows a quantile takes.
func needs(share float64) int {
	n := 1
	for ; ; n++ {
		if _, ok := make(lags.Sample, n).Quantile(share); ok {
			return n
		}
	}
}

// Summary returns what follows from the reads of r.
func (r *Run) Summary() Summary {
	var s Summary
	for i := range r.Flows {
		s.count(&r.Flows[i], r.For)
	}
	s.Depends = r.depends()
	s.judgeAll(r.SLO)
	s.Reasons = r.reasons()
	s.Reads.Mean = MillisOf(r.readTime())
	s.tellLag()
	s.Advice = s.advise(r)
	if s.Advice != nil {
		s.judge(r)
	}
	return s
}

func (s *Summary) count(f *Flow, goal string) {
	switch f.Outcome {
	case confirmed:
		s.Confirmed++
	case failed:
		s.Failed++
	default:
		s.Unconfirmed++
	}
	if f.Left() {
		s.Left++
	}
	s.Reads.Total += len(f.Reads)
	for _, read := range f.Reads {
		if !read.telling() {
			s.Reads.Unknown++
		}
	}
	if flips, streak := f.flips(); flips > 0 {
		s.Flips.Flows++
		s.Flips.Total += flips
		s.Flips.Streak = max(s.Flips.Streak, streak)
	}
	if lag, told := f.Lag(goal); told {
		s.sample = append(s.sample, lag)
		if lag.Censored() {
			s.Lag.Censored++
		}
		if lag.Missed < 0 {
			s.Lag.AtOnce++
		}
	}
}

func (s *Summary) tellLag() {
	s.Lag.Flows = len(s.sample)
	if s.Lag.Flows == 0 {
		return
	}
	for _, share := range shares {
		q := Quantile{Share: share, Needs: needs(share), Bounds: lags.Needs(share)}
		q.Interval = *spanOf(s.sample.Interval(share).Span)
		if span, ok := s.sample.Quantile(share); ok {
			q.Span = spanOf(span)
		}
		s.Lag.Quantiles = append(s.Lag.Quantiles, q)
	}
	s.Lag.Longest = spanOf(s.sample.Longest())
	if s.Lag.Censored == 0 {
		s.Lag.Beyond = float64(int(lags.Beyond(s.Lag.Flows)*1e4+0.5)) / 1e4
	}
}

func spanOf(s lags.Span) *Span {
	if s.Open() {
		return &Span{From: MillisOf(s.From), To: Millis(lags.Forever)}
	}
	return &Span{From: MillisOf(s.From), To: MillisOf(s.To)}
}

// reasons gathers the phases of all flows by their reason.
func (r *Run) reasons() (all []Reason) {
	spans := map[string]lags.Sample{}
	for i := range r.Flows {
		f := &r.Flows[i]
		seen := map[string]bool{}
		for _, p := range f.phases() {
			at := slices.IndexFunc(all, func(q Reason) bool { return q.Reason == p.reason })
			if at < 0 {
				at = len(all)
				all = append(all, Reason{Reason: p.reason, Status: p.status})
			}
			q := &all[at]
			if !seen[p.reason] {
				seen[p.reason] = true
				q.Flows++
			}
			lag := lags.Lag{Missed: max(p.last-p.began, 0), Hit: -1}
			if p.over == lags.Forever {
				q.open = true
			} else {
				q.Until = max(q.Until, MillisOf(p.over))
				q.Phase = max(q.Phase, MillisOf(p.over-p.began))
				lag.Hit, lag.Seen = p.over-p.began, p.over-p.began
			}
			spans[p.reason] = append(spans[p.reason], lag)
		}
	}
	for i := range all {
		if span, ok := spans[all[i].Reason].Quantile(0.5); ok {
			all[i].Median = spanOf(span)
		}
	}
	slices.SortStableFunc(all, func(a, b Reason) int { return cmp.Compare(a.Until, b.Until) })
	return all
}

// readTime returns how long a read takes that says something, on average.
func (r *Run) readTime() time.Duration {
	var sum time.Duration
	n := 0
	for i := range r.Flows {
		took, reads := r.Flows[i].readTime()
		sum, n = sum+took, n+reads
	}
	return sum / time.Duration(max(n, 1))
}

func (s *Summary) judge(r *Run) {
	for _, o := range s.sample.Judge(s.Advice.Within.Duration(), r.readTime()) {
		told := Overshoot{Schedule: o.Name, Ours: o.Fitted, Reads: float64(int(o.Reads*100+0.5)) / 100, Mean: MillisOf(o.Mean)}
		p90, p99 := MillisOf(o.P90), MillisOf(o.P99)
		if o.Flows >= needs(0.9) {
			told.P90 = &p90
		}
		if o.Flows >= needs(0.99) {
			told.P99 = &p99
		}
		s.Overshoot = append(s.Overshoot, told)
	}
}

// reason returns what is known of a reason, or nil.
func (s *Summary) reason(reason string) *Reason {
	for i := range s.Reasons {
		if s.Reasons[i].Reason == reason {
			return &s.Reasons[i]
		}
	}
	return nil
}

var windowed = []struct {
	reason string
	field  string // of consistency.Windows
	flag   string // of readback run
}{
	{string(consistency.NotFound), "NotFound", "404"},
	{string(consistency.Stale), "Stale", "stale"},
	{string(consistency.StillThere), "StillThere", "still-there"},
	{string(consistency.BehindToken), "BehindToken", "behind-token"},
	{string(consistency.Forbidden), "Forbidden", "403"},
}
