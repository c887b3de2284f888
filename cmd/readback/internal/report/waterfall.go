package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/readback-go/readback/consistency"
)

// slowest is how many flows are drawn one by one.
const slowest = 12

// A kind is what a read said, as it is drawn. Each has a height of its own, so
// that nobody needs to tell their colours apart.
type kind struct {
	ink  ink
	high vg.Length // of the row
}

func (r Read) kind() kind {
	switch {
	case r.Verdict == ready:
		return shownKind
	case r.Verdict != pending:
		return muteKind
	case r.Reason == forbidden:
		return refuseKind
	case r.Reason == string(consistency.NotFound):
		return missKind
	}
	return staleKind
}

var (
	shownKind  = kind{shownInk, 1}
	refuseKind = kind{refuseInk, 0.55}
	staleKind  = kind{staleInk, 0.42}
	missKind   = kind{missInk, 0.3}
	muteKind   = kind{muteInk, 0.12}
)

// kinds are those of the legend, the highest first.
var kinds = []struct {
	kind
	class string
	words string
}{
	{shownKind, "shown", "shown"},
	{refuseKind, "refuse", "forbidden (403)"},
	{staleKind, "stale", "pending otherwise"},
	{missKind, "miss", "not found (404)"},
	{muteKind, "mute", "said nothing"},
}

// A sign is what a colour stands for.
type sign struct{ Class, Words string }

// legend returns the signs that some of the flows need.
func legend(flows []*Flow) (signs []sign) {
	for _, k := range kinds {
		used := func(r Read) bool { return r.kind() == k.kind }
		if slices.ContainsFunc(flows, func(f *Flow) bool { return slices.ContainsFunc(f.Reads, used) }) {
			signs = append(signs, sign{k.class, k.words})
		}
	}
	return signs
}

// slow returns the flows that took longest, the slowest first, and when the last
// of their lags was over, as far as is known.
func (r *Run) slow() (flows []*Flow, end time.Duration) {
	for i := range r.Flows {
		f := &r.Flows[i]
		if _, told := f.lag(r.For); told {
			flows = append(flows, f)
		}
	}
	slices.SortStableFunc(flows, func(a, b *Flow) int { return cmp.Compare(r.slowness(b), r.slowness(a)) })
	flows = flows[:min(len(flows), slowest)]
	for _, f := range flows {
		lag, _ := f.lag(r.For)
		end = max(end, lag.Seen, lag.Missed)
	}
	return flows, max(end, time.Millisecond)
}

// slowness is what flows are ordered by: what is not over counts as longer than
// all that is.
func (r *Run) slowness(f *Flow) time.Duration {
	lag, _ := f.lag(r.For)
	if lag.Censored() {
		return 1<<62 + lag.Missed
	}
	return lag.Seen
}

// waterfall draws the reads of the slowest flows.
func (r *Run) waterfall() figure {
	flows, end := r.slow()
	end += end / 6 // enough to see that it stays
	const row = 21
	return figure{
		ID: "flows", Title: "The slowest flows, read by read",
		Desc: fmt.Sprintf("The reads of %s, the slowest first, by the time since the write's answer: what each read said, until the next.", count(len(flows), "flow")),
		high: func(size) vg.Length { return vg.Length(len(flows))*row + 52 },
		draw: func(p *plot.Plot, s size) {
			timeAxis(&p.X, s, end, "since the write's answer")
			p.Y.Min, p.Y.Max = 0, float64(len(flows))
			var marks plot.ConstantTicks
			for i, f := range flows {
				marks = append(marks, plot.Tick{Value: float64(len(flows)-i) - 0.5, Label: fmt.Sprintf("#%d", f.N)})
			}
			p.Y.Tick.Marker = marks
			p.Y.LineStyle.Width, p.Y.Tick.LineStyle.Width = 0, 0
			p.Add(drawn(grid), drawn(func(c draw.Canvas, p *plot.Plot) {
				for i, f := range flows {
					drawFlow(c, p, f, len(flows)-i-1)
				}
			}))
		},
	}
}

// drawFlow draws what each read said, from its beginning to that of the next.
func drawFlow(c draw.Canvas, p *plot.Plot, f *Flow, row int) {
	x, y := p.Transforms(&c)
	const gap = 2
	low := y(float64(row)) + gap
	high := y(float64(row+1)) - gap - low
	for i := 0; i < len(f.Reads); {
		k := f.Reads[i].kind()
		first := f.Reads[i].Began.Duration()
		for i++; i < len(f.Reads) && f.Reads[i].kind() == k; i++ {
		}
		last := f.Reads[len(f.Reads)-1].ended()
		if i < len(f.Reads) {
			last = f.Reads[i].Began.Duration()
		}
		from, to := x(first.Seconds()), min(x(last.Seconds()), c.Max.X)
		if from >= c.Max.X {
			return
		}
		box(c, k.ink, from, low, max(to, from+1), low+high*k.high)
	}
}

// road tells what the reads of a flow said, in a line.
func (f *Flow) road() string {
	var parts []string
	for i := 0; i < len(f.Reads); {
		first, n := f.Reads[i], 0
		for ; i < len(f.Reads) && f.Reads[i].Status == first.Status && f.Reads[i].Verdict == first.Verdict && f.Reads[i].Reason == first.Reason; i++ {
			n++
		}
		part := first.says()
		if n > 1 {
			part += fmt.Sprintf(" ×%d", n)
		}
		parts = append(parts, part)
	}
	const most = 12 // parts of a line
	if cut := len(parts) - most; cut > 0 {
		parts = slices.Concat(parts[:most-2], []string{fmt.Sprintf("… %d more …", cut+1)}, parts[len(parts)-1:])
	}
	return strings.Join(parts, ", ")
}

func (r Read) says() string {
	switch {
	case r.Status != 0 && r.Verdict == pending && r.Status/100 == 2:
		return fmt.Sprintf("%d %s", r.Status, r.Reason) // a 200 that is stale
	case r.Status != 0:
		return fmt.Sprint(r.Status)
	case r.Reason != "":
		return r.Reason
	}
	return r.Verdict
}
