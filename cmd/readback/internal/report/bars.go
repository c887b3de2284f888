package report

import (
	"fmt"
	"strings"
	"time"
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
		high: func(size) float64 { return float64(len(s.Overshoot))*row + below + 8 },
		draw: func(c *canvas, z size) {
			f := framed(c, 8)
			x := timeAxis(end, z.ticks, "late by, mean and tail").place(f.left, f.right)
			f.across(c, x)
			for i, o := range s.Overshoot {
				o.draw(c, x, f.top+float64(i)*row)
			}
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

// draw draws a text, and below it a bar up to the mean and a line to the tail.
func (o *Overshoot) draw(c *canvas, x axis, top float64) {
	const thick = 11
	colour, name := otherInk, mutedInk
	if o.Ours {
		colour, name = markInk, textInk
	}
	zero, mean, tail := x.from, x.when(o.Mean.Duration()), x.when(o.tail().Duration())
	c.text(name, atStart, zero, top+11, fmt.Sprintf("%s: %s, %.1f reads", o.Schedule, nice(o.Mean.Duration()), o.Reads))
	high := top + 21
	c.box(colour, zero, high, max(mean, zero+1.5), high+thick)
	if tail > mean {
		at := high + thick/2.0
		c.line(colour, 1.5, point{mean, at}, point{tail, at})
		c.line(colour, 1.5, point{tail, at - 3.5}, point{tail, at + 3.5})
	}
}
