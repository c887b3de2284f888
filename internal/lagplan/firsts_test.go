package lagplan

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An arm is a time: half an octave apart, the first for all that is earlier.
func TestArm(t *testing.T) {
	t.Parallel()
	assert.Zero(t, arm(0))
	assert.Zero(t, arm(1e-3))
	assert.Equal(t, arms-1, arm(math.MaxFloat64))
	for i := range arms {
		assert.Equal(t, i, arm(timeOf(i)*1.1), i)
	}
}

// What early reads do is told by flows that read early and flows that do not. A lag
// that is long by itself, however often, is not held against them.
func TestFirsts_careful(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		early   func(*rand.Rand) float64 // when those notice that read first at 10 ms
		careful bool
	}{
		{"late by seconds", func(*rand.Rand) float64 { return 5 }, true},
		{"late by seconds in half of the flows", func(r *rand.Rand) float64 { return 10 * float64(r.IntN(2)) }, true},
		{"as late as others", func(r *rand.Rand) float64 { return 0.5 }, false},
		{"as late on average, with a tail", func(r *rand.Rand) float64 { return 0.5 * math.Pow(r.Float64(), -1/1.5) / 3 }, false},
		{"half as late again", func(r *rand.Rand) float64 { return 0.75 }, false},
	}
	for _, tt := range tests {
		var f Firsts
		r := rand.New(rand.NewPCG(1, 1))
		for range 200 {
			f.Observe(0.5, -1, 0.5)
			f.Observe(0.01, 0.01, tt.early(r))
		}
		assert.Equal(t, tt.careful, f.Careful(), tt.name)
		if tt.careful {
			at, tries := f.Best()
			assert.Greater(t, at, 0.01, tt.name)
			assert.LessOrEqual(t, at, 0.6, tt.name)
			assert.LessOrEqual(t, tries, 0.02, tt.name)
			assert.Positive(t, tries, tt.name)
		}
		text, err := json.Marshal(f.Snapshot())
		require.NoError(t, err)
		var stored *FirstsSnapshot
		require.NoError(t, json.Unmarshal(text, &stored))
		again, err := stored.Firsts()
		require.NoError(t, err)
		assert.Equal(t, tt.careful, again.Careful(), tt.name)
		if tt.careful {
			at, _ := f.Best()
			same, _ := again.Best()
			assert.Equal(t, at, same)
		}
	}
}

// Early reads that hide the write are found by flows that read first in between. A lag that
// is only long, or has two modes, is no sign of it.
func TestContradiction(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		lag   func(*rand.Rand) float64
		keeps float64
		hides bool
	}{
		{"1 s, 404s kept for 5 s", func(*rand.Rand) float64 { return 1 }, 5, true},
		{"3 s, 404s kept for 60 s", func(*rand.Rand) float64 { return 3 }, 60, true},
		{"1 s", func(*rand.Rand) float64 { return 1 }, 0, false},
		{"20 ms or 5 s", func(r *rand.Rand) float64 { return 0.02 + 5*float64(r.IntN(2)) }, 0, false},
		{"at most 1 s", (*rand.Rand).Float64, 0, false},
		{"exponential", (*rand.Rand).ExpFloat64, 0, false},
	}
	for _, tt := range tests {
		for seed := range uint64(10) {
			var c contradiction
			r := rand.New(rand.NewPCG(seed, 1))
			hides := false
			for flow := 0; flow < 2000 && !hides; flow++ {
				first := 0.0
				if from, to, share := c.sample(); r.Float64() < share {
					first = from + (to-from)*r.Float64()
				}
				lag, fresh, after := tt.lag(r), 0.0, -1.0
				at := first
				for ; at < max(lag, fresh); at += 0.1 {
					if at >= fresh {
						fresh = at + tt.keeps
					}
					after = at
				}
				hides = c.observe(first, after, at)
			}
			assert.Equal(t, tt.hides, hides, "%s, seed %d", tt.name, seed)
		}
	}
}

// After an outage, in which no flow notices its write, no flow waits for as long to find out
// what early reads do.
func TestFirsts_outage(t *testing.T) {
	t.Parallel()
	var f Firsts
	for range 100 {
		f.Observe(0, 0.03, 0.05)
	}
	for range 30 {
		f.Unseen(0, 300)
	}
	_, to, share := f.Sample()
	assert.Positive(t, share)
	assert.Less(t, to, 0.1)
}
