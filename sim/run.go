package main

import (
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/play"
)

// settings say what to play.
type settings struct {
	flows   int
	seed    uint64
	workers int
	stop    int // violations
	real    bool
	within  time.Duration // of real time
}

const (
	// batchSize is how many flows share a bubble, one after the other.
	batchSize = 500
	// countedBatch is in how many batches one is whose goroutines are looked at.
	countedBatch = 10
)

// seedOf returns the seed of the n-th flow.
func seedOf(seed uint64, n int) uint64 {
	// The mixer of splitmix64, so that neighbours have nothing in common.
	z := seed*0x9e3779b97f4a7c15 + uint64(n+1)*0xd1b54a32d192ed03
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return max(z^z>>31, 1)
}

// run plays the flows of s in bubbles. Violations are written to out as they are
// found.
func run(t *testing.T, s settings, out io.Writer) *tally {
	// Little outlives a flow: the heap stays small, and would be collected so often that
	// a quarter of the time went there.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	total := newTally(out)
	total.stop = int64(s.stop)
	var (
		next    atomic.Int64
		workers sync.WaitGroup
	)
	for range s.workers {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for !total.enough() {
				batch := int(next.Add(1)) - 1
				first := batch * batchSize
				if first >= s.flows {
					return
				}
				seeds := make([]uint64, 0, batchSize)
				for n := first; n < min(first+batchSize, s.flows); n++ {
					seeds = append(seeds, seedOf(s.seed, n))
				}
				bubble(t, seeds, batch%countedBatch == 0, total)
			}
		}()
	}
	workers.Wait()
	return total
}

// bubble plays flows in a bubble, one after the other. Counted says that the
// goroutines that each leaves are looked at.
func bubble(t *testing.T, seeds []uint64, counted bool, total *tally) {
	var options play.Options
	if counted {
		options.Goroutines = lookout()
	}
	told := 0
	var stuck *play.Result
	playAll(t, seeds, options, func(r play.Result) {
		if r.Driver == "" {
			stuck = &r
			return
		}
		told++
		total.add(r)
	})
	if stuck == nil {
		return
	}
	// The bubble could not end, by any of its flows: each plays again alone.
	guilty := false
	for n, seed := range seeds {
		playAll(t, []uint64{seed}, options, func(r play.Result) {
			guilty = guilty || len(r.Violations) > 0
			if len(r.Violations) > 0 || n >= told {
				total.add(r)
			}
		})
		if total.enough() {
			return
		}
	}
	if !guilty {
		total.add(*stuck)
	}
}

// playAll plays flows in one bubble.
func playAll(t *testing.T, seeds []uint64, o play.Options, done func(play.Result)) {
	played := 0
	guarded(t, func() {
		if o.Goroutines != nil {
			o.Goroutines() // those of the bubble itself
		}
		for _, seed := range seeds {
			r := play.Flow(seed, o)
			played++
			done(r)
		}
	}, func() (int, uint64) { return played, seeds[min(played, len(seeds)-1)] }, done)
}

// guarded runs f in a bubble. If that cannot end, since goroutines wait for what
// never comes, it is a violation of the flow that current returns.
func guarded(t *testing.T, f func(), current func() (played int, seed uint64), done func(play.Result)) {
	defer func() {
		if p := recover(); p != nil {
			played, seed := current()
			text := fmt.Sprintf("after %d flows in the same bubble: %v", played, p)
			done(play.Result{
				Seed: seed, Outcome: consistency.Unconfirmed,
				Violations: []play.Violation{{Kind: play.Leak, Text: text}},
			})
		}
	}()
	synctest.Test(t, func(*testing.T) { f() })
}

// replayed plays one flow alone, prints its timeline, and returns 1 if it
// violates a law. What the library adds to a Retry-After at random is in no seed:
// so a flow that is fine is played some times more.
func replayed(t *testing.T, seed uint64, out io.Writer) int {
	var r play.Result
	for range 20 {
		playAll(t, []uint64{seed}, play.Options{Timeline: true, Goroutines: lookout()}, func(played play.Result) { r = played })
		if len(r.Violations) > 0 {
			break
		}
	}
	total := newTally(out)
	total.add(r)
	if len(r.Violations) == 0 {
		for _, line := range r.Timeline {
			fmt.Fprintf(out, "  %s\n", line)
		}
	}
	return finish(out, total)
}
