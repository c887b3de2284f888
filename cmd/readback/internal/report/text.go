package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

// text writes what was measured for people to read.
func (r *Run) text(to io.Writer) error {
	s := r.Summary()
	w := &writer{to: to}
	w.line("%s, read back by %s", r.Write, r.Read)
	w.line("%s", r.flowsLine(&s))
	w.lag(&s)
	w.reasons(&s)
	w.seen(&s)
	w.advice(&s)
	return w.err
}

// writer keeps the first error.
type writer struct {
	to  io.Writer
	err error
}

func (w *writer) line(format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintf(w.to, format+"\n", args...)
	}
}

// table writes lines whose cells are separated by tabs.
func (w *writer) table(lines ...string) {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, line := range lines {
		fmt.Fprintln(t, line)
	}
	_ = t.Flush() // into memory
	for line := range strings.Lines(b.String()) {
		w.line("%s", strings.TrimRight(line, " \n"))
	}
}

// flowsLine says how many flows there were and what became of them.
func (r *Run) flowsLine(s *Summary) string {
	parts := []string{fmt.Sprintf("%d confirmed", s.Confirmed)}
	for _, more := range []struct {
		n    int
		what string
	}{
		{s.Unconfirmed, "unconfirmed"}, {s.Failed, "failed"}, {s.Left, "not cleaned up"},
	} {
		if more.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", more.n, more.what))
		}
	}
	of := ""
	if r.Interrupted {
		of = fmt.Sprintf(" of %d, then interrupted", r.Count)
	}
	return fmt.Sprintf("%s%s: %s", count(len(r.Flows), "flow"), of, strings.Join(parts, ", "))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (w *writer) lag(s *Summary) {
	w.line("")
	if s.Lag.Flows == 0 {
		w.line("lag: no flow tells anything of it")
		return
	}
	lines := []string{"lag\tof these flows\tof all writes (95 %)\t"}
	for _, q := range s.Lag.Quantiles {
		measured := "-"
		if q.Span != nil {
			measured = q.Span.words()
		}
		lines = append(lines, fmt.Sprintf("%s\t%s\t%s\t%s", percent(q.Share), measured, q.Interval.words(), q.missing(s.Lag.Flows)))
	}
	lines = append(lines, fmt.Sprintf("longest\t%s\t\t", s.Lag.Longest.words()))
	w.table(lines...)
	w.line("%s", s.lagNote())
	for _, d := range s.Depends {
		w.line("note: %s", d.Words)
	}
	for _, j := range s.Objectives {
		w.line("%s", j.Words())
	}
}

// words tells a span.
func (s Span) words() string {
	switch {
	case s.open() && s.From == 0:
		return "unknown"
	case s.open():
		return "over " + until(s.From)
	}
	return until(s.From) + " … " + until(s.To)
}

// missing says why an interval has no upper end.
func (q Quantile) missing(flows int) string {
	switch {
	case !q.Interval.open():
		return ""
	case q.unbounded(flows):
		return fmt.Sprintf("%s cannot bound %s from above: it takes %d", count(flows, "flow"), percent(q.Share), q.Bounds)
	}
	return "too many flows were not seen to end"
}

// lagNote says what the lags rest on.
func (s *Summary) lagNote() string {
	note := fmt.Sprintf("From %s, %d visible at the first read.", count(s.Lag.Flows, "flow"), s.Lag.AtOnce)
	if s.Lag.Censored > 0 {
		return note + fmt.Sprintf(" %d not seen for as long as they were read: longer than that.", s.Lag.Censored)
	}
	return note + fmt.Sprintf(" Up to %s of all lags may be longer than the longest (95 %% confidence).", share(s.Lag.Beyond))
}

func (w *writer) reasons(s *Summary) {
	if len(s.Reasons) == 0 {
		return
	}
	w.line("")
	lines := []string{"pending\tflows\tlongest\tover by"}
	for _, q := range s.Reasons {
		lines = append(lines, fmt.Sprintf("%s\t%d\t%s\t%s", q.name(), q.Flows, told(q.Phase), told(q.Until)))
	}
	w.table(lines...)
}

func (q *Reason) name() string {
	if q.Status == 0 {
		return q.Reason
	}
	return fmt.Sprintf("%d %s", q.Status, q.Reason)
}

// seen says what else the reads saw.
func (w *writer) seen(s *Summary) {
	if s.Reads.Total == 0 {
		return
	}
	w.line("")
	w.line("%s", s.flipsLine())
	line := fmt.Sprintf("%s, %s each", count(s.Reads.Total, "read"), nice(s.Reads.Mean.Duration()))
	if s.Reads.Unknown > 0 {
		line += fmt.Sprintf("; %d said nothing of the write", s.Reads.Unknown)
	}
	w.line("%s", line)
}

func (s *Summary) flipsLine() string {
	switch {
	case s.Flips.Total > 0:
	case s.Lag.Flows == s.Lag.Censored:
		return "no flips: no read showed a write"
	default:
		return "no flips: once a read showed the write, every later one did"
	}
	return fmt.Sprintf("%s in %s: shown, and then not; after up to %s in a row that showed it",
		count(s.Flips.Total, "flip"), count(s.Flips.Flows, "flow"), count(s.Flips.Streak, "read"))
}

func (w *writer) advice(s *Summary) {
	w.line("")
	if s.Advice == nil {
		w.line("nothing to recommend: no write was seen")
		return
	}
	lines := []string{"schedule\treads\tlate by\tp90\tp99"}
	for _, o := range s.Overshoot {
		lines = append(lines, fmt.Sprintf("%s\t%.1f\t%s\t%s\t%s", o.Schedule, o.Reads, nice(o.Mean.Duration()), optional(o.P90), optional(o.P99)))
	}
	w.table(lines...)
	w.line("")
	w.line("recommended, at %d times the longest that was seen:", s.Advice.Margin)
	w.line("")
	w.line("  readback run %s", s.Advice.Flags)
	w.line("")
	for line := range strings.Lines(s.Advice.Go) {
		w.line("  %s", strings.TrimRight(line, "\n"))
	}
}

func percent(q float64) string { return fmt.Sprintf("p%g", q*100) }

func share(f float64) string { return fmt.Sprintf("%.2g %%", f*100) }

func until(m Millis) string {
	if m.Duration() == lags.Forever {
		return "unknown"
	}
	return nice(m.Duration())
}

// told returns m, or that it never came to an end.
func told(m Millis) string {
	if m == 0 {
		return "-"
	}
	return nice(m.Duration())
}

func optional(m *Millis) string {
	if m == nil {
		return "-"
	}
	return nice(m.Duration())
}

// nice returns d with three digits at most, in one unit.
func nice(d time.Duration) string {
	unit, name := time.Millisecond, "ms"
	switch {
	case d == 0:
		return "0 ms"
	case d >= 10*time.Minute:
		unit, name = time.Minute, "min"
	case d >= 9995*time.Millisecond: // which is 10.0 s
		unit, name = time.Second, "s"
	case d >= 999500*time.Microsecond: // which is 1.00 s
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	v := float64(d) / float64(unit)
	switch {
	case v >= 99.95:
		return fmt.Sprintf("%.0f %s", v, name)
	case v >= 9.995:
		return fmt.Sprintf("%.1f %s", v, name)
	}
	return fmt.Sprintf("%.2f %s", v, name)
}
