package main

import (
	"math"

	"github.com/readback-go/readback/bench/internal/front"
	"github.com/readback-go/readback/bench/internal/peer"
	"github.com/readback-go/readback/internal/testing/laws"
)

// field is what was played on one law.
type field struct {
	law     laws.Law
	cells   []cell
	learned front.Front // of Learned over its sweep
	oracle  front.Front
}

// newField picks the law's cells from all.
func newField(l laws.Law, cells []cell, o options) field {
	f := field{law: l, oracle: front.Oracle(l, o.trip.Seconds(), peer.Longest.Seconds())}
	for _, c := range cells {
		if c.Law == l.Name {
			f.cells = append(f.cells, c)
		}
	}
	f.learned = front.Of(f.points(func(c cell) bool { return c.Peer == peer.OurLearned }))
	return f
}

func (f field) points(which func(cell) bool) (points []front.Point) {
	for _, c := range f.cells {
		if which(c) {
			points = append(points, c.Point)
		}
	}
	return points
}

// noise is the relative error of Learned near so many reads.
func (f field) noise(reads float64) float64 {
	var near cell
	for _, c := range f.cells {
		if c.Peer == peer.OurLearned && (near.Peer == "" || math.Abs(c.Reads-reads) < math.Abs(near.Reads-reads)) {
			near = c
		}
	}
	return near.Interval / near.Late
}

// verdict is how Learned compares with one setting.
type verdict int

const (
	fewer verdict = iota // the setting takes fewer reads than Learned ever does
	less                 // Learned is less late at no more reads
	same                 // the difference is within the noise
	more
)

func (f field) judge(c cell) verdict {
	ours, ok := f.learned.At(c.Reads)
	if !ok {
		return fewer
	}
	apart := math.Hypot(c.Interval, f.noise(c.Reads)*ours)
	switch {
	case math.Abs(c.Late-ours) <= apart:
		return same
	case ours < c.Late:
		return less
	}
	return more
}

// A score counts how Learned compares with some settings.
type score struct {
	Against string `json:"against"`
	Less    int    `json:"less"`
	Same    int    `json:"same"`
	More    int    `json:"more"`
	Fewer   int    `json:"fewer"`
}

func (s *score) count(v verdict) { *[]*int{&s.Fewer, &s.Less, &s.Same, &s.More}[v]++ }

func (s score) all() int { return s.Less + s.Same + s.More + s.Fewer }

// library reports whether a cell is of another library, not of ours and not of a rule that
// no library ships.
func library(c cell) bool {
	switch c.Peer {
	case peer.OurLearned, peer.OurBackoff, peer.Target, peer.Tick:
		return false
	}
	return true
}

// groups are the settings that Learned is compared with.
var groups = []struct {
	name string
	has  func(cell) bool
}{
	{"libraries", func(c cell) bool { return library(c) && c.AtZero }},
	{"of them to 10 reads", func(c cell) bool { return library(c) && c.AtZero && c.Reads <= 10 }},
	{"libraries, no read at 0", func(c cell) bool { return library(c) && !c.AtZero }},
	{"EWMA", func(c cell) bool { return c.Peer == peer.Target }},
	{"tuned tick", func(c cell) bool { return c.Peer == peer.Tick && c.AtZero }},
	{"tuned tick, no read at 0", func(c cell) bool { return c.Peer == peer.Tick && !c.AtZero }},
}

// scores compares Learned with every setting of the groups.
func (f field) scores() []score {
	all := make([]score, len(groups))
	for i, g := range groups {
		all[i].Against = g.name
		for _, c := range f.cells {
			if g.has(c) {
				all[i].count(f.judge(c))
			}
		}
	}
	return all
}

// worst returns the setting of a library that compares best with Learned at no more reads,
// and how many times as late as that setting Learned is.
func (f field) worst() (at cell, times float64) {
	for _, c := range f.cells {
		if ours, ok := f.learned.At(c.Reads); ok && library(c) && c.AtZero && ours/c.Late > times {
			at, times = c, ours/c.Late
		}
	}
	return at, times
}

// halves counts the libraries that are at least twice as late at their defaults
// as Learned at no more reads.
func (f field) halves() (held, compared int) {
	for _, c := range f.cells {
		if ours, ok := f.learned.At(c.Reads); ok && c.Default && c.AtZero && library(c) {
			compared++
			if ours <= c.Late/2 {
				held++
			}
		}
	}
	return held, compared
}

// possible counts the libraries at their defaults that are at least twice as late as the
// oracle.
func (f field) possible() (count int) {
	for _, c := range f.cells {
		if bound, ok := f.oracle.At(c.Reads); ok && c.Default && c.AtZero && library(c) && bound <= c.Late/2 {
			count++
		}
	}
	return count
}

// beside compares Learned with the best tick for the same number of reads, with or without
// the read at zero, between two and ten reads. It returns the least and the greatest ratio
// of their delays.
func (f field) beside() (least, most float64) {
	ticks := front.Of(f.points(func(c cell) bool { return c.Peer == peer.Tick }))
	least, most = math.Inf(1), 0
	for _, p := range f.learned {
		if late, ok := ticks.At(p.Reads); ok && p.Reads >= 2 && p.Reads <= 10 {
			least, most = min(least, p.Late/late), max(most, p.Late/late)
		}
	}
	return least, most
}
