package readback_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
)

// taught returns a schedule that has learned the law from so many flows.
func taught(options readback.LearnedOptions, l law, flows int) *readback.Learned {
	s := readback.NewLearned(options)
	play(s, l, rand.New(rand.NewPCG(options.Seed, 1)), time.Minute, flows)
	return s
}

func TestLearned_Validate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		give readback.LearnedOptions
		want string
	}{
		{readback.LearnedOptions{}, ""},
		{readback.LearnedOptions{Reads: 1.25, Spacing: time.Second, Keys: 1, Seed: 1}, ""},
		{readback.LearnedOptions{Price: time.Nanosecond}, ""},
		{readback.LearnedOptions{Reads: 3, Price: 1}, "readback: LearnedOptions.Reads is 3, but Price is 1ns: set one of them"},
		{readback.LearnedOptions{Reads: 1.2}, "readback: LearnedOptions.Reads is not between 1.25 and 10000: 1.2"},
		{readback.LearnedOptions{Reads: -3}, "readback: LearnedOptions.Reads is not between 1.25 and 10000: -3"},
		{readback.LearnedOptions{Reads: math.NaN()}, "readback: LearnedOptions.Reads is not between 1.25 and 10000: NaN"},
		{readback.LearnedOptions{Reads: math.Inf(1)}, "readback: LearnedOptions.Reads is not between 1.25 and 10000: +Inf"},
		{readback.LearnedOptions{Price: -1}, "readback: LearnedOptions.Price is negative: -1ns"},
		{readback.LearnedOptions{Spacing: -1}, "readback: LearnedOptions.Spacing is negative: -1ns"},
		{readback.LearnedOptions{Keys: -1}, "readback: LearnedOptions.Keys is negative: -1"},
	}
	for _, tt := range tests {
		s := readback.NewLearned(tt.give)
		for _, err := range []error{s.Validate(), s.For("key").Validate()} {
			if tt.want == "" {
				assert.NoError(t, err)
			} else {
				assert.EqualError(t, err, tt.want)
			}
		}
	}
}

// Before the first flow there is a plan already: its gaps grow with the time
// waited, as they must for a lag of unknown scale.
func TestLearned_cold(t *testing.T) {
	t.Parallel()
	var s readback.Learned
	assert.Zero(t, s.First(time.Minute))
	times := s.Times(time.Minute)
	require.Greater(t, len(times), 5)
	assert.Zero(t, times[0])
	for i := 2; i < 6; i++ {
		assert.Greater(t, times[i]-times[i-1], times[i-1]-times[i-2])
	}
	assert.Greater(t, s.Quantile(0.9), time.Second)
}

// The first three flows read at zero, whatever they show. A new key begins with
// those of its parent.
func TestLearned_firstFlows(t *testing.T) {
	t.Parallel()
	s := readback.NewLearned(readback.LearnedOptions{Seed: 1})
	a := s.For("a")
	for range 3 {
		assert.Zero(t, a.First(time.Minute))
		a.Observe(readback.Lag{After: 990 * time.Millisecond, By: time.Second, Reads: 5, Deadline: time.Minute})
	}
	assert.NotZero(t, a.First(time.Minute))
	assert.NotZero(t, s.For("b").First(time.Minute))
}

func TestLearned_quantiles(t *testing.T) {
	t.Parallel()
	s := taught(readback.LearnedOptions{Seed: 1}, lawNamed("exponential"), 1000)
	for _, q := range []float64{0.25, 0.5, 0.9} {
		want := -math.Log(1-q) * 0.1
		assert.InEpsilon(t, want, s.Quantile(q).Seconds(), 0.3, "quantile %v", q)
	}
	assert.Equal(t, s.Quantile(0), s.Quantile(-1))
	assert.Equal(t, s.Quantile(1), s.Quantile(2))
	assert.InDelta(t, 3, s.MeanReads(time.Minute), 0.7)
}

// No read tells where lags lie that are shorter than the first wait, but for a few
// tries. They must not drift up to it, or it would grow with them.
func TestLearned_shortLags(t *testing.T) {
	t.Parallel()
	const seeds = 8
	var mean float64
	for seed := range uint64(seeds) {
		s := taught(readback.LearnedOptions{Seed: seed + 1}, lawNamed("exponential"), 1000)
		mean += s.Quantile(0.25).Seconds() / seeds
	}
	assert.InDelta(t, -math.Log(0.75)*0.1, mean, 0.0055)
}

