package report

import (
	"fmt"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

// lagAxis returns an axis for the lags: a logarithmic one if a long tail would
// press all else against its beginning.
func (r *Run) lagAxis(s *Summary, about float64, what string) axis {
	most, least := s.sample.Curves()
	end := time.Millisecond
	for _, steps := range [][]lags.Step{most, least} {
		if len(steps) > 0 {
			end = max(end, steps[len(steps)-1].At)
		}
	}
	end += end / 15
	if half, ok := s.sample.Quantile(0.5); ok && !half.Open() && half.To < end/20 {
		start := max(min(end/200, r.Interval.Duration()/2), time.Millisecond/10)
		return logAxis(start, end, what)
	}
	return timeAxis(end, about, what)
}

// distribution draws the share of writes that are visible by a time: a band,
// since the reads tell between what it lies, and the intervals of the quantiles.
func (r *Run) distribution(s *Summary) figure {
	most, least := s.sample.Curves()
	desc := "The share of writes that reads show, by the time since the write's answer. " + s.lagWords()
	return figure{
		ID: "distribution", Title: "Distribution of the lag", Desc: desc,
		high: func(size) float64 { return 290 },
		draw: func(c *canvas, z size) {
			f := framed(c, 46)
			x := r.lagAxis(s, z.ticks, "since the write's answer").place(f.left, f.right)
			y := axis{most: 1, ticks: []tick{{0, "0 %"}, {0.25, "25"}, {0.5, "50"}, {0.75, "75"}, {0.9, "90"}, {1, "100 %"}}}.place(f.bottom, f.top)
			f.across(c, x)
			f.up(c, y)
			drawBand(c, f, x, y, most, least)
			for _, q := range s.Lag.Quantiles {
				q.draw(c, x, y)
			}
		},
	}
}

// draw draws the interval of a quantile at its share, and a dot where the flows
// measured have it. Without an upper end it goes on to the edge, as an arrow.
func (q Quantile) draw(c *canvas, x, y axis) {
	at := y.at(q.Share)
	if q.Interval.open() && q.Interval.From == 0 {
		return // nothing is known
	}
	from, to := x.when(q.Interval.From.Duration()), x.to
	const half = 4.5
	if q.Interval.open() {
		c.dashes(rangeInk, 2, point{from, at}, point{to, at})
		c.line(rangeInk, 2, point{to - 6, at - half}, point{to, at}, point{to - 6, at + half})
	} else {
		to = x.when(q.Interval.To.Duration())
		c.line(rangeInk, 2, point{from, at}, point{to, at})
		c.line(rangeInk, 2, point{to, at - half}, point{to, at + half})
	}
	c.line(rangeInk, 2, point{from, at - half}, point{from, at + half})
	if q.Span != nil && !q.Span.open() {
		c.dot(rangeInk, (x.when(q.Span.From.Duration())+x.when(q.Span.To.Duration()))/2, at, 4)
	}
	name := percent(q.Share)
	switch {
	case from-x.from > width(name)+10: // the curve is at the right of it
		c.halo(textInk, atEnd, from-7, at, name)
	default:
		c.halo(textInk, atStart, to+7, at, name)
	}
}

// lagWords tells the quantiles in a sentence.
func (s *Summary) lagWords() string {
	words := ""
	for _, q := range s.Lag.Quantiles {
		if q.Span != nil {
			words += fmt.Sprintf("%s %s, of all writes %s with 95 %% confidence. ", percent(q.Share), q.Span.words(), q.Interval.words())
		}
	}
	if s.Lag.Longest != nil {
		words += fmt.Sprintf("The longest %s.", s.Lag.Longest.words())
	}
	return words
}

func drawBand(c *canvas, f frame, x, y axis, most, least []lags.Step) {
	const fine = 0.4
	curve := func(steps []lags.Step) []point {
		points := []point{{f.left, y.at(0)}}
		share := 0.0
		for i, step := range steps {
			at, last := x.when(step.At), points[len(points)-1]
			if i+1 < len(steps) && at-last.x < fine && last.y-y.at(step.Share) < fine {
				continue // nobody would see it
			}
			points = append(points, point{at, y.at(share)}, point{at, y.at(step.Share)})
			share = step.Share
		}
		return append(points, point{f.right, y.at(share)})
	}
	upper, lower := curve(most), curve(least)
	band := append([]point{}, upper...)
	for i := len(lower) - 1; i >= 0; i-- {
		band = append(band, lower[i])
	}
	c.area(bandInk, band)
	c.line(edgeInk, 1.2, upper...)
	c.line(edgeInk, 1.2, lower...)
}
