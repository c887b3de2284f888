package play

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/readback-go/readback/sim/internal/world"
)

// credentials freshens those of alice, beneath the library, once it was told
// that they are old.
type credentials struct {
	rest  http.RoundTripper
	fresh atomic.Bool
}

func (c *credentials) RoundTrip(req *http.Request) (*http.Response, error) {
	if c.fresh.Load() && req.Header.Get("Authorization") == alice {
		clone := req.Clone(req.Context())
		clone.Header.Set("Authorization", alice+" fresh")
		resp, err := c.rest.RoundTrip(clone)
		if resp != nil {
			resp.Request = req
		}
		return resp, err
	}
	return c.rest.RoundTrip(req)
}

const (
	alice = "alice"
	bob   = "bob"
)

// onForbidden returns a hook that gets fresh credentials, from a service that
// takes no time.
func (c *credentials) onForbidden(w *world.World) func(context.Context) {
	return func(context.Context) {
		c.fresh.Store(true)
		w.Refresh()
	}
}
