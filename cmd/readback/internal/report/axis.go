package report

import (
	"fmt"
	"math"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// timeAxis makes an axis of seconds from zero to most.
func timeAxis(axis *plot.Axis, s size, most time.Duration, what string) {
	ticks := 4.0
	if s == wide {
		ticks = 8
	}
	unit, name := unitOf(most)
	axis.Min, axis.Max = 0, most.Seconds()
	step := stepOf(most.Seconds() / ticks)
	var marks plot.ConstantTicks
	for i := 0; ; i++ {
		at := float64(i) * step
		if at > most.Seconds()*1.0001 {
			break
		}
		marks = append(marks, plot.Tick{Value: at, Label: fmt.Sprintf("%.5g", at/unit.Seconds())})
	}
	axis.Tick.Marker = marks
	axis.Label.Text = what + ", " + name
}

// logAxis makes a logarithmic axis of seconds.
func logAxis(axis *plot.Axis, least, most time.Duration, what string) {
	unit, name := unitOf(most)
	axis.Min, axis.Max = least.Seconds(), most.Seconds()
	axis.Scale = plot.LogScale{}
	var marks plot.ConstantTicks
	for decade := math.Pow(10, math.Floor(math.Log10(axis.Min))); decade <= axis.Max; decade *= 10 {
		for _, digit := range []float64{1, 2, 5} {
			at := decade * digit
			if at < axis.Min*0.999 || at > axis.Max*1.001 {
				continue
			}
			tick := plot.Tick{Value: at}
			if digit == 1 || axis.Max/axis.Min < 50 {
				tick.Label = fmt.Sprintf("%.5g", at/unit.Seconds())
			}
			marks = append(marks, tick)
		}
	}
	axis.Tick.Marker = marks
	axis.Label.Text = what + ", " + name
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

// grid draws a line at each tick of the axis of times.
func grid(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for _, tick := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		at := x(tick.Value)
		stroke(c, gridInk, 0.7, vg.Point{X: at, Y: c.Min.Y}, vg.Point{X: at, Y: c.Max.Y})
	}
}
