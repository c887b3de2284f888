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
			f.Observe(0.5, 0.5)
			f.Observe(0.01, tt.early(r))
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
