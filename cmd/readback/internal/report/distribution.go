package report

import (
	"fmt"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

// distribution draws the share of writes that are visible by a time: a band,
// since the reads tell between what it lies.
func (r *Run) distribution(s *Summary) figure {
	most, least := s.sample.Curves()
	end := time.Millisecond
	for _, step := range append(append([]lags.Step{}, most...), least...) {
		end = max(end, step.At)
	}
	end += end / 15
	start := max(min(end/200, r.Interval.Duration()/2), time.Millisecond/10)
	// A long tail would press all else against the axis.
	long := false
	if middle, ok := s.sample.Quantile(0.5); ok && !middle.Open() {
		long = middle.To < end/20
	}
	desc := "The share of writes that reads show, by the time since the write's answer. " + s.lagWords()
	return figure{
		ID: "distribution", Title: "Distribution of the lag", Desc: desc,
		high: func(size) vg.Length { return 265 },
		draw: func(p *plot.Plot, z size) {
			timeAxis(&p.X, z, end, "since the write's answer")
			if long {
				logAxis(&p.X, start, end, "since the write's answer")
			}
			p.Y.Min, p.Y.Max = 0, 1
			p.Y.Tick.Marker = plot.ConstantTicks{
				{Value: 0, Label: "0 %"}, {Value: 0.25, Label: "25"}, {Value: 0.5, Label: "50"},
				{Value: 0.75, Label: "75"}, {Value: 0.9, Label: "90"}, {Value: 1, Label: "100 %"},
			}
			p.Y.LineStyle.Width, p.Y.Tick.LineStyle.Width = 0, 0
			p.Add(drawn(grid), drawn(shareGrid), drawn(func(c draw.Canvas, p *plot.Plot) { drawBand(c, p, most, least) }))
		},
	}
}

// lagWords tells the quantiles in a sentence.
func (s *Summary) lagWords() string {
	words := ""
	for _, q := range s.Lag.Quantiles {
		if q.Span != nil {
			words += fmt.Sprintf("%s between %s and %s. ", percent(q.Share), until(q.Span.From), until(q.Span.To))
		}
	}
	if s.Lag.Longest != nil {
		words += fmt.Sprintf("The longest between %s and %s.", until(s.Lag.Longest.From), until(s.Lag.Longest.To))
	}
	return words
}

func shareGrid(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	for _, tick := range p.Y.Tick.Marker.Ticks(0, 1) {
		stroke(c, gridInk, 0.7, vg.Point{X: c.Min.X, Y: y(tick.Value)}, vg.Point{X: c.Max.X, Y: y(tick.Value)})
	}
}

func drawBand(c draw.Canvas, p *plot.Plot, most, least []lags.Step) {
	x, y := p.Transforms(&c)
	curve := func(steps []lags.Step) (points []vg.Point) {
		share := 0.0
		at := c.Min.X
		points = append(points, vg.Point{X: at, Y: y(0)})
		for _, step := range steps {
			at = x(max(step.At.Seconds(), p.X.Min))
			points = append(points, vg.Point{X: at, Y: y(share)}, vg.Point{X: at, Y: y(step.Share)})
			share = step.Share
		}
		return append(points, vg.Point{X: c.Max.X, Y: y(share)})
	}
	upper, lower := curve(most), curve(least)
	band := append([]vg.Point{}, upper...)
	for i := len(lower) - 1; i >= 0; i-- {
		band = append(band, lower[i])
	}
	c.FillPolygon(bandInk, band)
	stroke(c, edgeInk, 1.2, upper...)
	stroke(c, edgeInk, 1.2, lower...)
}
