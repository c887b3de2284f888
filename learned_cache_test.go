package readback_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
)

// behindCache is a read model behind a cache that keeps a 404 for a while.
type behindCache struct {
	keeps float64 // seconds
	lag   func(*rand.Rand) float64
}

// flow plays one flow, tells the schedule of it, and returns how late it was and
// whether its first read was too early.
func (c behindCache) flow(s readback.Schedule, r *rand.Rand) (late float64, early bool) {
	const deadline = 5 * time.Minute
	lag, fresh := c.lag(r), 0.0
	at, step := s.First(deadline), readback.Step{Settle: 1, Deadline: deadline}
	told := readback.Lag{First: at, After: -1, By: -1, Deadline: deadline}
	early = at.Seconds() < lag
	for plan := s.Plan(); at >= 0 && at < deadline; at = plan.Next(step) {
		told.Reads++
		if now := at.Seconds(); now >= fresh {
			if now >= lag {
				told.By, late = at, now-lag
				break
			}
			fresh = now + c.keeps
		}
		told.After = at
		step.Reads++
		step.Began, step.Ended = at, at
	}
	s.(readback.Learner).Observe(told)
	return late, early
}

// play returns how late flows are on average, and which share of them read too early.
func (c behindCache) play(s readback.Schedule, r *rand.Rand, flows int) (late, early float64) {
	for range flows {
		l, e := c.flow(s, r)
		late += l / float64(flows)
		if e {
			early += 1 / float64(flows)
		}
	}
	return late, early
}

// Where a read that comes too early makes a cache keep its 404, that is found, and
// first reads come later.
func TestLearned_negativeCache(t *testing.T) {
	t.Parallel()
	lags := []struct {
		name   string
		lag    func(*rand.Rand) float64
		flows  int     // until it is found
		within float64 // seconds late on average from then on
		early  float64 // share of flows that read too early from then on
	}{
		{"300 ms", func(*rand.Rand) float64 { return 0.3 }, 200, 0.3, 0.02},
		{"200 to 400 ms", func(r *rand.Rand) float64 { return 0.2 + 0.2*r.Float64() }, 200, 0.5, 0.02},
		{"20 to 30 ms", func(r *rand.Rand) float64 { return 0.02 + 0.01*r.Float64() }, 200, 0.1, 0.02},
		{"100 ms", func(*rand.Rand) float64 { return 0.1 }, 200, 0.1, 0.02},
		{"1 s", func(*rand.Rand) float64 { return 1 }, 200, 0.8, 0.03},
		{"0.5 to 1 s", func(r *rand.Rand) float64 { return 0.5 + 0.5*r.Float64() }, 400, 1.2, 0.02},
		{"1 to 3 s", func(r *rand.Rand) float64 { return 1 + 2*r.Float64() }, 400, 3, 0.02},
		{"3 s", func(*rand.Rand) float64 { return 3 }, 800, 2, 0.02},
	}
	for _, tt := range lags {
		for _, keeps := range []float64{5, 60} {
			for seed := range uint64(8) {
				s, r := readback.NewLearned(readback.LearnedOptions{Seed: seed + 1}), rand.New(rand.NewPCG(seed, 1))
				cache := behindCache{keeps, tt.lag}
				first, _ := cache.play(s, r, 30)
				next, early := cache.play(s, r, tt.flows-30)
				late, seldom := cache.play(s, r, 800)
				t.Logf("lag %s, 404s kept for %v s: %.2f s late in the first 30 flows, %.2f in those up to %d (%.0f %% read early), then %.3f (%.1f %%)",
					tt.name, keeps, first, next, tt.flows, 100*early, late, 100*seldom)
				assert.LessOrEqual(t, seldom, tt.early, "%s, %v s", tt.name, keeps)
				assert.LessOrEqual(t, late, tt.within, "%s, %v s", tt.name, keeps)
			}
		}
	}
}

// When the cache goes, so does the care.
func TestLearned_cacheGone(t *testing.T) {
	t.Parallel()
	s, r := readback.NewLearned(readback.LearnedOptions{Seed: 1}), rand.New(rand.NewPCG(1, 1))
	lag := func(r *rand.Rand) float64 { return 0.3 * r.ExpFloat64() }
	_, _ = behindCache{60, func(r *rand.Rand) float64 { return 0.2 + 0.2*r.Float64() }}.play(s, r, 300)
	require.Greater(t, s.First(5*time.Minute), 200*time.Millisecond)
	_, _ = behindCache{0, lag}.play(s, r, 8000)
	late, _ := behindCache{0, lag}.play(s, r, 500)
	never := readback.NewLearned(readback.LearnedOptions{Seed: 1})
	_, _ = behindCache{0, lag}.play(never, r, 8000)
	as, _ := behindCache{0, lag}.play(never, r, 500)
	assert.InEpsilon(t, as, late, 0.25)
}

// What a cache does to early reads survives a restart, and a new key knows it.
func TestLearned_cacheStored(t *testing.T) {
	t.Parallel()
	s, r := readback.NewLearned(readback.LearnedOptions{Seed: 1}), rand.New(rand.NewPCG(1, 1))
	cache := behindCache{60, func(*rand.Rand) float64 { return 0.3 }}
	_, _ = cache.play(s, r, 300)
	stored, err := json.Marshal(s)
	require.NoError(t, err)
	again := readback.NewLearned(readback.LearnedOptions{Seed: 2})
	require.NoError(t, json.Unmarshal(stored, again))
	for _, known := range []*readback.Learned{again, again.For("things")} {
		late, early := cache.play(known, r, 50)
		assert.Zero(t, early)
		assert.Less(t, late, 0.2)
		assert.GreaterOrEqual(t, known.Times(time.Minute)[0], 300*time.Millisecond)
	}
	for _, bad := range []string{`{"by":[],"flows":[],"late":1}`, `{"late":0}`} {
		var whole map[string]any
		require.NoError(t, json.Unmarshal(stored, &whole))
		whole["parent"].(map[string]any)["firsts"] = json.RawMessage(bad)
		text, err := json.Marshal(whole)
		require.NoError(t, err)
		assert.ErrorContains(t, json.Unmarshal(text, again), "first reads out of range")
	}
}

// A cache that keeps a 404 longer than flows last is found as well.
func TestLearned_neverNoticed(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		s, r := readback.NewLearned(readback.LearnedOptions{Seed: seed + 1}), rand.New(rand.NewPCG(seed, 1))
		cache := behindCache{600, func(*rand.Rand) float64 { return 0.3 }}
		_, _ = cache.play(s, r, 300)
		_, early := cache.play(s, r, 700)
		assert.LessOrEqual(t, early, 0.03, seed)
	}
}
