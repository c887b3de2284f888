package main

import (
	"math/rand/v2"
	"slices"

	"github.com/readback-go/readback/bench/internal/peer"
)

// pairable returns how late each flow was, for settings that are compared flow by flow:
// those of Learned, and the libraries at their defaults. It returns nil for others.
func pairable(s peer.Setting, late []float64) []float32 {
	if s.Peer != peer.OurLearned && !s.Default {
		return nil
	}
	flows := make([]float32, len(late))
	for i, l := range late {
		flows[i] = float32(l)
	}
	return flows
}

// resamples is how often the bootstrap draws the flows anew.
const resamples = 400

// times returns the 95 % interval of how many times as late as ours a poller is, both on the
// same lags. It uses Efron's bootstrap: flows are drawn again, each with both of its delays.
func times(theirs, ours []float32, seed uint64) (low, high float64) {
	r := rand.New(rand.NewPCG(seed, 1))
	n := uint32(len(ours))
	ratios := make([]float64, resamples)
	for i := range ratios {
		var a, b float64
		for range n {
			flow := r.Uint32N(n)
			a += float64(theirs[flow])
			b += float64(ours[flow])
		}
		ratios[i] = a / b
	}
	slices.Sort(ratios)
	return ratios[resamples*25/1000], ratios[resamples*975/1000]
}

// pairs returns the setting of Learned that takes the most reads of those that
// take no more than a cell does.
func (f field) pairs(c cell) (ours cell, ok bool) {
	for _, l := range f.cells {
		if l.Peer == peer.OurLearned && l.Reads <= c.Reads && (!ok || l.Late < ours.Late) {
			ours, ok = l, true
		}
	}
	return ours, ok
}

// surely counts the libraries at their defaults that are at least twice as late as a setting
// of Learned with no more reads, at the lower end of the 95 % interval.
func (f field) surely() (held, compared int) {
	for _, c := range f.cells {
		ours, ok := f.pairs(c)
		if !ok || !c.Default || !c.AtZero || !library(c) {
			continue
		}
		compared++
		if low, _ := times(c.late, ours.late, 1); low >= 2 {
			held++
		}
	}
	return held, compared
}