// Flows that ended before their lag did are not dropped, which would make the
// lag look shorter, nor taken for endless.
func TestLearned_cutShort(t *testing.T) {
	t.Parallel()
	const deadline = 69 * time.Millisecond // the median
	s := readback.NewLearned(readback.LearnedOptions{Price: 10 * time.Millisecond, Seed: 1})
	play(s, lawNamed("exponential"), rand.New(rand.NewPCG(1, 1)), deadline, 1000)
	assert.InEpsilon(t, -math.Log(0.75)*0.1, s.Quantile(0.25).Seconds(), 0.3)
	assert.InEpsilon(t, 0.069, s.Quantile(0.5).Seconds(), 0.3)
}

func TestLearned_tellsNothing(t *testing.T) {
	t.Parallel()
	s := readback.NewLearned(readback.LearnedOptions{Seed: 1})
	before, err := s.MarshalJSON()
	require.NoError(t, err)
	s.Observe(readback.Lag{After: -1, By: -1, Reads: 4})
	s.Observe(readback.Lag{After: 2 * time.Second, By: time.Second, Reads: 4})
	after, err := s.MarshalJSON()
	require.NoError(t, err)
	assert.JSONEq(t, string(before), string(after))
}

// While a streak is confirmed, reads follow each other at the shortest spacing.
func TestLearned_streak(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	tests := []struct {
		spacing, readTime, took, want time.Duration
	}{
		{0, 0, 0, 1 * ms},
		{0, 7 * ms, 5 * ms, 7 * ms},
		{0, 7 * ms, 9 * ms, 9 * ms},
		{20 * ms, 7 * ms, 5 * ms, 20 * ms},
	}
	for _, tt := range tests {
		s := taught(readback.LearnedOptions{Spacing: tt.spacing, Seed: 1}, lawNamed("slow"), 100)
		got := s.Plan().Next(readback.Step{
			Reads: 3, Streak: 1, Settle: 3, ReadTime: tt.readTime, Deadline: time.Minute,
			Began: 5 * time.Second, Ended: 5*time.Second + tt.took,
		})
		assert.Equal(t, 5*time.Second+tt.want, got)
	}
}

// A plan goes on from where the reads are, be they late, early or unknown.
func TestLearned_goesOnFromAnywhere(t *testing.T) {
	t.Parallel()
	s := taught(readback.LearnedOptions{Seed: 1}, lawNamed("uniform"), 500)
	plan := s.Plan()
	for at := time.Duration(0); at < 900*time.Millisecond; at += 37 * time.Millisecond {
		next := plan.Next(readback.Step{Reads: 1, Began: at, Ended: at + time.Millisecond, Deadline: time.Minute})
		assert.Greater(t, next, at)
		assert.Less(t, next, at+600*time.Millisecond)
	}
	assert.Negative(t, plan.Next(readback.Step{Reads: 9, Began: time.Second, Ended: time.Second, Deadline: 1001 * time.Millisecond}))
}

// Where each flow reads at zero, a few try an earlier second read, since nothing
// else would tell of shorter lags.
func TestLearned_triesAfterZero(t *testing.T) {
	t.Parallel()
	s := taught(readback.LearnedOptions{Price: 10 * time.Millisecond, Seed: 1}, lawNamed("90 % at once"), 1000)
	planned := s.Times(time.Minute)
	require.Zero(t, planned[0])
	early := 0
	const flows = 10_000
	for range flows {
		require.Zero(t, s.First(time.Minute))
		next := s.Plan().Next(readback.Step{Reads: 1, Settle: 1, Deadline: time.Minute})
		if next < planned[1]*3/4 {
			early++
		}
	}
	assert.InDelta(t, 0.0075, float64(early)/flows, 0.003)
}

// A budget of reads is one of the mean, but no flow may spend without end: a
// change from no lag to a long one finds the price at its lowest.
func TestLearned_patience(t *testing.T) {
	t.Parallel()
	s := taught(readback.LearnedOptions{Reads: 3, Seed: 1}, lawNamed("none"), 1000)
	times := flow(s, time.Minute, nil)
	assert.Less(t, len(times), 120)
	for i := 20 * 3; i < len(times)-1; i++ { // the last one is the deadline
		assert.GreaterOrEqual(t, times[i], times[i-1]*1.25-1e-6)
	}
}

