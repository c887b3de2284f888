package submit_test

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// A wait without end is no wait of nothing.
func TestTrying_hugeWaits(t *testing.T) {
	t.Parallel()
	for _, give := range []time.Duration{0, submit.Forever, submit.Forever - time.Hour} {
		bubble(t, fmt.Sprint(give), func(t *testing.T) {
			var n atomic.Int32
			w := &world{}
			s := w.on(t, submit.NewMemory(), everySecond, func(o *options) {
				o.GiveUpAfter = give
				o.Policy.Answer = func(phase consistency.Phase, _ any, err error) (consistency.Answer, bool) {
					return consistency.Answer{Status: 429, RetryAfter: math.MaxInt64}, phase == consistency.PhaseWrite
				}
				o.Flow = func(key string, o order) consistency.Flow[string, *thing] {
					f := w.flow(key, o)
					f.Write = func(context.Context) (string, error) {
						if n.Add(1) > 50 {
							panic("hammered")
						}
						return "", status(429)
					}
					return f
				}
			})
			defer running(s)()
			time.Sleep(time.Second)
			require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
			time.Sleep(time.Hour)
			assert.LessOrEqual(t, n.Load(), int32(3))
		})
	}
}

// Options as long or as short as can be do what they say.
func TestOptions_extreme(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*options){
		"lease":       func(o *options) { o.Lease = submit.Forever },
		"keep":        func(o *options) { o.Keep = submit.Forever - 1 },
		"tiny writes": func(o *options) { o.WritesPerSecond = 1e-300 },
		"inf":         func(o *options) { o.WritesPerSecond = math.Inf(1); o.ReadsPerSecond = math.Inf(1) },
		"giveup":      func(o *options) { o.GiveUpAfter = submit.Forever },
		"giveup 1":    func(o *options) { o.GiveUpAfter = 1 },
		"keep 1":      func(o *options) { o.Keep = 1; o.KeepUnconfirmed = 1 },
		"honoured":    func(o *options) { o.Resubmit.KeyHonouredFor = submit.Forever },
		"workers":     func(o *options) { o.Workers = math.MaxInt },
		"payload":     func(o *options) { o.KeepPayload = math.MaxInt },
	} {
		bubble(t, name, func(t *testing.T) {
			w := &world{lag: 2 * time.Second}
			s := w.on(t, submit.NewMemory(), everySecond, change)
			defer running(s)()
			res, err := s.Submit(within(t, time.Hour), "a", order{"x"})
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome)
			if name == "tiny writes" {
				_, err := s.Submit(within(t, time.Hour), "b", order{"x"})
				assert.Error(t, err)
				assert.Zero(t, w.sent("b"))
			}
		})
	}
}
