package peer

import (
	"context"
	"math"
	"time"

	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/retry"
	"k8s.io/apimachinery/pkg/util/wait"
)

// kubernetes asks its caller for an interval; a second is what most give it.
func kubernetes() []Setting {
	const peer = "k8s wait"
	var all []Setting
	for _, every := range firsts {
		all = append(all, Setting{
			Peer: peer, Knobs: "every " + every.String(), Default: every == time.Second, How: Recorded,
			Own: func(read func() bool) {
				_ = wait.PollUntilContextCancel(context.Background(), every, true,
					func(context.Context) (bool, error) { return read(), nil })
			},
		})
	}
	for _, first := range firsts {
		for _, growth := range growths[1:] {
			all = append(all, Setting{
				Peer: peer, Knobs: first.String() + " " + times(growth), How: Recorded,
				Own: func(read func() bool) {
					b := wait.Backoff{Duration: first, Factor: growth, Steps: math.MaxInt32}
					_ = wait.ExponentialBackoffWithContext(context.Background(), b,
						func(context.Context) (bool, error) { return read(), nil })
				},
			})
		}
	}
	return all
}

func terraform() []Setting {
	const peer = "terraform StateChangeConf"
	setting := func(knobs string, conf retry.StateChangeConf) Setting {
		return Setting{
			Peer: peer, Knobs: knobs, How: Recorded,
			Own: func(read func() bool) {
				state := conf
				state.Pending, state.Target, state.Timeout = []string{"missing"}, []string{"there"}, time.Hour
				state.Refresh = func() (any, string, error) {
					if read() {
						return state, "there", nil
					}
					return state, "missing", nil
				}
				_, _ = state.WaitForStateContext(context.Background())
			},
		}
	}
	standard := setting("200ms ×2, at most 10s", retry.StateChangeConf{})
	standard.Default = true
	all := []Setting{standard}
	for _, first := range firsts {
		if first > 200*time.Millisecond { // else the same as the default
			all = append(all, setting("MinTimeout "+first.String(), retry.StateChangeConf{MinTimeout: first}))
		}
		all = append(all, setting("PollInterval "+first.String(), retry.StateChangeConf{PollInterval: first}))
	}
	return all
}
