package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/readback-go/readback/bench/internal/peer"
)

// text prints tables and keeps the first error.
type text struct {
	*tabwriter.Writer
	err error
}

// row prints cells, aligned with those of the rows around it.
func (t *text) row(cells ...any) {
	for i, c := range cells {
		if x, ok := c.(float64); ok {
			cells[i] = digits(x)
		}
	}
	t.line(strings.Repeat("%v\t", len(cells)), cells...)
}

// line prints a line without columns. An empty line ends a table.
func (t *text) line(format string, args ...any) {
	if _, err := fmt.Fprintf(t, format+"\n", args...); t.err == nil {
		t.err = err
	}
}

// digits returns x with three digits.
func digits(x float64) string {
	switch {
	case math.IsNaN(x):
		return "-"
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

func writeText(w io.Writer, r result) error {
	t := &text{Writer: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	t.line("Seed %d; %d flows of each setting on each lag, after %d that do not count; a read takes %v ms.", r.Seed, r.Flows, r.Warm, 1000*r.Trip)
	for _, path := range slices.Sorted(maps.Keys(r.Versions)) {
		t.line("%s %s", path, r.Versions[path])
	}
	t.line("\nDEFAULTS. Reads of a flow; ms from the end of its lag to the look that noticed it, mean with 95 %%")
	t.line("interval, p50, p95 and p99; mean over the oracle's at as many reads (from %v on); Learned's mean at no more.", leastCompared)
	for _, f := range r.fields {
		t.defaults(f)
	}
	t.late(r.fields)
	t.claims(r.fields)
	t.curves("LEARNING", r.Learning)
	t.curves("DRIFT, from the jump on", r.Drift)
	t.curves("A NEW KEY, after other flows of another", r.Parents)
	t.line("\nSLOW READS, of a lognormal lag of 80 ms")
	t.late(r.trips)
	if t.err != nil {
		return t.err
	}
	return t.Flush()
}

// leastCompared is the least number of reads at which a poller is compared with the oracle:
// near one read, the bound is so steep that noise decides.
const leastCompared = 1.05

func (t *text) defaults(f field) {
	t.line("\n%s, mean %s ms", f.law.Name, digits(1000*f.law.Mean))
	t.row("poller", "played", "read at 0", "reads", "late", "±", "p50", "p95", "p99", "oracle", "Learned")
	for _, c := range f.cells {
		if !c.Default {
			continue
		}
		bound, ok := f.oracle.At(c.Reads)
		ours, comparable := f.learned.At(c.Reads)
		if !comparable {
			ours = math.NaN()
		}
		over := "-"
		if ok && bound > 0 && c.Reads >= leastCompared {
			over = digits(c.Late/bound) + "×"
		}
		t.row(c.Peer, c.How, map[bool]string{true: "yes", false: "no"}[c.AtZero], c.Reads,
			1000*c.Late, 1000*c.Interval, 1000*c.P50, 1000*c.P95, 1000*c.P99, over, 1000*ours)
	}
}

// late prints how many times as late each poller is as Learned.
func (t *text) late(fields []field) {
	t.line("\nTIMES AS LATE AS LEARNED at no more reads: each at its defaults, with its read at 0.")
	t.line("A dash: Learned never takes so few reads.\n")
	head := []any{"poller"}
	for _, f := range fields {
		head = append(head, f.law.Name)
	}
	t.row(head...)
	for i, c := range fields[0].cells {
		if !c.Default || !c.AtZero {
			continue
		}
		row := []any{c.Peer}
		for _, f := range fields {
			c := f.cells[i]
			times := math.NaN()
			if ours, ok := f.learned.At(c.Reads); ok {
				times = c.Late / ours
			}
			row = append(row, times)
		}
		t.row(row...)
	}
}

// claims prints where Learned is less late than others, and where not.
func (t *text) claims(fields []field) {
	t.line("\nCLAIMS")
	t.line("\n1. Less late at no more reads than every setting of the sweep: settings that Learned is less late")
	t.line("than, as late as within the 95 %% interval, later than; and those with fewer reads than it ever takes.")
	t.line("Then the library's setting that comes closest, and how late Learned is beside it.\n")
	head := []any{"lag"}
	for _, g := range groups {
		head = append(head, g.name)
	}
	t.row(append(head, "holds", "closest library", "Learned")...)
	for _, f := range fields {
		row := []any{f.law.Name}
		holds := "yes"
		for i, s := range f.scores() {
			row = append(row, fmt.Sprintf("%d %d %d; %d", s.Less, s.Same, s.More, s.Fewer))
			if i == 0 && s.Less+s.Fewer < s.all() {
				holds = "no"
			}
		}
		at, times := f.worst()
		t.row(append(row, holds, fmt.Sprintf("%s, %s, %s reads", at.Peer, at.Knobs, digits(at.Reads)), digits(times)+"×")...)
	}
	for _, f := range fields {
		if f.law.Name != exponential {
			continue
		}
		least, most := f.beside()
		t.line("\n2. On the exponential lag no later than the best tuned tick, which may skip the read at 0:")
		t.line("%s to %s times as late, at 2 to 10 reads.", digits(least), digits(most))
	}
	t.line("\n3. At most half as late as each library at its defaults, at no more reads; then beside a setting")
	t.line("of Learned that takes no more, at the lower end of the paired 95 %% interval; then of how many the")
	t.line("oracle is at most half as late.\n")
	for _, f := range fields {
		held, compared := f.halves()
		surely, paired := f.surely()
		t.row(f.law.Name, fmt.Sprintf("%d of %d", held, compared), fmt.Sprintf("%d of %d", surely, paired), f.possible())
	}
	t.line("\n4. How late Learned is over the oracle at as many reads, at budgets of 2, 3 and 5 reads:\n")
	for _, f := range fields {
		row := []any{f.law.Name}
		for _, knobs := range []string{"2 reads", "3 reads", "5 reads"} {
			row = append(row, f.above(knobs))
		}
		t.row(row...)
	}
}

// above returns how late a setting of Learned is, over the oracle.
func (f field) above(knobs string) float64 {
	for _, c := range f.cells {
		if bound, ok := f.oracle.At(c.Reads); ok && c.Peer == peer.OurLearned && c.Knobs == knobs && bound > 0 {
			return c.Late / bound
		}
	}
	return math.NaN()
}

func (t *text) curves(title string, curves []curve) {
	t.line("\n%s: cost of flows up to each of these, at 10 ms a read, over the oracle's; then reads at a", title)
	t.line("budget of three. Means of %d learners.\n", rounds)
	head := []any{"lag"}
	for range 2 {
		for _, n := range curves[0].Flows {
			head = append(head, n)
		}
	}
	t.row(head...)
	for _, c := range curves {
		row := []any{c.Lag}
		for _, x := range c.Ratio {
			row = append(row, x)
		}
		for _, p := range c.Budget {
			row = append(row, p.Reads)
		}
		t.row(row...)
	}
}
