package lagplan

import (
	"errors"
	"fmt"
	"math"
)

// Snapshot is an [Estimate] as it is stored. Masses are rounded to a
// ten-thousandth of a flow.
type Snapshot struct {
	Levels []int             `json:"levels"` // of the blocks
	Broad  HistogramSnapshot `json:"broad"`
	Sharp  HistogramSnapshot `json:"sharp"`
	Lean   float64           `json:"lean"`
	Hits   float64           `json:"hits"`
	Later  []float64         `json:"later"`
}

// HistogramSnapshot is one of the two histograms of a [Snapshot].
type HistogramSnapshot struct {
	AtOnce float64   `json:"at_once"`
	Cells  []float64 `json:"cells"`
	Beyond float64   `json:"beyond"`
	Alarm  float64   `json:"alarm"`
}

// mostFlows bounds the mass that is left after forgetting, including errors of rounding.
const mostFlows = (memory + forgetAfter) * 1.01

// Snapshot returns what the estimate knows.
func (e *Estimate) Snapshot() Snapshot {
	cells := e.grid.end()
	s := Snapshot{
		Broad: e.broad.snapshot(cells),
		Sharp: e.sharp.snapshot(cells),
		Lean:  e.lean,
		Hits:  round(e.probes.hits),
	}
	for _, level := range e.grid.levels {
		s.Levels = append(s.Levels, int(level))
	}
	for _, n := range e.probes.later {
		s.Later = append(s.Later, round(float64(n)))
	}
	return s
}

// Estimate returns the estimate that was stored, or an error if the snapshot
// cannot be one.
func (s *Snapshot) Estimate() (e Estimate, err error) {
	if len(s.Later) != spans {
		return e, fmt.Errorf("%d counts of later reads, not %d", len(s.Later), spans)
	}
	if !(math.Abs(s.Lean) <= leanLevel) {
		return e, fmt.Errorf("lean out of range: %v", s.Lean)
	}
	flows := s.Hits
	ok := s.Hits >= 0
	for i, n := range s.Later {
		e.probes.later[i] = float32(n)
		flows += n
		ok = ok && n >= 0
	}
	if !ok || !(flows <= mostFlows) {
		return e, errors.New("counts of reads at zero out of range")
	}
	e.probes.hits, e.lean = s.Hits, s.Lean
	if e.grid, err = gridOf(s.Levels); err != nil {
		return e, err
	}
	cells := e.grid.end()
	if e.broad, err = s.Broad.histogram(cells); err != nil {
		return e, fmt.Errorf("broad: %w", err)
	}
	if e.sharp, err = s.Sharp.histogram(cells); err != nil {
		return e, fmt.Errorf("sharp: %w", err)
	}
	return e, nil
}

// gridOf returns the grid that was stored.
func gridOf(levels []int) (g grid, err error) {
	if len(levels) != blocks {
		return g, fmt.Errorf("%d levels, not %d", len(levels), blocks)
	}
	cells := 0
	for b, level := range levels {
		if level < 0 || level > mostLevel {
			return g, fmt.Errorf("level out of range: %d", level)
		}
		if cells += 1 << level; cells > maxCells {
			return g, fmt.Errorf("more than %d cells", maxCells)
		}
		g.levels[b] = uint8(level)
		g.extra[b+1] = g.extra[b] + uint16(1)<<level - 1
	}
	return g, nil
}

func (h *histogram) snapshot(cells int) HistogramSnapshot {
	s := HistogramSnapshot{
		AtOnce: round(float64(h.atOnce)),
		Cells:  make([]float64, cells),
		Beyond: round(float64(h.beyond)),
		Alarm:  h.alarm,
	}
	for c := range s.Cells {
		s.Cells[c] = round(float64(h.mass[c]))
	}
	return s
}

func (s *HistogramSnapshot) histogram(cells int) (h histogram, err error) {
	if len(s.Cells) != cells {
		return h, fmt.Errorf("%d cells, not %d", len(s.Cells), cells)
	}
	if !(s.Alarm >= 0 && s.Alarm <= alarmLevel) {
		return h, fmt.Errorf("alarm out of range: %v", s.Alarm)
	}
	if !(s.AtOnce >= 0 && s.Beyond >= 0) {
		return h, fmt.Errorf("negative mass outside the cells: %v, %v", s.AtOnce, s.Beyond)
	}
	h.alarm, h.atOnce, h.beyond = s.Alarm, float32(s.AtOnce), float32(s.Beyond)
	for c, m := range s.Cells {
		if !(m >= 0) {
			return h, fmt.Errorf("negative mass at %d: %v", c, m)
		}
		h.mass[c] = float32(m)
	}
	if h.total = h.all(); !(h.total <= mostFlows) {
		return h, fmt.Errorf("mass of %v flows, more than are remembered", h.total)
	}
	return h, nil
}

func round(mass float64) float64 { return math.Round(mass*1e4) / 1e4 }
