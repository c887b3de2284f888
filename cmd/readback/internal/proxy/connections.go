package proxy

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// connections counts those of a server that still speak HTTP/1 or HTTP/2.
type connections struct {
	open atomic.Int64
	none chan struct{} // gets a value when there are none
}

func newConnections() *connections { return &connections{none: make(chan struct{}, 1)} }

// note is an [http.Server.ConnState].
func (c *connections) note(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateIdle:
		if g := guardOn(conn); g != nil && g.over.Load() {
			g.leave()
		}
	case http.StateNew:
		c.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		if c.open.Add(-1) == 0 {
			select {
			case c.none <- struct{}{}:
			default:
			}
		}
	}
}

// wait returns when there are none, or after that time, or when ctx ends.
func (c *connections) wait(ctx context.Context, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for c.open.Load() > 0 {
		select {
		case <-c.none:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
