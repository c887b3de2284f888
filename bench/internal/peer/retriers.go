package peer

import (
	"context"
	"time"

	avastretry "github.com/avast/retry-go/v5"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/onsi/gomega"
	sethvargoretry "github.com/sethvargo/go-retry"
)

// failsafeGo retries twice and without delay by default, which finds no write that lags. So
// it has no default here.
func failsafeGo() []Setting {
	setting := func(knobs string, with func(retrypolicy.Builder[bool])) Setting {
		return Setting{
			Peer: "failsafe-go", Knobs: knobs, How: Recorded,
			Own: func(read func() bool) {
				b := retrypolicy.NewBuilder[bool]().WithMaxRetries(-1).HandleResult(false)
				with(b)
				_, _ = failsafe.With(b.Build()).Get(func() (bool, error) { return read(), nil })
			},
		}
	}
	var all []Setting
	for _, first := range firsts {
		all = append(all,
			setting("every "+first.String(), func(b retrypolicy.Builder[bool]) { b.WithDelay(first) }),
			setting(first.String()+" ×2, at most 30s", func(b retrypolicy.Builder[bool]) { b.WithBackoff(first, 30*time.Second) }))
	}
	return all
}

// avast ends after ten attempts, some 50 s, by default; here it goes on.
func avast() []Setting {
	setting := func(knobs string, delay avastretry.DelayTypeFunc, options ...avastretry.Option) Setting {
		retrier := avastretry.New(append(options, avastretry.DelayType(delay), avastretry.UntilSucceeded())...)
		return Setting{
			Peer: "avast/retry-go", Knobs: knobs, How: Waits, Draws: true,
			Own: func(read func() bool) { _ = retrier.Do(attempt(read)) },
			fresh: func() func() time.Duration {
				n := uint(0)
				return func() time.Duration {
					n++
					return delay(n, errNotYet, retrier)
				}
			},
		}
	}
	usual := avastretry.CombineDelay(avastretry.BackOffDelay, avastretry.RandomDelay)
	standard := setting("100ms ×2 + up to 100ms", usual)
	standard.Default = true
	all := []Setting{standard}
	for _, first := range firsts {
		all = append(all,
			setting(first.String()+" ×2 + as much at most", usual, avastretry.Delay(first), avastretry.MaxJitter(first)),
			setting(first.String()+" ×2, full jitter", avastretry.FullJitterBackoffDelay, avastretry.Delay(first)),
			setting("every "+first.String(), avastretry.FixedDelay, avastretry.Delay(first)))
	}
	return all
}

// sethvargo shows NewFibonacci(1 * time.Second) in its README.
func sethvargo() []Setting {
	const most = 30 * time.Second
	setting := func(knobs string, fresh func() sethvargoretry.Backoff) Setting {
		return Setting{
			Peer: "sethvargo/go-retry", Knobs: knobs, How: Recorded,
			Own: func(read func() bool) {
				_ = sethvargoretry.Do(context.Background(), sethvargoretry.WithCappedDuration(most, fresh()), func(context.Context) error {
					return sethvargoretry.RetryableError(attempt(read)())
				})
			},
		}
	}
	var all []Setting
	for _, first := range firsts {
		fibonacci := setting(first.String()+" fibonacci", func() sethvargoretry.Backoff { return sethvargoretry.NewFibonacci(first) })
		fibonacci.Default = first == time.Second
		all = append(all, fibonacci,
			setting(first.String()+" ×2", func() sethvargoretry.Backoff { return sethvargoretry.NewExponential(first) }),
			setting("every "+first.String(), func() sethvargoretry.Backoff { return sethvargoretry.NewConstant(first) }))
	}
	return all
}

func gomegaEventually() []Setting {
	setting := func(knobs string, configure func(gomega.AsyncAssertion) gomega.AsyncAssertion) Setting {
		return Setting{
			Peer: "gomega Eventually", Knobs: knobs, How: Recorded,
			Own: func(read func() bool) {
				g := gomega.NewGomega(func(message string, _ ...int) { panic(message) })
				configure(g.Eventually(read).WithTimeout(time.Hour)).Should(gomega.BeTrue())
			},
		}
	}
	standard := setting("every 10ms", func(a gomega.AsyncAssertion) gomega.AsyncAssertion { return a })
	standard.Default = true
	all := []Setting{standard}
	for _, every := range firsts {
		if every != 10*time.Millisecond {
			all = append(all, setting("every "+every.String(), func(a gomega.AsyncAssertion) gomega.AsyncAssertion { return a.WithPolling(every) }))
		}
	}
	return all
}
