package readback_test

import (
	"math/rand/v2"
	"sync"

	"github.com/readback-go/readback/internal/testing/laws"
)

// law is a distribution of lags, in seconds.
type law struct {
	name   string
	narrow bool                     // narrower than a price of 10 ms
	after  func(t float64) float64  // chance that the lag is longer than t
	draw   func(*rand.Rand) float64 // one lag
	mean   float64
}

func asLaw(l laws.Law) law { return law{l.Name, l.Narrow, l.After, l.Draw, l.Mean} }

var lagLaws = sync.OnceValue(func() (all []law) {
	for _, l := range laws.All() {
		all = append(all, asLaw(l))
	}
	return all
})

func lawNamed(name string) law { return asLaw(laws.Named(name)) }

// endless is a law that is not yet conditioned on a deadline.
type endless struct{ laws.Law }

func (e endless) within(deadline float64) law { return asLaw(e.Within(deadline)) }

func lognormal(median, sigma float64) endless { return endless{laws.Lognormal(median, sigma)} }
