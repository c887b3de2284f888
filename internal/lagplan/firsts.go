package lagplan

import (
	"errors"
	"math"
)

// Firsts finds out whether early first reads make flows late. Normally a flow that reads early
// notices its write no later than others. But if a cache keeps the 404 of an early read, such
// a flow is late by as long as the 404 is kept. Then [Firsts.Careful] is true, and
// [Firsts.Best] is the best time of the first read, as learned from flows.
//
// For each flow with an early first read, it takes the time at which the flow noticed its
// write, relative to the best mean of flows that read later: how much greater it is, at most
// muchLater, less a margin. It adds these up, and never goes below zero. If reads change
// nothing, the mean of the terms is negative, and the sum falls back to zero again and again;
// if a 404 is kept, the sum grows. A contradiction finds that, too, where no flow would read
// late enough by itself.
type Firsts struct {
	by      [arms]float32 // by time of the first read: when flows noticed their write, on average
	flows   [arms]uint8   // how many flows, at most rememberedFirsts
	late    float32       // the sum
	careful bool
	hides   contradiction
}

const (
	arms             = 38 // times of a first read, half an octave apart, from a millisecond on
	knownFirsts      = 6  // flows that make a mean
	rememberedFirsts = 16
	clearly          = 2   // arms: so much later is the read that an early one is held against
	muchLater        = 3   // times the mean: what counts of one flow at most
	margin           = 0.5 // of the mean
	suspicion        = 12  // sum from which on reads are careful
	certainty        = 8   // the sum at most from then on, so that it can end
)

// arm returns the number of a time: 0 for any before a millisecond and a half.
func arm(first float64) int {
	if first < 1e-3 {
		return 0
	}
	return int(min(math.Round(2*math.Log2(first/1e-3)), arms-1))
}

// timeOf returns the time of an arm.
func timeOf(arm int) float64 { return 1e-3 * math.Exp2(float64(arm)/2) }

// Careful reports whether early reads make flows late.
func (f *Firsts) Careful() bool { return f.careful }

// Sample returns between which times the first reads of some flows tell most of what early
// reads do, and the share of such flows; zeros once that is known.
func (f *Firsts) Sample() (from, to, share float64) { return f.hides.sample() }

// Observe learns from a flow: when it read first, when it read last without seeing its write,
// which is negative if it never did, and when it noticed its write.
func (f *Firsts) Observe(first, after, by float64) {
	if !f.careful && f.hides.observe(first, after, by) {
		f.careful, f.late, f.hides = true, certainty, contradiction{}
	}
	f.learn(first, by)
}

// Unseen learns from a flow that ended before it noticed its write: when it read first, and when
// it ended. After an outage, which has many of them, no sample waits as long as they did.
func (f *Firsts) Unseen(first, ended float64) { f.learn(first, ended) }

func (f *Firsts) learn(first, by float64) {
	own := arm(first)
	if best := f.earliest(knownFirsts); best >= own+clearly && f.by[best] > 0 {
		f.late = max(f.late+min(float32(by)/f.by[best]-1, muchLater)-margin, 0)
		switch {
		case f.careful && f.late == 0:
			*f = Firsts{}
		case f.careful || f.late >= suspicion:
			f.careful, f.late = true, min(f.late, certainty)
		}
	}
	f.flows[own] = min(f.flows[own]+1, rememberedFirsts)
	f.by[own] += (float32(by) - f.by[own]) / float32(f.flows[own])
}

// earliest returns the arm whose flows notice first, among the arms with at least so many
// flows; -1 if there is none.
func (f *Firsts) earliest(flows uint8) int {
	best := -1
	for i, n := range f.flows {
		if n >= flows && (best < 0 || f.by[i] < f.by[best]) {
			best = i
		}
	}
	return best
}

// Best returns the best time of the first read, and the share of flows that may try an earlier
// one: so few that their loss is at most a tenth of what the others need. A time that no flow
// has tried counts as late enough if it is after all times that make flows late.
func (f *Firsts) Best() (at, tries float64) {
	known := f.earliest(1)
	if known < 0 {
		return 0, 0
	}
	floor, lost := 0, float32(0)
	for i := range known {
		if f.flows[i] > 0 && f.by[i] > muchLater*f.by[known] {
			floor, lost = i+1, max(lost, f.by[i])
		}
	}
	best, least := known, f.by[known]
	for i := floor; i < known; i++ {
		if t := float32(timeOf(i)); f.flows[i] == 0 && t < least {
			best, least = i, t
		}
	}
	for i := known + 1; i < arms; i++ {
		if t := float32(timeOf(i)); f.flows[i] == 0 && t < least {
			best, least = i, t
		}
	}
	if lost > 0 {
		tries = min(0.1*float64(least/lost), 0.02)
	}
	return timeOf(best), tries
}

// FirstsSnapshot is a [Firsts] as it is stored.
type FirstsSnapshot struct {
	By    []float64 `json:"by"`
	Flows []int     `json:"flows"`
	Late  float64   `json:"late"`
}

// Snapshot returns the state if reads must be careful, and nil otherwise.
func (f *Firsts) Snapshot() *FirstsSnapshot {
	if !f.careful {
		return nil
	}
	s := &FirstsSnapshot{Late: float64(f.late)}
	for i, n := range f.flows {
		s.By, s.Flows = append(s.By, round(float64(f.by[i]))), append(s.Flows, int(n))
	}
	return s
}

// Firsts returns the stored state, or an error if it is invalid.
func (s *FirstsSnapshot) Firsts() (f Firsts, err error) {
	if s == nil {
		return f, nil
	}
	bad := errors.New("first reads out of range")
	if len(s.By) != arms || len(s.Flows) != arms || !(s.Late > 0 && s.Late <= certainty) {
		return f, bad
	}
	f.careful, f.late = true, float32(s.Late)
	for i, n := range s.Flows {
		if n < 0 || n > rememberedFirsts || !(s.By[i] >= 0 && s.By[i] <= math.MaxFloat32) {
			return Firsts{}, bad
		}
		f.flows[i], f.by[i] = uint8(n), float32(s.By[i])
	}
	return f, nil
}
