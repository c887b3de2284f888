package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/readback-go/readback/bench/internal/peer"
)

// constants are the lags of the table of defaults.
var constants = []time.Duration{
	20 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond,
	time.Second, 3 * time.Second, 10 * time.Second, time.Minute,
}

// formerBackoff is the default that readback.Backoff had before: waits of up to
// 100 ms, 200 ms and so on, to 5 s, each drawn from none to that.
func formerBackoff(seed uint64) peer.Setting {
	draw := rand.New(rand.NewPCG(seed, 0))
	return peer.WaitsOf("readback Backoff, before", "up to 100ms ×2, at most 5s", func() func() time.Duration {
		longest := 100 * time.Millisecond
		return func() time.Duration {
			wait := time.Duration(draw.Float64() * float64(longest))
			longest = min(2*longest, 5*time.Second)
			return max(wait, time.Millisecond)
		}
	})
}

// defaults prints how late each poller is at its defaults if the lag is constant: on average
// and at worst, with the mean number of reads.
func defaults(w io.Writer, t *testing.T, o options) error {
	settings := []peer.Setting{formerBackoff(o.seed)}
	for _, s := range peer.Settings(o.seed) {
		switch {
		case !s.Default || s.Peer == peer.OurLearned: // Learned has no fixed times
		case s.Peer == peer.OurBackoff:
			settings = append([]peer.Setting{s}, settings...)
		default:
			settings = append(settings, s)
		}
	}
	defer peer.Throw(o.seed)()
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "late on average / at worst / reads; %d flows, reads of %v\t", o.flows, o.trip)
	for _, lag := range constants {
		fmt.Fprintf(table, "lag %v\t", lag)
	}
	fmt.Fprintln(table)
	for _, s := range settings {
		fmt.Fprintf(table, "%s (%s)\t", s.Peer, s.Knobs)
		for _, lag := range constants {
			lags := make(peer.Lags, o.flows)
			for i := range lags {
				lags[i] = lag
			}
			var sum, worst time.Duration
			reads := 0
			s.Play(t, o.trip, false, lags, func(f peer.Flow) {
				sum += f.Late
				worst = max(worst, f.Late)
				reads += f.Reads
			})
			n := time.Duration(o.flows)
			fmt.Fprintf(table, "%s / %s / %.1f\t", short(sum/n), short(worst), float64(reads)/float64(o.flows))
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

// short rounds a time to two or three figures.
func short(d time.Duration) time.Duration {
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second)
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}
