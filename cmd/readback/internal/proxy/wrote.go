package proxy

import (
	"fmt"
	"sync"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// uncovered remembers the routes whose writes were carried out and cover nothing, so
// that each is reported once.
type uncovered struct {
	mu     sync.Mutex
	routes map[string]bool
}

// mostRoutes bounds the memory; further routes are not reported.
const mostRoutes = 1000

// first reports whether a route is new.
func (u *uncovered) first(route string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.routes[route] || len(u.routes) >= mostRoutes {
		return false
	}
	if u.routes == nil {
		u.routes = make(map[string]bool)
	}
	u.routes[route] = true
	return true
}

// wrote tells everyone but the client what a write covers.
func (p *Proxy) wrote(c readbackhttp.Coverage) {
	p.options.Meter.wrote(c)
	done := c.Class == consistency.Applied || c.Class == consistency.Accepted
	if p.options.Tell == nil || c.Why == "" || !done || !p.uncover.first(c.Route) {
		return
	}
	p.options.Tell(fmt.Sprintf("warning: %s covers nothing: %s; its reads are not held, unless --covers says which (told once)", c.Route, c.Why))
}
