package readback_test

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback"
)

// What learning costs, as a multiple of what the best schedule costs that knows
// the law: the mean of six seeds, at a price of 10 ms. The limits are those
// that the schedule was built to, but for the laws that the comments name.
func TestLearned_cost(t *testing.T) {
	t.Parallel()
	const price, seeds = 0.010, 6
	var logs, laws float64
	for _, l := range lagLaws() {
		best := oracle(l, price, 60).at(price)
		var ratio [5]float64
		for seed := range uint64(seeds) {
			s := readback.NewLearned(readback.LearnedOptions{Price: 10 * time.Millisecond, Seed: seed + 1})
			for i, c := range play(s, l, rand.New(rand.NewPCG(seed, 99)), time.Minute, 10, 30, 100, 1000, 2000) {
				ratio[i] += c.at(price) / best / seeds
			}
		}
		t.Logf("%-24s %.2f %.2f %.2f %.2f %.2f", l.name, ratio[0], ratio[1], ratio[2], ratio[3], ratio[4])
		first, early, late := limits(l)
		assert.LessOrEqual(t, ratio[0], first, "%s: flows 1 to 10", l.name)
		assert.LessOrEqual(t, ratio[2], early, "%s: flows 31 to 100", l.name)
		assert.LessOrEqual(t, ratio[4], late, "%s: flows from 1001 on", l.name)
		logs += math.Log(ratio[4])
		laws++
	}
	assert.LessOrEqual(t, math.Exp(logs/laws), 1.08, "all laws")
}

// limits returns the most that flows 1 to 10, 31 to 100 and from 1001 on may
// cost.
func limits(l law) (first, early, late float64) {
	first, early, late = 2.2, 1.35, 1.10
	if l.narrow {
		late = 1.25
	}
	switch l.name {
	case "step":
		first = 2.4
	case "dead time, then a step":
		// One number that had only to be found would cost 2.4.
		first = 4.5
	}
	return first, early, late
}

// A budget of reads is kept from the three hundredth flow on, whatever the law.
// Laws where most writes are
// visible at once, or all within a few milliseconds, cannot use so many.
func TestLearned_budget(t *testing.T) {
	t.Parallel()
	for _, l := range lagLaws() {
		switch l.name {
		case "none", "near zero", "90 % at once", "97 % at once":
			continue
		}
		for _, want := range []float64{2, 3, 5} {
			const seeds = 3
			var taken float64
			for seed := range uint64(seeds) {
				s := readback.NewLearned(readback.LearnedOptions{Reads: want, Seed: seed + 1})
				costs := play(s, l, rand.New(rand.NewPCG(seed, 99)), time.Minute, 300, 1000)
				taken += costs[1].taken / seeds
			}
			t.Logf("%-24s %v: %.3f", l.name, want, taken/want)
			assert.InEpsilon(t, want, taken, 0.05, "%s", l.name)
		}
	}
}

// A budget far above the number of cells is used, too, and better than by a fixed
// tick, which with as many reads is late by half the mean lag over their number.
func TestLearned_manyReads(t *testing.T) {
	t.Parallel()
	l := lawNamed("slow")
	for _, want := range []float64{50, 200} {
		s := readback.NewLearned(readback.LearnedOptions{Reads: want, Seed: 1})
		costs := play(s, l, rand.New(rand.NewPCG(1, 99)), time.Minute, 300, 600)
		t.Logf("%v: %.1f reads, %.2f ms", want, costs[1].taken, costs[1].overshoot*1000)
		assert.InEpsilon(t, want, costs[1].taken, 0.1)
		assert.Less(t, costs[1].overshoot, 0.9*l.mean/want/2)
	}
}

// A write that is visible at once costs one read and no delay.
func TestLearned_visibleAtOnce(t *testing.T) {
	t.Parallel()
	for _, options := range []readback.LearnedOptions{{Seed: 1}, {Seed: 1, Price: 10 * time.Millisecond}} {
		s := taught(options, lawNamed("none"), 20)
		for range 1000 {
			assert.Zero(t, s.First(time.Minute))
			s.Observe(readback.Lag{After: -1, By: 0, Reads: 1})
		}
	}
}

// When the lag changes, it is learned anew: a jump from 80 to 480 ms, back
// again, and a narrow lag that becomes shorter, which no read that hits tells.
func TestLearned_drift(t *testing.T) {
	t.Parallel()
	const price = 0.010
	tests := []struct {
		name     string
		from, to law
		flows    int // after which the cost is within the limit again
		limit    float64
	}{
		{"longer", lognormal(0.08, 0.5).within(60), lognormal(0.48, 0.5).within(60), 30, 1.5},
		{"shorter", lognormal(0.48, 0.5).within(60), lognormal(0.08, 0.5).within(60), 30, 1.5},
		{"narrow and shorter", lognormal(0.2, 0.05).within(60), lognormal(0.1, 0.05).within(60), 600, 2.5},
		{"no longer at once", lawNamed("none"), lognormal(0.08, 0.5).within(60), 30, 1.5},
		{"at once", lognormal(0.08, 0.5).within(60), lawNamed("none"), 300, 1.3},
	}
	for _, tt := range tests {
		best := oracle(tt.to, price, 60).at(price)
		var ratio float64
		const seeds = 8
		for seed := range uint64(seeds) {
			s := taught(readback.LearnedOptions{Price: 10 * time.Millisecond, Seed: seed + 1}, tt.from, 500)
			costs := play(s, tt.to, rand.New(rand.NewPCG(seed, 5)), time.Minute, tt.flows, tt.flows+100)
			ratio += costs[1].at(price) / best / seeds
		}
		t.Logf("%-24s %.2f", tt.name, ratio)
		assert.LessOrEqual(t, ratio, tt.limit, tt.name)
	}
}

// Flows that run at the same time share one schedule and learn as well.
func TestLearned_concurrent(t *testing.T) {
	t.Parallel()
	const price = 0.010
	l := lawNamed("lognormal")
	s := readback.NewLearned(readback.LearnedOptions{Price: 10 * time.Millisecond, Seed: 1})
	var flows sync.WaitGroup
	for i := range uint64(64) {
		flows.Go(func() {
			key := s
			if i%2 == 0 {
				key = s.For("workspaces")
			}
			play(key, l, rand.New(rand.NewPCG(i, 1)), time.Minute, 30)
			_, err := s.MarshalJSON()
			assert.NoError(t, err)
		})
	}
	flows.Wait()
	best := oracle(l, price, 60).at(price)
	for _, key := range []*readback.Learned{s, s.For("workspaces")} {
		costs := play(key, l, rand.New(rand.NewPCG(1, 2)), time.Minute, 200)
		assert.LessOrEqual(t, costs[0].at(price)/best, 1.2)
	}
}
