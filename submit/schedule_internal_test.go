package submit

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
)

// The small plans say what the schedule's own plans do.
func TestCompact(t *testing.T) {
	t.Parallel()
	for _, b := range []readback.Backoff{
		{},
		{FirstRead: time.Second},
		{Initial: time.Second},
		{Initial: 10 * time.Second},
		{Max: 50 * time.Millisecond},
		{Initial: time.Second, Max: time.Minute, Multiplier: 3},
		{Multiplier: 1},
		{Initial: time.Hour, Multiplier: 1e6},
		{Max: 1 << 62, Multiplier: 1e6},
	} {
		b.NoJitter = true
		t.Run(fmt.Sprintf("%+v", b), func(t *testing.T) {
			t.Parallel()
			small := compact(b)
			assert.Equal(t, b.First(time.Minute), small.First(time.Minute))
			want, got := b.Plan(), small.Plan()
			for n := range 20 {
				step := readback.Step{Ended: time.Duration(n) * time.Second}
				if n%5 == 3 {
					step.Streak = 1
				}
				assert.InDelta(t, want.Next(step), got.Next(step), 10, "wait %d", n)
			}
		})
	}
}

// With jitter, waits lie where those of the schedule do.
func TestCompact_jitter(t *testing.T) {
	t.Parallel()
	b := readback.Backoff{Initial: time.Second, Max: 12 * time.Second, Multiplier: 2, Jitter: 0.5}
	var sum time.Duration
	const plans = 2000
	for range plans {
		plan := compact(b).Plan()
		for _, bound := range []time.Duration{1, 2, 4, 8, 8} {
			wait := plan.Next(readback.Step{})
			require.LessOrEqual(t, wait, bound*time.Second*3/2)
			require.GreaterOrEqual(t, wait, bound*time.Second/2)
			sum += wait
		}
	}
	assert.InDelta(t, 23, (sum / plans).Seconds(), 0.4)
}

func TestCompact_others(t *testing.T) {
	t.Parallel()
	learned := readback.NewLearned(readback.LearnedOptions{})
	assert.Equal(t, readback.Schedule(learned), compact(learned))
	bad, ok := compact(readback.Backoff{Initial: -1}).(interface{ Validate() error })
	require.True(t, ok)
	assert.Error(t, bad.Validate())
}

// Two keys of one hash are two jobs.
func TestJobs_sameHash(t *testing.T) {
	t.Parallel()
	js := newJobs()
	var all []*job
	for i := range 4 {
		j := newJob(fmt.Sprint(i), []byte("{}"), 0)
		all = append(all, j)
		js.add(j)
	}
	// As if all had the hash of the first.
	for hash, j := range js.byHash {
		if j != all[0] {
			delete(js.byHash, hash)
			if js.collisions == nil {
				js.collisions = make(map[string]*job)
			}
			js.collisions[j.key()] = j
		}
	}
	assert.Equal(t, 4, js.len())
	for _, j := range all {
		assert.Same(t, j, js.find(j.key()))
	}
	js.remove(all[2])
	assert.Nil(t, js.find("2"))
	js.remove(all[0])
	assert.Nil(t, js.find("0"))
	assert.Same(t, all[1], js.find("1"))
	n := 0
	for range js.all() {
		n++
	}
	assert.Equal(t, 2, n)
}