func TestLearned_deterministic(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) []float64 {
		return flow(taught(readback.LearnedOptions{Seed: seed}, lawNamed("two modes"), 100), time.Minute, nil)
	}
	assert.Equal(t, run(1), run(1))
	assert.NotEqual(t, run(1), run(2))
}

// A new key begins with what the others learned, and one that was dropped, the
// one not used for longest, does so again.
func TestLearned_For(t *testing.T) {
	t.Parallel()
	s := readback.NewLearned(readback.LearnedOptions{Keys: 2, Seed: 1})
	r := rand.New(rand.NewPCG(1, 1))
	a, b := s.For("a"), s.For("b")
	play(a, lawNamed("10 ms behind"), r, time.Minute, 200)
	require.InDelta(t, 0.010, a.Quantile(0.5).Seconds(), 0.002)

	// b knows the scale from the flows of a, and unlearns it soon.
	assert.InDelta(t, 0.010, b.Quantile(0.5).Seconds(), 0.005)
	play(b, lawNamed("slow"), r, time.Minute, 50)
	assert.InEpsilon(t, 5, b.Quantile(0.5).Seconds(), 0.2)
	assert.InDelta(t, 0.010, a.Quantile(0.5).Seconds(), 0.002, "a key learns from its own flows only")

	learned := a.Quantile(0.99)
	require.Equal(t, learned, s.For("a").Quantile(0.99), "the same key is the same state")
	b.First(time.Minute)
	s.For("c").First(time.Minute) // drops a
	assert.NotEqual(t, learned, a.Quantile(0.99))
	assert.Greater(t, s.For("c").Quantile(0.9), time.Second)
	assert.Equal(t, s.Quantile(0.5), s.For("").Quantile(0.5))
}

func TestLearned_keysAreBounded(t *testing.T) {
	t.Parallel()
	s := readback.NewLearned(readback.LearnedOptions{Seed: 1})
	for i := range 300 {
		s.For(fmt.Sprint(i)).Observe(readback.Lag{After: 0, By: time.Second, Reads: 2})
	}
	data, err := s.MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, 256, countKeys(t, data))
}

// Whatever is learned, reads begin one after the other before the deadline.
func FuzzLearned_plan(f *testing.F) {
	f.Add(uint64(1), int64(time.Minute), int64(0), int64(0), []byte("learned"))
	f.Add(uint64(2), int64(time.Hour), int64(5*time.Millisecond), int64(time.Second), []byte{0, 255, 3, 9, 200, 200})
	f.Add(uint64(3), int64(1), int64(1), int64(1), []byte{})
	f.Fuzz(func(t *testing.T, seed uint64, deadline, spacing, price int64, told []byte) {
		deadline, spacing, price = max(deadline, 0), max(spacing, 0), max(price, 0)
		s := readback.NewLearned(readback.LearnedOptions{
			Spacing: time.Duration(spacing), Price: time.Duration(price), Seed: seed,
		})
		for i := 0; i+1 < len(told); i += 2 {
			after := time.Duration(math.Exp(float64(told[i])/8) * float64(time.Microsecond))
			by := after + time.Duration(told[i+1])*after/16
			s.Observe(readback.Lag{After: after - time.Microsecond, By: by, Reads: int(told[i]), ReadTime: by / 50})
		}
		ends := time.Duration(deadline)
		first := s.First(ends)
		require.GreaterOrEqual(t, first, time.Duration(0))
		require.LessOrEqual(t, first, ends)
		plan := s.Plan()
		for at, reads := first, 1; reads < 2000; reads++ {
			readTime := time.Duration(seed % 1e7)
			next := plan.Next(readback.Step{Reads: reads, Began: at, Ended: at, Deadline: ends, ReadTime: readTime})
			if next < 0 {
				break
			}
			require.GreaterOrEqual(t, next-at, max(time.Duration(spacing), readTime, 1))
			require.Less(t, next, ends)
			at = next
		}
		last := time.Duration(-1)
		for _, at := range s.Times(ends) {
			require.Greater(t, at, last)
			require.Less(t, at, max(ends, 1))
			last = at
		}
	})
}
