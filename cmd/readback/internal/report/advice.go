package report

import (
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

// Advice is the policy that suits the lags measured.
type Advice struct {
	Within  Millis            `json:"within_ms"`
	Margin  int               `json:"margin"`           // Within and the windows are the longest that were seen, so many times
	Settle  int               `json:"settle,omitempty"` // reads in a row; 0 if one is enough
	Windows map[string]Millis `json:"windows_ms,omitempty"`
	First   Millis            `json:"first_read_ms"`
	Initial Millis            `json:"initial_ms"`
	Max     Millis            `json:"max_ms"`
	Go      string            `json:"go"`    // statement that declares policy, a consistency.Policy
	Flags   string            `json:"flags"` // of readback run
}

const (
	wideMargin  = 3 // of a small sample
	usualMargin = 2
	manyFlows   = 100
	leastWithin = time.Second
)

// advise returns nil if no lag was seen to end.
func (s *Summary) advise(r *Run) *Advice {
	var longest, missed time.Duration
	settled := 0
	for _, l := range s.sample {
		if l.Censored() {
			missed = max(missed, l.Missed)
			continue
		}
		settled++
		longest = max(longest, l.Seen)
	}
	if settled == 0 {
		return nil
	}
	a := &Advice{Margin: wideMargin}
	if settled >= manyFlows {
		a.Margin = usualMargin
	}
	margin := time.Duration(a.Margin)
	within := lags.Round(max(margin*longest, margin*missed, leastWithin))
	a.Within = Millis(within)
	if s.Flips.Total > 0 {
		a.Settle = s.Flips.Streak + 1
	}
	a.windows(s, margin, within)
	b := s.sample.Fit(within, r.readTime())
	a.First, a.Initial, a.Max = Millis(b.FirstRead), Millis(b.Initial), Millis(b.Max)
	a.Go, a.Flags = a.goCode(), a.flags()
	return a
}

// windows adds those that are shorter than the whole.
func (a *Advice) windows(s *Summary, margin, within time.Duration) {
	for _, w := range windowed {
		q := s.reason(w.reason)
		if q == nil {
			continue
		}
		longest := q.Until
		if w.reason == forbidden {
			longest = q.Phase // it counts from the first 403
		}
		// A reason that some flow did not get over has no window but the whole.
		if window := lags.Round(margin * longest.Duration()); longest > 0 && !q.open && window < within {
			if a.Windows == nil {
				a.Windows = map[string]Millis{}
			}
			a.Windows[w.reason] = Millis(window)
		}
	}
}
