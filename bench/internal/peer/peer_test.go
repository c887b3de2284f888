//go:debug randseednop=0
package peer_test

import (
	"io"
	"log"
	"math"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/bench/internal/peer"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	os.Exit(m.Run())
}

const trip = 2 * time.Millisecond

func find(t *testing.T, name, knobs string) peer.Setting {
	t.Helper()
	all := peer.Settings(1)
	i := slices.IndexFunc(all, func(s peer.Setting) bool { return s.Peer == name && s.Knobs == knobs })
	require.GreaterOrEqual(t, i, 0, "%s, %s", name, knobs)
	return all[i]
}

// begins returns when a loop begins its reads, as seconds, with reads that take
// no time.
func begins(t *testing.T, s peer.Setting, n int, skip bool) (at []float64) {
	for _, d := range peer.Record(t, s.Own, 0, skip)[:n] {
		at = append(at, d.Seconds())
	}
	return at
}

// The loops read when their documentation says.
func TestRecord(t *testing.T) {
	tests := []struct {
		peer, knobs string
		want        []float64
	}{
		{"terraform StateChangeConf", "200ms ×2, at most 10s", []float64{0, .2, .6, 1.4, 3, 6.2, 12.6, 22.6, 32.6}},
		{"terraform StateChangeConf", "MinTimeout 500ms", []float64{0, .5, 1.5, 3.5, 7.5, 15.5, 25.5}},
		{"terraform StateChangeConf", "PollInterval 50ms", []float64{0, .05, .1, .15}},
		{"k8s wait", "every 1s", []float64{0, 1, 2, 3}},
		{"k8s wait", "1s ×2", []float64{0, 1, 3, 7, 15}},
		{"failsafe-go", "1s ×2, at most 30s", []float64{0, 1, 3, 7, 15, 31, 61}},
		{"failsafe-go", "every 1s", []float64{0, 1, 2}},
		{"sethvargo/go-retry", "1s fibonacci", []float64{0, 1, 3, 6, 11, 19}},
		{"sethvargo/go-retry", "1s ×2", []float64{0, 1, 3, 7, 15, 31, 61}},
		{"gomega Eventually", "every 10ms", []float64{0, .01, .02, .03}},
		{"avast/retry-go", "every 1s", []float64{0, 1, 2}},
	}
	for _, tt := range tests {
		s := find(t, tt.peer, tt.knobs)
		assert.Equal(t, tt.want, begins(t, s, len(tt.want), false), "%s, %s", tt.peer, tt.knobs)
		assert.Equal(t, tt.want[1:], begins(t, s, len(tt.want)-1, true), "%s, %s, without the read at zero", tt.peer, tt.knobs)
	}
}

// lags end at, before and after reads.
func lags() peer.Lags {
	all := peer.Lags{0, 1, trip / 2, trip/2 + 1, trip, time.Second}
	for lag := 3 * time.Millisecond; lag < 8*time.Second; lag = lag * 5 / 3 {
		all = append(all, lag)
	}
	return all
}

// inLoop plays lags in the setting's own loop, flow by flow.
func inLoop(t *testing.T, s peer.Setting, skip bool, all peer.Lags) (flows []peer.Flow) {
	synctest.Test(t, func(*testing.T) {
		for _, lag := range all {
			var f peer.Flow
			zero, calls := time.Now(), 0
			s.Own(func() bool {
				if calls++; skip && calls == 1 {
					return false
				}
				f.Reads++
				f.Late = time.Since(zero) + trip/2 - lag
				time.Sleep(trip)
				return f.Late >= 0
			})
			flows = append(flows, f)
		}
	})
	return flows
}

// Every shortcut gives what the poller's own loop makes of the same lags and
// the same draws.
func TestPlay_asInItsOwnLoop(t *testing.T) {
	for _, s := range peer.Settings(1) {
		if s.Own == nil || s.How == peer.Bubble || s.Peer == "cenkalti/backoff v5" {
			continue
		}
		for _, skip := range []bool{false, true} {
			release := peer.Throw(7)
			var got []peer.Flow
			s.Play(t, trip, skip, lags(), func(f peer.Flow) { got = append(got, f) })
			release()
			release = peer.Throw(7)
			want := inLoop(t, s, skip, lags())
			release()
			require.Equal(t, want, got, "%s, %s, skip %v", s.Peer, s.Knobs, skip)
		}
	}
}

