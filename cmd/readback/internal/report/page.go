package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

// pageText is the page. It takes nothing from anywhere: no script, no font, no
// picture, and its policy forbids the reader's browser to ask for any.
//
//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"until": until, "told": told, "optional": optional, "percent": percent, "share": share,
	"nice":  func(m Millis) string { return nice(m.Duration()) },
	"open":  func(m Millis) bool { return m.Duration() == lags.Forever },
	"name":  func(q Reason) string { return q.name() },
	"words": Span.words, "sentence": sentence,
}).Parse(pageText))

// page is what the template gets.
type page struct {
	*Run
	Summary
	When       string
	FlowsLine  string
	LagNote    string
	FlipsLine  string
	Tail       string // what the overshoot figure's lines go up to
	Figures    map[string]drawing
	Slowest    []slowFlow
	Legend     []sign // of the slowest flows
	Settings   []setting
	Unbounded  []string // why quantiles have no upper end
	Tested     bool     // whether lags depend on something
	Wrong      []Flow   // flows that ended with an error, or left something behind
	WrongMore  int
	Comparison []compared
	Before     string
}

// sentence returns a line as a sentence.
func sentence(line string) string { return strings.ToUpper(line[:1]) + line[1:] + "." }

type drawing struct {
	figure
	Drawn template.HTML
}

type slowFlow struct {
	N         int
	From, To  string
	Flips     int
	Road      string
	Confirmed bool
}

type compared struct {
	Row
	Change string
}

// leastTested is how many lags tell nothing of what they depend on.
const leastTested = 10

// mostWrong is how many flows that went wrong are told of one by one.
const mostWrong = 50

// Page writes r as one HTML page with figures, and with what differs from an
// earlier measurement, which may be nil. The same data make the same page.
func (r *Run) Page(to io.Writer, before *Run) error {
	s := r.Summary()
	v := page{
		Run: r, Summary: s, When: r.Began.UTC().Format("2 January 2006, 15:04 MST"),
		FlowsLine: r.flowsLine(&s), FlipsLine: sentence(s.flipsLine()), Figures: map[string]drawing{},
	}
	if before != nil {
		v.Before = fmt.Sprintf("%s of %s", count(len(before.Flows), "flow"), before.Began.UTC().Format(time.DateTime+" MST"))
		for _, row := range r.Compare(before) {
			v.Comparison = append(v.Comparison, compared{row, row.change})
		}
	}
	for _, f := range r.Flows {
		switch {
		case f.Error == "" && !f.Left():
		case len(v.Wrong) < mostWrong:
			v.Wrong = append(v.Wrong, f)
		default:
			v.WrongMore++
		}
	}
	v.Settings, v.Tested = r.settings(), s.Lag.Flows > leastTested
	for _, q := range s.Lag.Quantiles {
		if missing := q.missing(s.Lag.Flows); missing != "" {
			v.Unbounded = append(v.Unbounded, sentence(missing))
		}
	}
	v.drawAll()
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		return err
	}
	_, err := b.WriteTo(to)
	return err
}

// drawAll draws the figures that there are data for.
func (v *page) drawAll() {
	var figures []figure
	if v.Lag.Flows > 0 {
		v.LagNote = v.lagNote()
		figures = append(figures, v.distribution(&v.Summary), v.timeline(&v.Summary), v.waterfall())
		flows, _ := v.slow()
		v.Legend = legend(flows)
		for _, f := range flows {
			v.Slowest = append(v.Slowest, v.slowFlow(f))
		}
	}
	if len(v.Overshoot) > 0 {
		figures = append(figures, v.bars())
		v.Tail = "p90"
		if v.Overshoot[0].P99 != nil {
			v.Tail = "p99"
		}
	}
	for _, f := range figures {
		v.Figures[f.ID] = drawing{f, f.SVG()}
	}
}

func (v *page) slowFlow(f *Flow) slowFlow {
	lag, _ := f.Lag(v.For)
	span := spanOf(lag.Span())
	flips, _ := f.flips()
	return slowFlow{
		N: f.N, From: until(span.From), To: until(span.To), Flips: flips, Road: f.road(),
		Confirmed: f.Outcome == confirmed,
	}
}
