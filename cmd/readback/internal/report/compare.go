package report

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

// Row is one figure of two measurements.
type Row struct {
	Figure string `json:"figure"`
	Before string `json:"before"`
	After  string `json:"after"`

	// Least and Most are between what the change lies with 95 % confidence, in
	// milliseconds or in the figure's own unit; nil if it is unbounded or not
	// known.
	Least *float64 `json:"change_least"`
	Most  *float64 `json:"change_most"`

	// Beyond says that the change is more than chance would make of two
	// measurements of the same thing.
	Beyond bool `json:"beyond_noise"`

	change string // as text
}

// Compare returns what r and an earlier measurement differ in.
func (r *Run) Compare(before *Run) []Row {
	a, b := before.Summary(), r.Summary()
	var rows []Row
	for i, q := range shares {
		row := Row{Figure: percent(q) + " of the lag", Before: a.quantile(i), After: b.quantile(i), change: "too few flows"}
		if c, ok := lags.Compare(a.sample, b.sample, q); ok {
			row.take(c, 1000, func(v float64) string { return signed(seconds(v)) })
		}
		rows = append(rows, row)
	}
	for _, f := range numbers {
		va, vb := before.each(f.of), r.each(f.of)
		row := Row{Figure: f.name, Before: f.mean(va), After: f.mean(vb), change: "too few flows"}
		if c, ok := f.compare(va, vb); ok {
			row.take(c, 1, f.change)
		}
		rows = append(rows, row)
	}
	return rows
}

func (r *Row) take(c lags.Change, unit float64, text func(float64) string) {
	if !math.IsInf(c.Least, 0) {
		r.Least = new(rounded(c.Least * unit))
	}
	if !math.IsInf(c.Most, 0) {
		r.Most = new(rounded(c.Most * unit))
	}
	r.Beyond = c.BeyondNoise()
	r.change = fmt.Sprintf("%s … %s", text(c.Least), text(c.Most))
}

func rounded(v float64) float64 { return math.Round(v*1000) / 1000 }

func (s *Summary) quantile(i int) string {
	if s.Lag.Flows == 0 || s.Lag.Quantiles[i].Span == nil {
		return "-"
	}
	span := s.Lag.Quantiles[i].Span
	if span.To.Duration() == lags.Forever {
		return "over " + nice(span.From.Duration())
	}
	return nice(span.From.Duration()) + " … " + nice(span.To.Duration())
}

// number is one that each flow has; shares of flows are 0 or 1.
type number struct {
	name    string
	compare func(a, b []float64) (lags.Change, bool)
	of      func(f *Flow, goal string) (float64, bool)
	mean    func([]float64) string
	change  func(float64) string
}

var numbers = []number{
	shareOf("seen at the first read", func(f *Flow, goal string) (bool, bool) {
		lag, told := f.Lag(goal)
		return lag.Missed < 0, told
	}),
	shareOf("flows that flipped", func(f *Flow, _ string) (bool, bool) {
		flips, _ := f.flips()
		return flips > 0, len(f.Reads) > 0
	}),
	shareOf("flows that met a 403", func(f *Flow, _ string) (bool, bool) {
		for _, p := range f.phases() {
			if p.reason == forbidden {
				return true, true
			}
		}
		return false, len(f.Reads) > 0
	}),
	shareOf("flows not confirmed", func(f *Flow, _ string) (bool, bool) { return f.Outcome != confirmed, true }),
	timeOf("time of a write", func(f *Flow, _ string) (time.Duration, bool) { return f.Took.Duration(), f.Status != 0 }),
	timeOf("time of a read", func(f *Flow, _ string) (time.Duration, bool) {
		sum, n := f.readTime()
		return sum / time.Duration(max(n, 1)), n > 0
	}),
}

func shareOf(name string, of func(*Flow, string) (bool, bool)) number {
	return number{
		name: name, compare: lags.CompareShares,
		of: func(f *Flow, goal string) (float64, bool) {
			is, known := of(f, goal)
			if is {
				return 1, known
			}
			return 0, known
		},
		mean: func(all []float64) string {
			return meanOr(all, func(v float64) string { return fmt.Sprintf("%.1f %%", v*100) })
		},
		change: func(v float64) string { return fmt.Sprintf("%+.1f %%", v*100) },
	}
}

func timeOf(name string, of func(*Flow, string) (time.Duration, bool)) number {
	return number{
		name: name, compare: lags.CompareMeans,
		of: func(f *Flow, goal string) (float64, bool) {
			d, known := of(f, goal)
			return d.Seconds() * 1000, known
		},
		mean: func(all []float64) string {
			return meanOr(all, func(v float64) string { return nice(seconds(v / 1000)) })
		},
		change: func(v float64) string { return signed(seconds(v / 1000)) },
	}
}

func meanOr(all []float64, text func(float64) string) string {
	if len(all) == 0 {
		return "-"
	}
	sum := 0.0
	for _, v := range all {
		sum += v
	}
	return text(sum / float64(len(all)))
}

func (r *Run) each(of func(*Flow, string) (float64, bool)) (all []float64) {
	for i := range r.Flows {
		if v, known := of(&r.Flows[i], r.For); known {
			all = append(all, v)
		}
	}
	return all
}

// seconds returns a duration that may have no end.
func seconds(v float64) time.Duration {
	switch {
	case math.IsInf(v, 1):
		return lags.Forever
	case math.IsInf(v, -1):
		return -lags.Forever
	}
	return time.Duration(v * float64(time.Second))
}

func signed(d time.Duration) string {
	switch {
	case d == lags.Forever:
		return "unknown"
	case d == -lags.Forever:
		return "unknown"
	case d < 0:
		return "-" + nice(-d)
	}
	return "+" + nice(d)
}

// Tell writes r as JSON or as text, with what differs from an earlier
// measurement, which may be nil.
func (r *Run) Tell(to io.Writer, before *Run, asJSON bool) error {
	switch {
	case asJSON && before == nil:
		return r.Save(to)
	case asJSON:
		return encode(to, saved{Run: r, Summary: r.Summary(), Comparison: r.Compare(before)})
	}
	if err := r.text(to); err != nil || before == nil {
		return err
	}
	w := &writer{to: to}
	w.line("")
	w.line("compared with %s of %s", count(len(before.Flows), "flow"), before.Began.UTC().Format(time.DateTime+" MST"))
	w.line("")
	lines := []string{"\tbefore\tafter\tchange (95 %)\t"}
	for _, row := range r.Compare(before) {
		lines = append(lines, fmt.Sprintf("%s\t%s\t%s\t%s\t%s", row.Figure, row.Before, row.After, row.change, row.mark()))
	}
	w.table(lines...)
	return w.err
}

func (r *Row) mark() string {
	if r.Beyond {
		return "beyond noise"
	}
	return ""
}
