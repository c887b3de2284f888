//go:build !race

// Arithmetic on one goroutine each, and much of it: nothing that could race.

package measure

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

// law is how the lags of a service are spread: the lag that a share of them does
// not exceed.
type law struct {
	name     string
	quantile func(share float64) float64 // in seconds
}

var laws = []law{
	{"tick of 5 s", func(p float64) float64 { return 5 * p }},
	{"exponential, mean 1 s", func(p float64) float64 { return -math.Log1p(-p) }},
	{"log-normal, median 0.8 s", func(p float64) float64 { return 0.8 * math.Exp(math.Sqrt2*math.Erfinv(2*p-1)) }},
	{"long tail (Lomax, 1.5)", func(p float64) float64 { return 0.6 * (math.Pow(1-p, -1/1.5) - 1) }},
	{"two kinds of write", func(p float64) float64 {
		if p < 0.8 { // fast ones, and a queue
			return 0.2 + p
		}
		return 2 + 20*(p-0.8)
	}},
}

// bunched are laws of which reads do not see enough: all lags are the same, or
// two that lie between the same two reads.
var bunched = []law{
	{"always 700 ms", func(float64) float64 { return 0.7 }},
	{"500 or 507 ms", func(p float64) float64 {
		if p < 0.55 {
			return 0.5
		}
		return 0.507
	}},
}

// simulated is how a flow's reads see a lag: by the schedule of a measurement of
// so many flows, and reads that take 4 ms.
func simulated(d *dense, lag, within time.Duration) lags.Lag {
	const took = 4 * time.Millisecond
	l := lags.Lag{Missed: -1, Hit: -1}
	plan := d.Plan()
	for reads, at := 1, d.First(within); at < within; reads++ {
		if at >= lag {
			l.Hit, l.Seen = at, at+took
			break
		}
		l.Missed = at
		at = plan.Next(readback.Step{Reads: reads, Began: at, Ended: at + took, Deadline: within})
	}
	return l
}

// cell counts in how many campaigns the interval held the true quantile.
type cell struct{ campaigns, held, bothEnds int }

func (c cell) share() float64 { return float64(c.held) / float64(c.campaigns) }

var (
	counts    = []int{10, 20, 50, 100, 300, 1000}
	quantiles = []float64{0.5, 0.9, 0.99}
)

// covers plays 1,000 campaigns of n flows each. An interval holds what it misses
// by no more than off.
func covers(l law, n int, off time.Duration) map[float64]cell {
	const campaigns, within = 1000, 30 * time.Second
	random := rand.New(rand.NewPCG(uint64(n), uint64(len(l.name))))
	d := &dense{interval: 20 * time.Millisecond, watch: time.Second, precision: precisionOf(n), random: random}
	cells := map[float64]cell{}
	for range campaigns {
		s := make(lags.Sample, n)
		for i := range s {
			s[i] = simulated(d, time.Duration(l.quantile(random.Float64())*float64(time.Second)), within)
		}
		for _, q := range quantiles {
			c, got, truth := cells[q], s.Interval(q), time.Duration(l.quantile(q)*float64(time.Second))
			c.campaigns++
			if got.From-off <= truth && truth-off <= got.To {
				c.held++
			}
			if got.Lower && got.Upper {
				c.bothEnds++
			}
			cells[q] = c
		}
	}
	return cells
}

// 1,000 campaigns for each of five laws: the intervals hold the true quantile in
// 95 % of them, whatever the law, and from a hundred flows on not in many more.
// The table is in docs/command.md.
func TestInterval_coverage(t *testing.T) {
	t.Parallel()
	var (
		table strings.Builder
		all   sync.WaitGroup
		found = make([][]map[float64]cell, len(laws))
	)
	for i, l := range laws {
		found[i] = make([]map[float64]cell, len(counts))
		all.Go(func() {
			for j, n := range counts {
				found[i][j] = covers(l, n, 0)
			}
		})
	}
	all.Wait()
	for i, l := range laws {
		for j, n := range counts {
			fmt.Fprintf(&table, "\n%-26s %5d", l.name, n)
			for _, q := range quantiles {
				c := found[i][j][q]
				ends := "one end"
				if c.bothEnds > 0 {
					ends = ""
				}
				fmt.Fprintf(&table, "   p%-4g %5.1f %% %-7s", q*100, c.share()*100, ends)
				assert.GreaterOrEqual(t, c.share(), 0.94, "%s, %d flows, p%g", l.name, n, q*100)
				if n >= 100 && c.bothEnds > 0 {
					assert.LessOrEqual(t, c.share(), 0.975, "%s, %d flows, p%g", l.name, n, q*100)
				}
			}
		}
	}
	t.Log(table.String())
}

// Where lags lie in bunches that are closer than reads, intervals hold the
// quantile all the same, but for the distance of two reads.
func TestInterval_bunched(t *testing.T) {
	t.Parallel()
	for off, l := range map[time.Duration]law{0: bunched[0], 20 * time.Millisecond: bunched[1]} {
		for _, n := range []int{20, 100, 300} {
			for q, c := range covers(l, n, off) {
				assert.GreaterOrEqual(t, c.share(), 0.94, "%s, %d flows, p%g", l.name, n, q*100)
			}
		}
	}
}
