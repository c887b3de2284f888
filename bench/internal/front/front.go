// Package front compares schedules that trade reads for delay.
package front

import (
	"cmp"
	"slices"
)

// A Point is the mean of some flows: their reads, and the seconds from the end of the lag to
// the read that noticed it.
type Point struct {
	Reads float64 `json:"reads"`
	Late  float64 `json:"late"`
}

// A Front is the points that no other point beats in both values, in the order of reads.
type Front []Point

// Of returns the front of some points.
func Of(points []Point) (f Front) {
	sorted := slices.SortedFunc(slices.Values(points), func(a, b Point) int {
		return cmp.Or(cmp.Compare(a.Reads, b.Reads), cmp.Compare(a.Late, b.Late))
	})
	for _, p := range sorted {
		if len(f) == 0 || p.Late < f[len(f)-1].Late {
			f = append(f, p)
		}
	}
	return f
}

// At returns how late the front is with at most so many reads. Between two points it
// interpolates, since flows that choose one or the other at random reach that mean. It
// returns false below the fewest reads.
func (f Front) At(reads float64) (late float64, ok bool) {
	i, _ := slices.BinarySearchFunc(f, reads, func(p Point, reads float64) int { return cmp.Compare(p.Reads, reads) })
	switch {
	case i < len(f) && f[i].Reads == reads:
		return f[i].Late, true
	case i == 0:
		return 0, false
	case i == len(f):
		return f[i-1].Late, true
	}
	a, b := f[i-1], f[i]
	share := (reads - a.Reads) / (b.Reads - a.Reads)
	return a.Late + share*(b.Late-a.Late), true
}
