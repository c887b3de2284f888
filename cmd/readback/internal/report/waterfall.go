package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
)

// slowest is how many flows are drawn one by one.
const slowest = 12

// A kind is what a read said, as it is drawn. Each has a height of its own, so
// that nobody needs to tell their colours apart.
type kind struct {
	ink  ink
	high float64 // of the row
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
		if _, told := f.Lag(r.For); told {
			flows = append(flows, f)
		}
	}
	slices.SortStableFunc(flows, func(a, b *Flow) int { return cmp.Compare(r.slowness(b), r.slowness(a)) })
	flows = flows[:min(len(flows), slowest)]
	for _, f := range flows {
		lag, _ := f.Lag(r.For)
		end = max(end, lag.Seen, lag.Missed)
	}
	return flows, max(end, time.Millisecond)
}

// slowness is what flows are ordered by: what is not over counts as longer than
// all that is.
func (r *Run) slowness(f *Flow) time.Duration {
	lag, _ := f.Lag(r.For)
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
		high: func(size) float64 { return float64(len(flows))*row + below + 8 },
		draw: func(c *canvas, z size) {
			widest := 0.0
			for _, f := range flows {
				widest = max(widest, width(f.number()))
			}
			f := framed(c, widest+8)
			x := timeAxis(end, z.ticks, "since the write's answer").place(f.left, f.right)
			f.across(c, x)
			for i, flow := range flows {
				top := f.top + float64(i)*row
				c.text(mutedInk, atEnd, f.left-6, top+row/2.0, flow.number())
				flow.draw(c, x, top+2, row-4)
			}
		},
	}
}

func (f *Flow) number() string { return fmt.Sprintf("#%d", f.N) }

// draw draws what each read said, from its beginning to that of the next.
func (f *Flow) draw(c *canvas, x axis, top, high float64) {
	for i := 0; i < len(f.Reads); {
		k := f.Reads[i].kind()
		began := f.Reads[i].Began.Duration()
		for i++; i < len(f.Reads) && f.Reads[i].kind() == k; i++ {
		}
		ended := f.Reads[len(f.Reads)-1].ended()
		if i < len(f.Reads) {
			ended = f.Reads[i].Began.Duration()
		}
		from, to := x.when(began), x.when(ended)
		if from >= x.to {
			return
		}
		c.box(k.ink, from, top+high*(1-k.high), max(to, from+1), top+high)
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
