package report

import "time"

// timeline draws each flow's lag at the time of the run when its write was sent,
// and the quantiles of all across.
func (r *Run) timeline(s *Summary) figure {
	return figure{
		ID: "timeline", Title: "The lag over the time of the run",
		Desc: "Each flow's lag, by when its write was sent: " + count(s.Lag.Flows, "flow") + " in " + nice(r.lasted()) + ". " + s.dependsWords(),
		high: func(size) float64 { return 250 },
		draw: func(c *canvas, z size) {
			y := r.lagAxis(s, 5, "lag")
			widest := 0.0
			for _, t := range y.ticks {
				widest = max(widest, width(t.label))
			}
			f := framed(c, widest+10)
			f.top += 16 // for the title
			x := timeAxis(r.lasted(), z.ticks, "since the run began").place(f.left+4, f.right-4)
			y = y.place(f.bottom, f.top)
			f.across(c, x)
			f.up(c, y)
			c.text(mutedInk, atStart, 0, 8, y.title)
			var seen, unseen []segment
			for i := range r.Flows {
				flow := &r.Flows[i]
				if line, ended, told := flow.lagLine(r.For, x, y); told && ended {
					seen = append(seen, line)
				} else if told {
					unseen = append(unseen, line, arrow(line, -3.5), arrow(line, 3.5))
				}
			}
			c.lines(edgeInk, 2.4, seen)
			c.lines(refuseInk, 2, unseen)
			for _, q := range s.Lag.Quantiles {
				if q.Span == nil || q.Span.open() {
					continue
				}
				at := y.when(q.Span.To.Duration())
				c.dashes(mutedInk, 1, point{f.left, at}, point{f.right, at})
				c.halo(mutedInk, atEnd, f.right, at-8, percent(q.Share))
			}
		},
	}
}

// lasted returns how long it was from the first write to the last.
func (r *Run) lasted() time.Duration {
	end := time.Millisecond
	for _, f := range r.Flows {
		end = max(end, f.Began.Duration())
	}
	return end
}

// lagLine returns a line between what the lag of a flow lies, at the time when
// the flow began; up to the edge if it was not seen to end.
func (f *Flow) lagLine(goal string, x, y axis) (line segment, ended, told bool) {
	lag, told := f.Lag(goal)
	if !told {
		return line, false, false
	}
	span := lag.Span()
	at, from := x.when(f.Began.Duration()), y.when(span.From)
	if span.Open() {
		return segment{{at, from}, {at, y.to}}, false, true
	}
	to := y.when(span.To)
	if from-to < 3 { // enough to see
		from, to = (from+to)/2+1.5, (from+to)/2-1.5
	}
	return segment{{at, from}, {at, to}}, true, true
}

// arrow returns one side of the head of an arrow at the end of a line upwards.
func arrow(line segment, aside float64) segment {
	end := line[1]
	return segment{{end.x + aside, end.y + 6}, end}
}

// dependsWords tells what lags go with, in sentences.
func (s *Summary) dependsWords() string {
	words := ""
	for _, d := range s.Depends {
		words += sentence(d.Words) + " "
	}
	return words
}
