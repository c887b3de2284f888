package main

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/bench/internal/front"
	"github.com/readback-go/readback/bench/internal/peer"
	"github.com/readback-go/readback/internal/testing/laws"
)

const (
	rounds = 20                    // learners whose mean is taken
	price  = 10 * time.Millisecond // of a read
)

// A curve is the mean of flows while a schedule learns.
type curve struct {
	Lag    string        `json:"lag"`
	Flows  []int         `json:"flows"`  // last flow of each window
	Budget []front.Point `json:"budget"` // of three reads
	Priced []front.Point `json:"priced"` // at 10 ms a read
	Ratio  []float64     `json:"ratio"`  // cost of Priced, over the oracle's
}

// learningCurves plays learners from cold on each law.
func learningCurves(t *testing.T, o options, all []laws.Law) []curve {
	windows := []int{10, 30, 100, 1000, 2000}
	curves := make([]curve, len(all))
	var each sync.WaitGroup
	for i, l := range all {
		each.Go(func() {
			curves[i] = follow(t, o, l, windows, learner, func(round uint64) peer.Lags { return draw(l, windows[len(windows)-1], o.seed, round+1) })
			curves[i].Lag = l.Name
		})
	}
	each.Wait()
	return curves
}

// drifts plays learners on a lag that jumps from 80 to 480 ms and back, after
// five hundred flows each. The windows count from the jump.
func drifts(t *testing.T, o options) []curve {
	const settled = 500
	windows := []int{10, 30, 100, 300}
	short, long := laws.Lognormal(0.08, 0.5).Within(60), laws.Lognormal(0.48, 0.5).Within(60)
	jump := func(name string, from, to laws.Law) curve {
		all := append([]int{settled}, windows...)
		for i := range windows {
			all[i+1] += settled
		}
		c := follow(t, o, to, all, learner, func(round uint64) peer.Lags {
			return append(draw(from, settled, o.seed, round+1, 1), draw(to, windows[len(windows)-1], o.seed, round+1, 2)...)
		})
		return curve{name, windows, c.Budget[1:], c.Priced[1:], c.Ratio[1:]}
	}
	return []curve{jump("80 to 480 ms", short, long), jump("480 to 80 ms", long, short)}
}

// parents plays a new key on a lognormal lag of 80 ms, after five hundred flows of
// another key: on the same lag, and on lags that make the parent wrong.
func parents(t *testing.T, o options) []curve {
	const others = 500
	windows := []int{10, 30, 100}
	l := laws.Lognormal(0.08, 0.5).Within(60)
	after := func(options readback.LearnedOptions) peer.Setting { return peer.LearnedAfter(options, others) }
	curves := []curve{follow(t, o, l, windows, learner, func(round uint64) peer.Lags { return draw(l, 100, o.seed, round+1) })}
	curves[0].Lag = "no parent"
	for _, p := range []struct {
		name   string
		median float64
	}{{"the same lag", 0.08}, {"6 times as long", 0.48}, {"6 times as short", 0.08 / 6}} {
		old := laws.Lognormal(p.median, 0.5).Within(60)
		c := follow(t, o, l, append([]int{others}, others+10, others+30, others+100), after, func(round uint64) peer.Lags {
			return append(draw(old, others, o.seed, round+1, 1), draw(l, 100, o.seed, round+1)...)
		})
		curves = append(curves, curve{p.name, windows, c.Budget[1:], c.Priced[1:], c.Ratio[1:]})
	}
	return curves
}

// learner returns a schedule that has learned nothing.
func learner(options readback.LearnedOptions) peer.Setting { return peer.LearnedWith("", options) }

// trips plays the defaults and Learned's sweep on a lognormal lag of 80 ms with
// reads that take as long, and ten times as long.
func trips(t *testing.T, o options) (fields []field) {
	settings := slices.DeleteFunc(peer.Settings(o.seed), func(s peer.Setting) bool {
		return !s.Default && s.Peer != peer.OurLearned
	})
	l := laws.Named("lognormal")
	for _, trip := range []time.Duration{80 * time.Millisecond, 800 * time.Millisecond} {
		o.trip = trip
		f := newField(l, playAll(t, trip, jobs(o, []laws.Law{l}, settings)), o)
		f.law.Name = "reads of " + trip.String()
		fields = append(fields, f)
	}
	return fields
}

// follow plays some learners and returns the means of their windows.
func follow(t *testing.T, o options, l laws.Law, windows []int, setting func(readback.LearnedOptions) peer.Setting, lags func(round uint64) peer.Lags) curve {
	best, _ := front.Oracle(l, o.trip.Seconds(), peer.Longest.Seconds()).Least(price.Seconds())
	c := curve{Flows: windows}
	for round := range uint64(rounds) {
		given := lags(round)
		seed := o.seed + round
		c.Budget = add(c.Budget, means(t, o, setting(readback.LearnedOptions{Seed: seed}), given, windows))
		c.Priced = add(c.Priced, means(t, o, setting(readback.LearnedOptions{Price: price, Seed: seed}), given, windows))
	}
	for _, p := range c.Priced {
		c.Ratio = append(c.Ratio, (price.Seconds()*p.Reads+p.Late)/best)
	}
	return c
}

// add adds the share of one round to the means of all.
func add(sum, round []front.Point) []front.Point {
	if sum == nil {
		sum = make([]front.Point, len(round))
	}
	for i, p := range round {
		sum[i].Reads += p.Reads / rounds
		sum[i].Late += p.Late / rounds
	}
	return sum
}

// means plays a setting and returns the mean of each window of its flows.
func means(t *testing.T, o options, s peer.Setting, lags peer.Lags, windows []int) (all []front.Point) {
	var sum tally
	s.Play(t, o.trip, false, lags, func(f peer.Flow) {
		sum.add(f)
		if int(sum.flows) == windows[len(all)] {
			all = append(all, sum.since())
			sum.mark()
		}
	})
	return all
}