// Nobody can seed the draws of backoff v5; ours have the same mean.
func TestPlay_backoff5(t *testing.T) {
	s := find(t, "cenkalti/backoff v5", "50ms ×2 ±50%")
	all := make(peer.Lags, 20_000)
	for i := range all {
		all[i] = 300 * time.Millisecond
	}
	mean := func(flows []peer.Flow) (reads, late float64) {
		for _, f := range flows {
			reads += float64(f.Reads) / float64(len(flows))
			late += f.Late.Seconds() / float64(len(flows))
		}
		return reads, late
	}
	defer peer.Throw(7)()
	var got []peer.Flow
	s.Play(t, trip, false, all, func(f peer.Flow) { got = append(got, f) })
	reads, late := mean(got)
	wantReads, wantLate := mean(inLoop(t, s, false, all))
	assert.InDelta(t, wantReads, reads, 0.02)
	assert.InEpsilon(t, wantLate, late, 0.04)
}

// A smithy waiter waits at random between its least delay and twice that, four
// times, and so on.
func TestPlay_smithy(t *testing.T) {
	defer peer.Throw(7)()
	s := find(t, "aws smithy waiter", "1s ×2, jitter, at most 2m")
	s.Play(t, 0, false, peer.Lags{1500 * time.Millisecond, 1500 * time.Millisecond}, func(f peer.Flow) {
		assert.Equal(t, 3, f.Reads)
		assert.GreaterOrEqual(t, f.Late, 500*time.Millisecond)
		assert.Less(t, f.Late, 1500*time.Millisecond)
	})
}

// A pause of gax is at most its bound.
func TestPlay_gax(t *testing.T) {
	defer peer.Throw(7)()
	s := find(t, "gax", "1s ×2, full jitter")
	s.Play(t, 0, false, peer.Lags{1, 1, 1, 1}, func(f peer.Flow) {
		assert.Equal(t, 2, f.Reads)
		assert.LessOrEqual(t, f.Late, time.Second)
	})
}

// The interval settles where a flow takes as many polls as it should.
func TestPlay_targetPolls(t *testing.T) {
	all := make(peer.Lags, 200)
	for i := range all {
		all[i] = time.Duration(i%100+1) * 10 * time.Millisecond
	}
	var reads float64
	find(t, peer.Target, "target 3").Play(t, 0, false, all, func(f peer.Flow) { reads += float64(f.Reads) })
	assert.InDelta(t, 3, reads/float64(len(all)), 0.5)
}

// A schedule that learned a constant lag reads soon after it.
func TestPlay_learned(t *testing.T) {
	all := make(peer.Lags, 400)
	for i := range all {
		all[i] = 100 * time.Millisecond
	}
	var late []time.Duration
	find(t, peer.OurLearned, "3 reads").Play(t, trip, false, all, func(f peer.Flow) {
		assert.Positive(t, f.Reads)
		assert.GreaterOrEqual(t, f.Late, time.Duration(0))
		late = append(late, f.Late)
	})
	late = late[200:]
	slices.Sort(late)
	assert.Less(t, late[100], 10*time.Millisecond)
}

// The same seed gives the same flows.
func TestThrow(t *testing.T) {
	for _, s := range peer.Settings(1) {
		if !s.Default && s.How != peer.Bubble {
			continue
		}
		played := func() (flows []peer.Flow) {
			defer peer.Throw(3)()
			s.Play(t, trip, false, lags(), func(f peer.Flow) { flows = append(flows, f) })
			return flows
		}
		require.Equal(t, played(), played(), "%s, %s", s.Peer, s.Knobs)
	}
}

func TestTicks(t *testing.T) {
	ticks := peer.Ticks()
	reads := math.MaxInt
	for _, s := range ticks {
		s.Play(t, 0, true, peer.Lags{time.Second}, func(f peer.Flow) {
			assert.LessOrEqual(t, f.Reads, reads)
			reads = f.Reads
		})
	}
	assert.Equal(t, 1, reads)
}
