package main

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/readback-go/readback/bench/internal/front"
	"github.com/readback-go/readback/bench/internal/peer"
	"github.com/readback-go/readback/internal/testing/laws"
)

// A cell is the result of one setting on the lags of one law.
type cell struct {
	Law     string   `json:"law"`
	Peer    string   `json:"peer"`
	Knobs   string   `json:"knobs"`
	Default bool     `json:"default"`
	How     peer.How `json:"how"`
	AtZero  bool     `json:"readsAtZero"` // false if it has no read at zero, or if that was left out
	front.Point
	P50      float64     `json:"p50"`      // of being late, in seconds
	P95      float64     `json:"p95"`      // of being late, in seconds
	P99      float64     `json:"p99"`      // of being late, in seconds
	Interval float64     `json:"interval"` // half the 95 % interval of Late
	Cold     front.Point `json:"cold"`     // over all flows, including those before it had learned

	late []float32 // flow by flow, where cells are paired
}

// played returns the laws, in the order of the output. The last two were not used to develop
// the schedule. In one, a share of the writes is visible at once, so that a read at zero
// pays.
func played() []laws.Law {
	names := []string{
		exponential, "lognormal", "two modes", "pareto", "uniform",
		"near zero", "narrow", "slow", "replicas", "far replicas", "disk replicas", "step", "90 % at once",
		"dead time", "weibull",
	}
	all := make([]laws.Law, len(names))
	for i, name := range names {
		all[i] = laws.Named(name)
	}
	return all
}

// exponential is the law for which no schedule is better than a fixed tick.
const exponential = "exponential"

// draw returns the lags of one run, the same for every poller.
func draw(l laws.Law, n int, seeds ...uint64) peer.Lags {
	const mixer = 0x9e3779b97f4a7c15
	var seed, stream uint64
	for _, s := range seeds {
		seed = (seed + s) * mixer
	}
	for _, c := range l.Name {
		stream = (stream + uint64(c)) * mixer
	}
	r := rand.New(rand.NewPCG(seed, stream))
	lags := make(peer.Lags, n)
	for i := range lags {
		lags[i] = time.Duration(l.Draw(r) * float64(time.Second))
	}
	return lags
}

// job is a cell that is not yet played.
type job struct {
	law     laws.Law
	lags    peer.Lags
	setting peer.Setting
	skip    bool
	seed    uint64
}

// jobs lists every setting on every law: as it is, and without its read at zero.
func jobs(o options, all []laws.Law, settings []peer.Setting) (list []job) {
	for _, l := range all {
		lags := draw(l, warm+o.flows, o.seed)
		for _, s := range settings {
			list = append(list, job{l, lags, s, false, o.seed + uint64(len(list))})
			if s.ReadsAtZero() {
				list = append(list, job{l, lags, s, true, o.seed + uint64(len(list))})
			}
		}
	}
	return list
}

// playAll plays the jobs on all cores. Those that draw from shared sources take
// turns, so that each draws the same in every run.
func playAll(t *testing.T, trip time.Duration, list []job) []cell {
	cells := make([]cell, len(list))
	drawing, others := make(chan int, len(list)), make(chan int, len(list))
	for i, j := range list {
		if j.setting.Draws {
			drawing <- i
		} else {
			others <- i
		}
	}
	close(drawing)
	close(others)
	var workers sync.WaitGroup
	work := func(queue chan int) {
		for i := range queue {
			cells[i] = list[i].play(t, trip)
		}
	}
	workers.Go(func() { work(drawing) })
	for range max(1, runtime.GOMAXPROCS(0)-1) {
		workers.Go(func() { work(others) })
	}
	workers.Wait()
	return cells
}

func (j job) play(t *testing.T, trip time.Duration) cell {
	if j.setting.Draws {
		defer peer.Throw(j.seed)()
	}
	var all tally
	late := make([]float64, 0, len(j.lags))
	j.setting.Play(t, trip, j.skip, j.lags, func(f peer.Flow) {
		all.add(f)
		late = append(late, f.Late.Seconds())
		if all.flows == warm {
			late = late[:0]
			all.mark()
		}
	})
	flows := pairable(j.setting, late)
	slices.Sort(late)
	mean := all.since()
	return cell{
		Law: j.law.Name, Peer: j.setting.Peer, Knobs: j.setting.Knobs, Default: j.setting.Default,
		How: j.setting.How, AtZero: j.setting.ReadsAtZero() && !j.skip,
		Point: mean, P50: late[len(late)/2], P95: late[len(late)*95/100], P99: late[len(late)*99/100], late: flows, Interval: interval(late, mean.Late), Cold: all.mean(),
	}
}

// interval returns half the 95 % interval of a mean.
func interval(sample []float64, mean float64) float64 {
	var squares float64
	for _, x := range sample {
		squares += (x - mean) * (x - mean)
	}
	n := float64(len(sample))
	return 1.96 * math.Sqrt(squares/(n-1)/n)
}

// tally sums up flows.
type tally struct {
	sum, marked     front.Point
	flows, markedAt float64
}

func (c *tally) add(f peer.Flow) {
	c.sum.Reads += float64(f.Reads)
	c.sum.Late += f.Late.Seconds()
	c.flows++
}

func (c *tally) mark() { c.marked, c.markedAt = c.sum, c.flows }

func (c *tally) mean() front.Point {
	return front.Point{Reads: c.sum.Reads / c.flows, Late: c.sum.Late / c.flows}
}

// since returns the mean of the flows after the mark.
func (c *tally) since() front.Point {
	n := c.flows - c.markedAt
	return front.Point{Reads: (c.sum.Reads - c.marked.Reads) / n, Late: (c.sum.Late - c.marked.Late) / n}
}
