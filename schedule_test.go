package readback_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/poll"
)

// given is a source of waits: those given, and then none.
type given struct {
	waits []time.Duration
	asked int
	reset int
}

func (g *given) NextBackOff() time.Duration {
	if g.asked == len(g.waits) {
		return backoff.Stop
	}
	g.asked++
	return g.waits[g.asked-1]
}

// resettable is a source that has been used before.
type resettable struct{ given }

func (r *resettable) Reset() { r.reset++; r.asked = 0 }

func TestDelays(t *testing.T) {
	t.Parallel()
	const s = time.Second
	tests := []struct {
		name    string
		give    []time.Duration
		streaks []int
		want    []time.Duration // for reads that end at 10 s
	}{
		{"in order", []time.Duration{s, 5 * s, 2 * s}, []int{0, 0, 0}, []time.Duration{11 * s, 15 * s, 12 * s}},
		{"zero is no wait", []time.Duration{0}, []int{0}, []time.Duration{10 * s}},
		{"negative means no more", []time.Duration{s}, []int{0, 0, 0}, []time.Duration{11 * s, -1, -1}},
		{"any negative", []time.Duration{-s}, []int{0}, []time.Duration{-1}},
		{"the last wait is repeated in a streak", []time.Duration{s, 2 * s, 4 * s}, []int{0, 0, 1, 2, 0}, []time.Duration{11 * s, 12 * s, 12 * s, 12 * s, 14 * s}},
		{"a streak from the first read on", []time.Duration{s, 2 * s}, []int{1, 2, 3, 0}, []time.Duration{11 * s, 11 * s, 11 * s, 12 * s}},
		{"a streak after the last", []time.Duration{s}, []int{0, 0, 1}, []time.Duration{11 * s, -1, -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			schedule := readback.Delays(func() *given { return &given{waits: tt.give} })
			assert.Zero(t, schedule.First(time.Minute), "the first read is at once")
			plan := schedule.Plan()
			var got []time.Duration
			for _, streak := range tt.streaks {
				got = append(got, plan.Next(readback.Step{Streak: streak, Ended: 10 * s}))
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

// Values that stop are asked once more when the reads go on.
func TestDelays_stopIsNotForEver(t *testing.T) {
	t.Parallel()
	plan := readback.Delays(func() *given { return &given{waits: []time.Duration{-time.Second, time.Second}} }).Plan()
	assert.Negative(t, plan.Next(readback.Step{}))
	assert.Equal(t, time.Second, plan.Next(readback.Step{Streak: 1}))
}

func TestDelays_reset(t *testing.T) {
	t.Parallel()
	shared := &resettable{given{waits: []time.Duration{time.Second}, asked: 1}}
	schedule := readback.Delays(func() *resettable { return shared })
	assert.Zero(t, shared.reset)
	assert.Equal(t, time.Second, schedule.Plan().Next(readback.Step{}), "reset before use")
	assert.Equal(t, 1, shared.reset)
}

// Fresh is called once for each flow that must wait.
func TestDelays_fresh(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	calls := 0
	schedule := readback.Delays(func() backoff.BackOff {
		mu.Lock()
		defer mu.Unlock()
		calls++
		return backoff.NewConstantBackOff(time.Millisecond)
	})
	schedule.First(time.Minute)
	assert.Zero(t, calls)

	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			plan := schedule.Plan()
			for range 20 {
				assert.Equal(t, time.Millisecond, plan.Next(readback.Step{}))
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 20, calls)
}

// Any BackOff of cenkalti, as an interface or as what it is.
func TestDelays_cenkalti(t *testing.T) {
	t.Parallel()
	schedules := []readback.Schedule{
		readback.Delays(func() backoff.BackOff { return backoff.NewConstantBackOff(time.Second) }),
		readback.Delays(func() *backoff.ConstantBackOff { return backoff.NewConstantBackOff(time.Second) }),
		readback.Delays(func() *backoff.ExponentialBackOff {
			return backoff.NewExponentialBackOff(backoff.WithInitialInterval(time.Second), backoff.WithRandomizationFactor(0))
		}),
		readback.Delays(func() backoff.BackOffContext {
			return backoff.WithContext(backoff.NewConstantBackOff(time.Second), context.Background())
		}),
	}
	for _, schedule := range schedules {
		assert.Equal(t, 3*time.Second, schedule.Plan().Next(readback.Step{Ended: 2 * time.Second}))
	}
	assert.Negative(t, readback.Delays(func() backoff.BackOff { return &backoff.StopBackOff{} }).Plan().Next(readback.Step{Ended: time.Second}))
}

func TestDelays_withoutAFunction(t *testing.T) {
	t.Parallel()
	schedule := readback.Delays[backoff.BackOff](nil)
	require.Implements(t, (*interface{ Validate() error })(nil), schedule)
	require.EqualError(t, schedule.(interface{ Validate() error }).Validate(), "readback: Delays needs a function that returns a source of waits")

	read := func(context.Context) (int, error) { panic("called in spite of bad input") }
	_, err := poll.Until(t.Context(), read, poll.When(func(int) bool { return true }), poll.Options{Schedule: schedule})
	require.EqualError(t, err, "readback: Delays needs a function that returns a source of waits")
}

// Any source of waits makes a schedule, such as one of cenkalti's.
func ExampleDelays() {
	schedule := readback.Delays(func() backoff.BackOff { return backoff.NewConstantBackOff(time.Millisecond) })

	versions := []int{1, 1, 2}
	read := func(context.Context) (int, error) {
		v := versions[0]
		versions = versions[1:]
		return v, nil
	}
	v, err := poll.Until(context.Background(), read, poll.When(func(v int) bool { return v == 2 }), poll.Options{Schedule: schedule})
	fmt.Println(v, err)
	// Output: 2 <nil>
}
