package readbacktest_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/readbacktest"
)

// lags returns the lags of many writes, as a replica shows them.
func lags(t *testing.T, script readbacktest.Script, n int) []time.Duration {
	t.Helper()
	w := asTransport(t, script)
	for i := range n {
		w.send(t, fmt.Sprintf("PUT /w/%d", i))
	}
	var all []time.Duration
	for _, e := range w.Executed("") {
		all = append(all, e.Shown-e.At)
	}
	return all
}

func TestDraw(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                string
		draw                readbacktest.Draw
		least, median, most time.Duration
	}{
		{"fixed", readbacktest.Fixed(time.Second), time.Second, time.Second, time.Second},
		{"uniform", readbacktest.Uniform(time.Second, 3*time.Second), time.Second, 2 * time.Second, 3*time.Second - 1},
		{"uniform of one", readbacktest.Uniform(time.Second, time.Second), time.Second, time.Second, time.Second},
		{"lognormal", readbacktest.Lognormal(time.Second, 0.5), time.Second / 10, time.Second, 10 * time.Second},
		{"lognormal of one", readbacktest.Lognormal(time.Second, 0), time.Second, time.Second, time.Second},
		{"one's own", func(r *rand.Rand) time.Duration { return time.Duration(r.IntN(3)) * time.Second }, 0, time.Second, 2 * time.Second},
		{"below zero", readbacktest.Fixed(-time.Second), 0, 0, 0},
		{"for ever", readbacktest.Lognormal(time.Hour, 1e6), 0, -1, 20 * 365 * 24 * time.Hour},
		{"too long", readbacktest.Fixed(math.MaxInt64), 20 * 365 * 24 * time.Hour, -1, 20 * 365 * 24 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			all := slices.Sorted(slices.Values(lags(t, readbacktest.Script{LagFrom: tt.draw}, 2000)))
			assert.GreaterOrEqual(t, all[0], tt.least)
			assert.LessOrEqual(t, all[len(all)-1], tt.most)
			if tt.median >= 0 {
				assert.InEpsilon(t, 1+tt.median, 1+all[len(all)/2], 0.1)
			}
		})
	}
	assert.Panics(t, func() { readbacktest.Uniform(2, 1) })
	assert.Panics(t, func() { readbacktest.Lognormal(1, math.NaN()) })
	assert.Panics(t, func() { readbacktest.Lognormal(1, math.Inf(1)) })
}

// One sigma above the median lies one write in six.
func TestDraw_lognormalSpread(t *testing.T) {
	t.Parallel()
	above := 0
	for _, lag := range lags(t, readbacktest.Script{LagFrom: readbacktest.Lognormal(time.Second, 1)}, 4000) {
		if lag > 2718281828*time.Nanosecond {
			above++
		}
	}
	assert.InDelta(t, 0.1587, float64(above)/4000, 0.02)
}

// The seed alone makes the draws; seeds, writes and replicas differ.
func TestDraw_seeds(t *testing.T) {
	t.Parallel()
	const n = 1000
	wide := readbacktest.Uniform(0, time.Hour)
	from := func(seed uint64) []time.Duration { return lags(t, readbacktest.Script{Seed: seed, LagFrom: wide}, n) }
	assert.Equal(t, from(0), from(0))
	apart := map[string][]time.Duration{"0": from(0), "1": from(1), "2": from(2), "far": from(1 << 63)}
	one := apart["0"]
	apart["the next write"] = append(slices.Clone(one[1:]), one[0])
	// The longer of two lags, of which the first replica has the one above.
	two := lags(t, readbacktest.Script{Replicas: []readbacktest.Draw{wide, wide}}, n)
	apart["two replicas"] = two
	longer := 0
	for i := range two {
		if two[i] > one[i] {
			longer++
		}
	}
	assert.InDelta(t, n/2, longer, n/10)
	delete(apart, "two replicas")
	for a := range apart {
		for b := range apart {
			if a < b {
				assert.InDelta(t, 0, correlation(apart[a], apart[b]), 0.15, "%s and %s", a, b)
			}
		}
	}
}

func correlation(a, b []time.Duration) float64 {
	var ma, mb float64
	for i := range a {
		ma += float64(a[i]) / float64(len(a))
		mb += float64(b[i]) / float64(len(a))
	}
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i])-ma, float64(b[i])-mb
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}

// A draw is asked once for each execution and replica, and for nothing else.
func TestDraw_once(t *testing.T) {
	t.Parallel()
	inWorld(t, readbacktest.Script{
		Existing: map[string]string{"/w/a": `{}`},
		Rules: []readbacktest.Rule{
			{On: "PUT /w/never", Execute: readbacktest.NotAtAll()},
			{On: "PUT /w/later", Execute: readbacktest.Later(time.Second)},
		},
		LagFrom: inTurn(3*time.Second, 2*time.Second, time.Second),
	}, func(t *testing.T, w *world) {
		for _, text := range []string{"PUT /w/never", "PATCH /w/missing", "PUT /w/later", "PUT /w/1", "PUT /w/2"} {
			w.send(t, text)
		}
		w.send(t, "GET /w/1")
		time.Sleep(time.Second)
		var shown []string
		for _, e := range w.Executed("") {
			shown = append(shown, fmt.Sprint(e.Path, " ", e.Shown-e.At))
		}
		assert.Equal(t, []string{"/w/1 3s", "/w/2 2s", "/w/later 1s"}, shown)
	})
}

// inTurn draws one lag after the other.
func inTurn(lags ...time.Duration) readbacktest.Draw {
	return func(*rand.Rand) time.Duration {
		lag := lags[0]
		lags = lags[1:]
		return lag
	}
}
