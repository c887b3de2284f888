package peer

import (
	"context"
	"errors"
	"time"

	backoff4 "github.com/cenkalti/backoff/v4"
	backoff5 "github.com/cenkalti/backoff/v5"
)

var errNotYet = errors.New("not yet")

// attempt returns a read as a function that fails until the read returns true.
func attempt(read func() bool) func() error {
	return func() error {
		if read() {
			return nil
		}
		return errNotYet
	}
}

func cenkalti4() []Setting {
	const peer = "cenkalti/backoff v4"
	setting := func(knobs string, options ...backoff4.ExponentialBackOffOpts) Setting {
		fresh := func() *backoff4.ExponentialBackOff {
			return backoff4.NewExponentialBackOff(append(options, backoff4.WithMaxElapsedTime(0))...)
		}
		return Setting{
			Peer: peer, Knobs: knobs, How: Waits, Draws: true,
			Own:   func(read func() bool) { _ = backoff4.Retry(attempt(read), fresh()) },
			fresh: func() func() time.Duration { return fresh().NextBackOff },
		}
	}
	standard := setting("500ms ×1.5 ±50%")
	standard.Default = true
	all := []Setting{standard}
	for _, first := range firsts {
		for _, growth := range growths {
			all = append(all, setting(first.String()+" "+times(growth)+" ±50%",
				backoff4.WithInitialInterval(first), backoff4.WithMultiplier(growth)))
		}
	}
	return all
}

// cenkalti5 draws from a source that cannot be seeded. So its intervals grow by its own code,
// and our draws spread them by its rule.
func cenkalti5() []Setting {
	const peer = "cenkalti/backoff v5"
	setting := func(knobs string, first time.Duration, growth float64) Setting {
		fresh := func() *backoff5.ExponentialBackOff {
			b := backoff5.NewExponentialBackOff()
			b.InitialInterval, b.Multiplier = first, growth
			return b
		}
		return Setting{
			Peer: peer, Knobs: knobs, How: Waits, Draws: true,
			Own: func(read func() bool) {
				_, _ = backoff5.Retry(context.Background(), func() (bool, error) { return true, attempt(read)() },
					backoff5.WithBackOff(fresh()), backoff5.WithMaxElapsedTime(0))
			},
			fresh: func() func() time.Duration {
				b := fresh()
				spread := b.RandomizationFactor
				b.RandomizationFactor = 0
				b.Reset()
				return func() time.Duration {
					interval := float64(b.NextBackOff())
					return time.Duration(interval*(1-spread) + dice.ours.Float64()*(2*spread*interval+1))
				}
			},
		}
	}
	standard := setting("500ms ×1.5 ±50%", backoff5.DefaultInitialInterval, backoff5.DefaultMultiplier)
	standard.Default = true
	all := []Setting{standard}
	for _, first := range firsts {
		for _, growth := range growths {
			all = append(all, setting(first.String()+" "+times(growth)+" ±50%", first, growth))
		}
	}
	return all
}
