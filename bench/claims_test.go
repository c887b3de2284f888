package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/bench/internal/front"
	"github.com/readback-go/readback/bench/internal/peer"
	"github.com/readback-go/readback/internal/testing/laws"
)

var small = options{flows: 300, seed: 1, trip: 2 * time.Millisecond}

// playedOn plays settings on some laws.
func playedOn(t *testing.T, o options, settings []peer.Setting, names ...string) (fields []field) {
	t.Helper()
	var some []laws.Law
	for _, name := range names {
		some = append(some, laws.Named(name))
	}
	cells := playAll(t, o.trip, jobs(o, some, settings))
	for _, l := range some {
		fields = append(fields, newField(l, cells, o))
	}
	return fields
}

// sweep is every setting, but for Learned where it reads more often than the
// tests look at.
func sweep() []peer.Setting {
	often := []string{
		"22 reads", "30 reads", "40 reads", "60 reads", "100 reads", "200 reads", "500 reads", "1000 reads", "2000 reads",
		"10µs a read", "30µs a read", "100µs a read", "300µs a read",
	}
	return slices.DeleteFunc(peer.Settings(small.seed), func(s peer.Setting) bool { return slices.Contains(often, s.Knobs) })
}

// once plays what several tests look at.
var once = struct {
	sync.Once
	fields []field
}{}

func shaped(t *testing.T) []field {
	once.Do(func() { once.fields = playedOn(t, small, sweep(), "two modes", "narrow") })
	return once.fields
}

// Where the lag has a shape, no setting of a library is less late with up to
// ten reads.
func TestClaims_shape(t *testing.T) {
	for _, f := range shaped(t) {
		for _, c := range f.cells {
			if library(c) && c.AtZero && c.Reads <= 10 {
				assert.NotEqual(t, more, f.judge(c), "%s: %s, %s", f.law.Name, c.Peer, c.Knobs)
			}
		}
	}
}

// At their defaults libraries are at least twice as late, but for gomega, whose
// tick of 10 ms suits lags of some 50.
func TestClaims_defaults(t *testing.T) {
	for _, f := range shaped(t) {
		held, compared := f.halves()
		assert.GreaterOrEqual(t, held, compared-1, f.law.Name)
		assert.GreaterOrEqual(t, compared, 9, f.law.Name)
	}
}

// Nobody beats the oracle, which knows the law. The draws of a small run are not
// quite the law.
func TestClaims_oracle(t *testing.T) {
	for _, f := range shaped(t) {
		for _, c := range f.cells {
			if bound, ok := f.oracle.At(c.Reads); ok && c.Reads >= 1.2 && c.Reads <= 15 {
				assert.GreaterOrEqual(t, c.Late+2*c.Interval, 0.9*bound, "%s: %s, %s, %v reads", f.law.Name, c.Peer, c.Knobs, c.Reads)
			}
		}
	}
}

// Shape cannot win where the hazard is constant.
func TestClaims_exponential(t *testing.T) {
	f := playedOn(t, small, sweep(), exponential)[0]
	least, most := f.beside()
	assert.Greater(t, least, 0.85)
	assert.Less(t, most, 1.35)
}

func TestField_judge(t *testing.T) {
	f := field{learned: front.Front{{Reads: 1, Late: 4}, {Reads: 3, Late: 2}}}
	f.cells = []cell{{Peer: peer.OurLearned, Point: front.Point{Reads: 3, Late: 2}, Interval: 0.02}}
	tests := []struct {
		reads, late float64
		want        verdict
	}{
		{0.9, 9, fewer}, {2, 4, less}, {2, 3.02, same}, {2, 2, more}, {9, 2.5, less},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, f.judge(cell{Point: front.Point{Reads: tt.reads, Late: tt.late}}), "%v", tt)
	}
}

// The same seed gives the same cells, however the cores share the work, and
// another seed gives others.
func TestPlayAll_deterministic(t *testing.T) {
	o := small
	o.flows = 20
	play := func() []cell {
		defaults := slices.DeleteFunc(peer.Settings(o.seed), func(s peer.Setting) bool { return !s.Default })
		return playedOn(t, o, defaults, "lognormal")[0].cells
	}
	want := play()
	assert.Equal(t, want, play())
	o.seed = 2
	assert.NotEqual(t, want, play())
}

func TestReport(t *testing.T) {
	fields := shaped(t)
	c := curve{"lag", []int{10}, []front.Point{{}}, []front.Point{{}}, []float64{1.5}}
	r := result{Seed: 1, fields: fields, Learning: []curve{c}, Drift: []curve{c}, Parents: []curve{c}, trips: fields}
	var b strings.Builder
	require.NoError(t, writeText(&b, r))
	for _, f := range fields {
		assert.Contains(t, b.String(), "\n"+f.law.Name+", mean ")
	}
	assert.NotContains(t, b.String(), "%!")
	require.NoError(t, json.NewEncoder(io.Discard).Encode(r))

	folder := t.TempDir()
	require.NoError(t, drawFigures(folder, fields))
	svg, err := os.ReadFile(filepath.Join(folder, "fronts-1.svg"))
	require.NoError(t, err)
	assert.Contains(t, string(svg), "two modes")
	assert.Less(t, len(svg), 100_000)
}

func TestDrift(t *testing.T) {
	long := laws.Lognormal(0.48, 0.5).Within(60)
	lags := append(draw(laws.Lognormal(0.08, 0.5).Within(60), 500, 1), draw(long, 300, 1)...)
	c := follow(t, small, long, []int{500, 600, 800}, learner, func(uint64) peer.Lags { return lags })
	assert.Less(t, c.Ratio[2], 1.25, "learned anew")
	assert.InEpsilon(t, 3, c.Budget[2].Reads, 0.2)
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"-flows", "7", "-seed", "2", "-json"})
	require.NoError(t, err)
	assert.Equal(t, options{flows: 7, seed: 2, trip: 2 * time.Millisecond, asJSON: true}, o)
	for _, args := range [][]string{{"-flows", "1"}, {"-trip", "-1s"}, {"more"}} {
		_, err := parse(args)
		require.Error(t, err, args)
	}
}
