package report

import (
	"fmt"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// bars draws what the schedules would have made of the lags.
func (s *Summary) bars() figure {
	end := time.Millisecond
	var words []string
	for _, o := range s.Overshoot {
		end = max(end, o.Mean.Duration(), o.tail().Duration())
		words = append(words, fmt.Sprintf("%s %s with %.1f reads", o.Schedule, nice(o.Mean.Duration()), o.Reads))
	}
	end += end / 20
	const row = 38
	return figure{
		ID: "overshoot", Title: "How late each schedule would have noticed",
		Desc: "The mean time from the end of the lag to the read that notices: " + strings.Join(words, ", ") + ".",
		high: func(size) vg.Length { return vg.Length(len(s.Overshoot))*row + 50 },
		draw: func(p *plot.Plot, z size) {
			timeAxis(&p.X, z, end, "late by, mean and tail")
			p.Y.Min, p.Y.Max = 0, float64(len(s.Overshoot))
			p.HideY()
			p.Add(drawn(grid), drawn(func(c draw.Canvas, p *plot.Plot) {
				for i, o := range s.Overshoot {
					o.draw(c, p, z, len(s.Overshoot)-i-1)
				}
			}))
		},
	}
}

// tail is the p99 of a schedule, or the p90 if there are too few flows for that.
func (o *Overshoot) tail() Millis {
	switch {
	case o.P99 != nil:
		return *o.P99
	case o.P90 != nil:
		return *o.P90
	}
	return o.Mean
}

// draw draws a bar up to the mean, a line to the tail, and a text above.
func (o *Overshoot) draw(c draw.Canvas, p *plot.Plot, z size, row int) {
	x, y := p.Transforms(&c)
	low := y(float64(row)) + 5
	const thick = 11
	colour, name := otherInk, mutedInk
	if o.Ours {
		colour, name = markInk, textInk
	}
	zero, mean, tail := x(0), x(o.Mean.Duration().Seconds()), x(o.tail().Duration().Seconds())
	box(c, colour, zero, low, max(mean, zero+1.5), low+thick)
	if tail > mean {
		middle := low + thick/2
		stroke(c, colour, 1.5, vg.Point{X: mean, Y: middle}, vg.Point{X: tail, Y: middle})
		stroke(c, colour, 1.5, vg.Point{X: tail, Y: middle - 3.5}, vg.Point{X: tail, Y: middle + 3.5})
	}
	words := fmt.Sprintf("%s: %s, %.1f reads", o.Schedule, nice(o.Mean.Duration()), o.Reads)
	c.FillText(label(p, z, name), vg.Point{X: zero, Y: low + thick + 9}, words)
}
