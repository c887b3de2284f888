package report

import (
	"fmt"
	"math"
	"time"
)

// A tick is a place of an axis.
type tick struct {
	at    float64
	label string // may be empty
}

// An axis maps numbers to places of a drawing.
type axis struct {
	least, most float64 // in seconds, if it is one of times
	log         bool
	from, to    float64 // places of least and most
	ticks       []tick
	title       string
}

// at returns the place of a number, which is never outside of the axis.
func (a axis) at(v float64) float64 {
	v = min(max(v, a.least), a.most)
	share := (v - a.least) / (a.most - a.least)
	if a.log {
		share = math.Log(v/a.least) / math.Log(a.most/a.least)
	}
	return a.from + share*(a.to-a.from)
}

// when returns the place of a time.
func (a axis) when(d time.Duration) float64 { return a.at(d.Seconds()) }

// place returns the axis between two places of a drawing.
func (a axis) place(from, to float64) axis {
	a.from, a.to = from, to
	return a
}

// timeAxis returns an axis from zero to most, with about so many ticks.
func timeAxis(most time.Duration, about float64, what string) axis {
	unit, name := unitOf(most)
	a := axis{most: most.Seconds(), title: what + ", " + name}
	step := stepOf(a.most / about)
	for i := 0; float64(i)*step <= a.most*1.0001; i++ {
		at := float64(i) * step
		a.ticks = append(a.ticks, tick{at, fmt.Sprintf("%.5g", at/unit.Seconds())})
	}
	return a
}

// logAxis returns a logarithmic axis of times.
func logAxis(least, most time.Duration, what string) axis {
	unit, name := unitOf(most)
	a := axis{least: least.Seconds(), most: most.Seconds(), log: true, title: what + ", " + name}
	for decade := math.Pow(10, math.Floor(math.Log10(a.least))); decade <= a.most; decade *= 10 {
		for _, digit := range []float64{1, 2, 5} {
			t := tick{at: decade * digit}
			if t.at < a.least*0.999 || t.at > a.most*1.001 {
				continue
			}
			if digit == 1 || a.most/a.least < 50 {
				t.label = fmt.Sprintf("%.5g", t.at/unit.Seconds())
			}
			a.ticks = append(a.ticks, t)
		}
	}
	return a
}

func unitOf(most time.Duration) (time.Duration, string) {
	switch {
	case most > 20*time.Minute:
		return time.Minute, "min"
	case most > 3*time.Second:
		return time.Second, "s"
	}
	return time.Millisecond, "ms"
}

// stepOf returns the next of 1, 2 and 5 times a power of ten.
func stepOf(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, digit := range []float64{1, 2, 5} {
		if digit*power >= least*0.999 {
			return digit * power
		}
	}
	return 10 * power
}

// A frame is the part of a drawing that data are drawn in.
type frame struct{ left, top, right, bottom float64 }

const below = 42 // the frame: the labels of an axis, and its title

// framed returns the frame of a drawing with a margin for labels at its left.
func framed(c *canvas, left float64) frame {
	return frame{left: left, top: 8, right: c.wide - 12, bottom: c.high - below}
}

// across draws an axis below the frame, with a line up from each tick.
func (f frame) across(c *canvas, a axis) {
	c.line(gridInk, 1, point{f.left, f.bottom}, point{f.right, f.bottom})
	for _, t := range a.ticks {
		x := a.at(t.at)
		c.line(gridInk, 0.7, point{x, f.top}, point{x, f.bottom + 4})
		if t.label != "" {
			c.text(mutedInk, atMiddle, x, f.bottom+13, t.label)
		}
	}
	c.text(mutedInk, atMiddle, (f.left+f.right)/2, f.bottom+32, a.title)
}

// up draws an axis beside the frame, with a line across from each tick.
func (f frame) up(c *canvas, a axis) {
	for _, t := range a.ticks {
		y := a.at(t.at)
		c.line(gridInk, 0.7, point{f.left, y}, point{f.right, y})
		if t.label != "" {
			c.text(mutedInk, atEnd, f.left-6, y, t.label)
		}
	}
}
