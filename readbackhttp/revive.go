package readbackhttp

import (
	"net/http"
	"net/url"

	"github.com/readback-go/readback/internal/recent"
)

// Where something is written, something is there, and so is what lies above it. If it
// was deleted before, it is back, as after POST /things/7/restore: a read that finds it
// does not wait any more for it to vanish.

// revives notes that what a write was sent to is there, as far as that is known: also
// when the write may not have been carried out, since a read is held on a deletion only
// if there is no doubt.
func (c *covering) revives() {
	switch c.method {
	case http.MethodDelete, http.MethodGet, http.MethodHead: // nothing is written
	case http.MethodPost:
		c.revive(c.own)
		if of := customMethodOf(c.own); of != nil {
			c.revive(of)
		}
	case methodMove, "COPY":
		if to := c.parse(c.req.Header.Get("Destination")); to != nil {
			c.revive(to)
		}
	default:
		c.revive(c.own)
	}
}

// revive ends what was remembered of deletions at u and above it, here and wherever else
// it is read.
func (c *covering) revive(u *url.URL) {
	for _, at := range c.t.memory.Revive(func() recent.Space { return c.t.space(c.req, u) }, u) {
		c.t.sharing.tell(note{kind: noteCleared, class: uint8(c.class), reach: uint8(recent.AnyQuery), about: uint64(at)})
	}
}
