package peer

import (
	"context"
	"time"

	"github.com/aws/smithy-go/waiter"
	gaxgo "github.com/googleapis/gax-go/v2"
)

// gax is played by the source of its pauses; its Invoke sleeps for one after another.
func gax() []Setting {
	setting := func(knobs string, b gaxgo.Backoff) Setting {
		return Setting{
			Peer: "gax", Knobs: knobs, How: Waits, Draws: true,
			Own: func(read func() bool) {
				again := func() gaxgo.Retryer { return gaxgo.OnErrorFunc(b, func(error) bool { return true }) }
				call := func(context.Context, gaxgo.CallSettings) error { return attempt(read)() }
				_ = gaxgo.Invoke(context.Background(), call, gaxgo.WithRetry(again))
			},
			fresh: func() func() time.Duration {
				own := b
				return own.Pause
			},
		}
	}
	standard := setting("1s ×2, full jitter", gaxgo.Backoff{})
	standard.Default = true
	all := []Setting{standard}
	for _, first := range firsts {
		for _, growth := range growths {
			all = append(all, setting(first.String()+" "+times(growth)+", full jitter",
				gaxgo.Backoff{Initial: first, Multiplier: growth}))
		}
	}
	return all
}

// smithy is played by the source of its delays: the loop around them is
// generated into each service's package.
func smithy() []Setting {
	const most, budget = 120 * time.Second, time.Hour
	setting := func(least time.Duration) Setting {
		return Setting{
			Peer: "aws smithy waiter", Knobs: least.String() + " ×2, jitter, at most 2m", How: Waits, Draws: true,
			fresh: func() func() time.Duration {
				n := int64(0)
				return func() time.Duration {
					n++
					delay, err := waiter.ComputeDelay(n, least, most, budget)
					if err != nil {
						panic(err) // the reader of random numbers never fails
					}
					return delay
				}
			},
		}
	}
	standard := setting(20 * time.Second)
	standard.Default = true
	all := []Setting{standard}
	for _, first := range firsts {
		all = append(all, setting(first))
	}
	return all
}
