package lags_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

func TestOvershoot(t *testing.T) {
	t.Parallel()
	everySecond := lags.Ticks("")
	tests := []struct {
		name     string
		sample   lags.Sample
		poller   lags.Poller
		readTime time.Duration
		want     lags.Overshoot
	}{
		{"no lags", nil, everySecond, 0, lags.Overshoot{}},
		{"none that ended", lags.Sample{missed(50)}, everySecond, 0, lags.Overshoot{}},
		{
			"visible at once", lags.Sample{read(-1, 0)}, everySecond, 0,
			lags.Overshoot{Flows: 1, Reads: 1},
		},
		{
			"as long as a wait", lags.Sample{read(1000, 1000)}, everySecond, 0,
			lags.Overshoot{Flows: 1, Reads: 2},
		},
		{
			"longer than a wait", lags.Sample{read(1300, 1300)}, everySecond, 0,
			lags.Overshoot{Flows: 1, Reads: 3, Mean: 700 * ms, P90: 700 * ms, P99: 700 * ms},
		},
		{
			"waits count from the end of a read", lags.Sample{read(1300, 1300)}, everySecond, 200 * ms,
			lags.Overshoot{Flows: 1, Reads: 3, Mean: 1100 * ms, P90: 1100 * ms, P99: 1100 * ms},
		},
		{
			"what did not end is left out", lags.Sample{read(1300, 1300), missed(9000)}, everySecond, 0,
			lags.Overshoot{Flows: 1, Reads: 3, Mean: 700 * ms, P90: 700 * ms, P99: 700 * ms},
		},
		{
			// 64 places in the middles of so many parts of a second.
			"anywhere in a second", lags.Sample{read(0, 1000)}, everySecond, 0,
			lags.Overshoot{Flows: 1, Reads: 2, Mean: 500 * ms, P90: 898437500, P99: 992187500},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, tt.sample.Overshoot(tt.poller, tt.readTime))
		})
	}
}

// A schedule that stops the clock still ends.
func TestOvershoot_endsAlways(t *testing.T) {
	t.Parallel()
	still := lags.OfBackoff("", readback.Backoff{Initial: 1, Max: 1, NoJitter: true})
	got := lags.Sample{read(3600_000, 3600_000)}.Overshoot(still, 0)
	assert.InDelta(t, 100_000, got.Reads, 0)
}

// Reads of a flow do not overlap, whatever a schedule says.
func TestOvershoot_oneAfterAnother(t *testing.T) {
	t.Parallel()
	hasty := lags.Poller{Begin: func(*rand.Rand) (time.Duration, lags.Next) {
		return 0, func(int, time.Duration, time.Duration) time.Duration { return 0 }
	}}
	got := lags.Sample{read(8, 8)}.Overshoot(hasty, 4*ms)
	assert.InDelta(t, 3, got.Reads, 0, "at 0, 5 and 10 ms")
	assert.Equal(t, 2*ms, got.Mean)
}
