// Package picture draws spans of several processes as one SVG.
package picture

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace"
)

// Process is a process and the spans that it made.
type Process struct {
	Name  string
	Spans []trace.ReadOnlySpan
}

const (
	left, right = 24, 936 // where time begins and ends
	width       = 960
	row, bar    = 26, 18
	head        = 44 // of a process
	top         = 40
)

// placed is a span with where it is drawn.
type placed struct {
	trace.ReadOnlySpan
	from, to, y float64
}

// Draw returns the processes one below the other, each with its spans in the order
// of their beginnings, and an arrow from what a span is linked to. Label says what
// stands beside a span.
func Draw(title string, processes []Process, label func(trace.ReadOnlySpan) string) []byte {
	begin, end := bounds(processes)
	x := func(at time.Time) float64 {
		return left + (right-left)*float64(at.Sub(begin))/float64(end.Sub(begin))
	}
	var body strings.Builder
	where := map[string]placed{}
	y := float64(top)
	for _, p := range processes {
		fmt.Fprintf(&body, `<text class="process" x="%d" y="%.0f">%s</text>`+"\n", left, y+24, html.EscapeString(p.Name))
		y += head
		for _, s := range sorted(p.Spans) {
			one := placed{s, x(s.StartTime()), x(s.EndTime()), y}
			one.draw(&body, label(s))
			where[s.SpanContext().SpanID().String()] = one
			y += row
		}
	}
	for _, one := range where {
		for _, link := range one.Links() {
			if from, ok := where[link.SpanContext.SpanID().String()]; ok {
				arrow(&body, from, one)
			}
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.0f" role="img" aria-label=%q>`+"\n", width, y+44, title)
	out.WriteString(style)
	fmt.Fprintf(&out, `<text class="title" x="%d" y="26">%s</text>`+"\n", left, html.EscapeString(title))
	axis(&out, end.Sub(begin), y)
	out.WriteString(sortedLines(body.String()))
	out.WriteString("</svg>\n")
	return []byte(out.String())
}

const style = `<style>
svg{background:#fff;font:12px system-ui,sans-serif;fill:#1b2430}
.title{font-size:15px;font-weight:600}
.process{font-weight:600;fill:#445}
.span{fill:#8fb8de}.flow{fill:#2f6fa8}.other{fill:#9aa3ad}.error{fill:#c8553d}
.link{fill:none;stroke:#7a4fa3;stroke-width:1.5;stroke-dasharray:4 3;marker-end:url(#tip)}
.axis{stroke:#d5dae0}.tick{fill:#667;font-size:11px}
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#7a4fa3"/></marker></defs>
`

func bounds(processes []Process) (begin, end time.Time) {
	for _, p := range processes {
		for _, s := range p.Spans {
			if begin.IsZero() || s.StartTime().Before(begin) {
				begin = s.StartTime()
			}
			if s.EndTime().After(end) {
				end = s.EndTime()
			}
		}
	}
	return begin, end
}

// sorted returns spans by when they began, those that contain others first.
func sorted(spans []trace.ReadOnlySpan) []trace.ReadOnlySpan {
	spans = slices.Clone(spans)
	slices.SortStableFunc(spans, func(a, b trace.ReadOnlySpan) int {
		if order := a.StartTime().Compare(b.StartTime()); order != 0 {
			return order
		}
		return b.EndTime().Compare(a.EndTime())
	})
	return spans
}

func (p placed) class() string {
	switch {
	case p.Status().Code == codes.Error:
		return "error"
	case len(p.Links()) > 0:
		return "flow"
	case !p.Parent().IsValid():
		return "other"
	}
	return "span"
}

func (p placed) draw(b *strings.Builder, label string) {
	fmt.Fprintf(b, `<rect class=%q x="%.1f" y="%.0f" width="%.1f" height="%d" rx="2"/>`+"\n", p.class(), p.from, p.y, max(p.to-p.from, 2), bar)
	anchor, x := "start", p.to+6
	if x > right-260 { // there is more room before it
		anchor, x = "end", p.from-6
	}
	style := ""
	if p.to-p.from > 400 { // or inside
		anchor, x, style = "start", p.from+8, ` fill="#fff"`
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.0f" text-anchor=%q%s>%s</text>`+"\n", x, p.y+13, anchor, style, html.EscapeString(label))
}

// arrow goes from the end of a span to the beginning of the one that is linked to it.
func arrow(b *strings.Builder, from, to placed) {
	x, y := min(from.to, to.from), from.y+bar
	fmt.Fprintf(b, `<path class="link" d="M%.1f %.0fC%.1f %.0f %.1f %.0f %.1f %.0f"/>`+"\n", x, y, x, to.y-16, to.from-24, to.y+bar/2, to.from-1, to.y+bar/2)
}

// sortedLines puts arrows, which come in any order, last and in one.
func sortedLines(body string) string {
	lines := strings.SplitAfter(body, "\n")
	slices.SortStableFunc(lines, func(a, b string) int {
		isLink := func(s string) bool { return strings.HasPrefix(s, "<path") }
		switch {
		case isLink(a) && isLink(b):
			return strings.Compare(a, b)
		case isLink(a):
			return 1
		case isLink(b):
			return -1
		}
		return 0
	})
	return strings.Join(lines, "")
}

func axis(b *strings.Builder, whole time.Duration, bottom float64) {
	for at := time.Duration(0); at <= whole; at += time.Second {
		x := left + (right-left)*float64(at)/float64(whole)
		fmt.Fprintf(b, `<line class="axis" x1="%.1f" y1="%d" x2="%.1f" y2="%.0f"/>`+"\n", x, top, x, bottom+8)
		if at%(2*time.Second) == 0 {
			fmt.Fprintf(b, `<text class="tick" x="%.1f" y="%.0f" text-anchor="middle">%v</text>`+"\n", x, bottom+24, at)
		}
	}
}
