package lagplan

import (
	"errors"
	"fmt"
	"math"
)

// Snapshot is an [Estimate] as it is stored. Masses are rounded to a
// ten-thousandth of a flow.
type Snapshot struct {
	Broad HistogramSnapshot `json:"broad"`
	Sharp HistogramSnapshot `json:"sharp"`
	Lean  float64           `json:"lean"`
	Hits  float64           `json:"hits"`
	Later []float64         `json:"later"`
}

// HistogramSnapshot is one of the two histograms of a [Snapshot].
type HistogramSnapshot struct {
	AtOnce float64   `json:"at_once"`
	Cells  []float64 `json:"cells"`
	Beyond float64   `json:"beyond"`
	Alarm  float64   `json:"alarm"`
}

// mostFlows bounds the mass that forgetting can leave, and what rounding adds.
const mostFlows = (memory + forgetAfter) * 1.01

// Snapshot returns what the estimate knows.
func (e *Estimate) Snapshot() Snapshot {
	s := Snapshot{
		Broad: e.broad.snapshot(),
		Sharp: e.sharp.snapshot(),
		Lean:  e.lean,
		Hits:  round(e.probes.hits),
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
	if e.broad, err = s.Broad.histogram(); err != nil {
		return e, fmt.Errorf("broad: %w", err)
	}
	if e.sharp, err = s.Sharp.histogram(); err != nil {
		return e, fmt.Errorf("sharp: %w", err)
	}
	return e, nil
}

func (h *histogram) snapshot() HistogramSnapshot {
	s := HistogramSnapshot{
		AtOnce: round(float64(h.mass[atOnce])),
		Cells:  make([]float64, Cells),
		Beyond: round(float64(h.mass[beyond])),
		Alarm:  h.alarm,
	}
	for c := range s.Cells {
		s.Cells[c] = round(float64(h.mass[c]))
	}
	return s
}

func (s *HistogramSnapshot) histogram() (h histogram, err error) {
	if len(s.Cells) != Cells {
		return h, fmt.Errorf("%d cells, not %d", len(s.Cells), Cells)
	}
	if !(s.Alarm >= 0 && s.Alarm <= alarmLevel) {
		return h, fmt.Errorf("alarm out of range: %v", s.Alarm)
	}
	h.alarm = s.Alarm
	for c, m := range s.Cells {
		h.mass[c] = float32(m)
	}
	h.mass[atOnce], h.mass[beyond] = float32(s.AtOnce), float32(s.Beyond)
	for place, m := range h.mass {
		if !(m >= 0) {
			return h, fmt.Errorf("negative mass at %d: %v", place, m)
		}
		h.total += float64(m)
	}
	if !(h.total <= mostFlows) {
		return h, fmt.Errorf("mass of %v flows, more than are remembered", h.total)
	}
	return h, nil
}

func round(mass float64) float64 { return math.Round(mass*1e4) / 1e4 }
