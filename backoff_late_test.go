package readback_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
)

// lateness is how late the reads of many flows notice a constant lag.
type lateness struct {
	mean, most, worst time.Duration // most: of 99 flows in 100
	reads             float64       // on average
}

// late reads flows of a constant lag in virtual time.
func late(s readback.Schedule, lag, readTime time.Duration, flows int) lateness {
	var sum time.Duration
	all := make([]time.Duration, 0, flows)
	reads := 0
	for range flows {
		at := s.First(time.Hour)
		var plan readback.Plan
		for n := 1; ; n++ {
			reads++
			if at >= lag {
				break
			}
			if plan == nil {
				plan = s.Plan()
			}
			at = plan.Next(readback.Step{Reads: n, Settle: 1, Began: at, Ended: at + readTime, Deadline: time.Hour, ReadTime: readTime})
		}
		sum += at - lag
		all = append(all, at-lag)
	}
	slices.Sort(all)
	return lateness{sum / time.Duration(flows), all[flows*99/100], all[flows-1], float64(reads) / float64(flows)}
}

// The zero Backoff notices any lag soon, as its comment says, and with few reads.
func TestBackoff_late(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	meanBound := func(lag time.Duration) time.Duration { return lag*3/10 + 50*ms }
	worstBound := func(lag time.Duration) time.Duration { return lag*3/4 + 100*ms }
	const flows = 4000 // so many that their mean is near to the true one
	for _, lag := range []time.Duration{20 * ms, 100 * ms, 300 * ms, time.Second, 3 * time.Second, 10 * time.Second, time.Minute} {
		for _, readTime := range []time.Duration{0, 50 * ms} {
			got := late(readback.Backoff{}, lag, readTime, flows)
			t.Logf("lag %v, reads of %v: %v late on average, %v at worst, %.2f reads", lag, readTime, got.mean, got.worst, got.reads)
			if readTime == 0 {
				assert.LessOrEqual(t, got.mean, meanBound(lag), lag)
				assert.LessOrEqual(t, got.most, worstBound(lag), lag)
				assert.LessOrEqual(t, got.worst, worstBound(lag)*11/10, "%v; one draw in some thousands is over it by a few hundredths", lag)
			}
			switch lag {
			case time.Second:
				assert.LessOrEqual(t, got.reads, 7.5)
			case 10 * time.Second:
				assert.LessOrEqual(t, got.reads, 12.5)
			}
		}
	}
	for lag := 20 * ms; lag <= time.Minute; lag = lag * 21 / 20 {
		got := late(readback.Backoff{}, lag, 0, flows)
		assert.LessOrEqual(t, got.mean, meanBound(lag)*11/10, lag)
		assert.LessOrEqual(t, got.worst, worstBound(lag)*11/10, lag)
	}
}

func TestEvery(t *testing.T) {
	t.Parallel()
	s := readback.Every(time.Second)
	assert.Zero(t, s.First(time.Minute))
	plan := s.Plan()
	for i := range 1000 {
		ended := time.Duration(i) * time.Minute
		wait := plan.Next(readback.Step{Ended: ended}) - ended
		require.InDelta(t, time.Second, wait, float64(time.Second)/10+1)
	}
	validator := s.(interface{ Validate() error })
	require.NoError(t, validator.Validate())
	assert.EqualError(t, readback.Every(0).(interface{ Validate() error }).Validate(), "readback: Every is not positive: 0s")
}

// A tick of a second, for a read model whose lag is known to be some seconds.
func ExampleEvery() {
	tick := readback.Every(time.Second)
	wait := tick.Plan().Next(readback.Step{Ended: 2 * time.Second}) - 2*time.Second
	fmt.Println(wait >= 900*time.Millisecond && wait <= 1100*time.Millisecond)
	// Output: true
}
