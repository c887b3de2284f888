package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/bench/internal/front"
	"github.com/readback-go/readback/bench/internal/peer"
	"github.com/readback-go/readback/internal/testing/laws"
)

// What all flows have in common does not widen the interval, as the same lags
// for all do not.
func TestTimes(t *testing.T) {
	ours, theirs := make([]float32, 1000), make([]float32, 1000)
	for i := range ours {
		ours[i] = float32(i % 10)
		theirs[i] = 3 * ours[i]
	}
	low, high := times(theirs, ours, 1)
	assert.InDelta(t, 3, low, 1e-6)
	assert.InDelta(t, 3, high, 1e-6)

	for i := range theirs {
		theirs[i] = 3 * float32((i/10)%10)
	}
	low, high = times(theirs, ours, 1)
	assert.InDelta(t, 2.8, low, 0.1)
	assert.InDelta(t, 3.2, high, 0.1)
	again, _ := times(theirs, ours, 1)
	assert.Equal(t, low, again)
}

func TestField_pairs(t *testing.T) {
	f := field{}
	for _, p := range []front.Point{{Reads: 2, Late: 5}, {Reads: 3, Late: 2}, {Reads: 4, Late: 1}} {
		f.cells = append(f.cells, cell{Peer: peer.OurLearned, Point: p})
	}
	ours, ok := f.pairs(cell{Point: front.Point{Reads: 3.5}})
	assert.True(t, ok)
	assert.Equal(t, 2.0, ours.Late)
	_, ok = f.pairs(cell{Point: front.Point{Reads: 1.9}})
	assert.False(t, ok)
}

// A new key begins with what its parent knows, and is soon right where that is
// wrong.
func TestLearnedAfter(t *testing.T) {
	const others = 200
	l := laws.Lognormal(0.08, 0.5).Within(60)
	cost := func(median float64, windows ...int) []float64 {
		after := func(options readback.LearnedOptions) peer.Setting { return peer.LearnedAfter(options, others) }
		old := laws.Lognormal(median, 0.5).Within(60)
		return follow(t, small, l, append([]int{others}, windows...), after, func(round uint64) peer.Lags {
			return append(draw(old, others, 1, round), draw(l, 100, 2, round)...)
		}).Ratio[1:]
	}
	right, wrong := cost(0.08, others+10, others+100), cost(0.48, others+10, others+100)
	assert.Less(t, right[0], 1.25)
	assert.Greater(t, wrong[0], right[0])
	assert.Less(t, wrong[1], 1.35)
}
