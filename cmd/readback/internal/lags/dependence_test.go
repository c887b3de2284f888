package lags_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

func TestRelate(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var up, down, noise, level []float64
	for i := range 60 {
		up, down = append(up, float64(i)), append(down, 100/float64(1+i))
		noise, level = append(noise, random.Float64()), append(level, 3)
	}
	tests := []struct {
		name   string
		b      []float64
		beyond bool
		least  float64
		most   float64
	}{
		{"rising together", up, true, 1, 1},
		{"one falls as the other rises", down, true, -1, -1},
		{"nothing to do with each other", noise, false, -0.4, 0.4},
		{"always the same", level, false, 0, 0},
	}
	for _, tt := range tests {
		got, ok := lags.Relate(up, tt.b)
		require.True(t, ok, tt.name)
		assert.Equal(t, tt.beyond, got.Beyond(), "%s: %+v", tt.name, got)
		assert.GreaterOrEqual(t, got.Correlation, tt.least-1e-9, tt.name)
		assert.LessOrEqual(t, got.Correlation, tt.most+1e-9, tt.name)
		again, _ := lags.Relate(up, tt.b)
		assert.Equal(t, got, again, "the same in each call")
	}
	_, ok := lags.Relate(up[:9], down[:9])
	assert.False(t, ok, "too few")
}

// Numbers that have nothing to do with each other seldom seem to.
func TestRelate_seldomWrong(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	wrong := 0
	for range 300 {
		a, b := make([]float64, 30), make([]float64, 30)
		for i := range a {
			a[i], b[i] = random.ExpFloat64(), float64(random.IntN(5))
		}
		if got, _ := lags.Relate(a, b); got.Beyond() {
			wrong++
		}
	}
	assert.LessOrEqual(t, wrong, 5, "one in three hundred, of as many")
}
