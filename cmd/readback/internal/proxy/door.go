package proxy

import (
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// drainListener is a listener that, once it is closed, still accepts the
// connections that the kernel has already established: their requests may be on
// the way.
type drainListener struct {
	net.Listener
	closing atomic.Bool
	until   time.Time // when draining ends; set before closing
}

const (
	// drainTime is for how long waiting connections are still accepted. It has an
	// end, since on some systems new clients cannot be kept from connecting.
	drainTime = 50 * time.Millisecond

	// pause ends the draining early if no connection comes for that long.
	pause = time.Millisecond
)

// Accept returns the next connection. Once the listener is closed and drained, it
// returns http.ErrServerClosed, which a server does not take for a temporary error.
func (d *drainListener) Accept() (net.Conn, error) {
	for {
		if d.closing.Load() {
			if time.Now().After(d.until) && !d.hasWaiting() {
				return nil, http.ErrServerClosed
			}
			d.setShortDeadline()
		}
		c, err := d.Listener.Accept()
		if err == nil || !d.closing.Load() {
			return c, err
		}
		// On a busy machine the deadline may pass before Accept has looked.
		if !errors.Is(err, os.ErrDeadlineExceeded) || !d.hasWaiting() {
			return nil, http.ErrServerClosed
		}
	}
}

// hasWaiting reports whether a connection surely waits to be accepted. It is false
// where the system cannot tell.
func (d *drainListener) hasWaiting() bool {
	l, ok := d.Listener.(syscall.Conn)
	return ok && connectionWaits(l)
}

// close makes Accept return an error as soon as no connection waits any more.
func (d *drainListener) close() {
	switch l := d.Listener.(type) {
	case *net.UnixListener:
		// No new client finds the socket, and the next process may use its name.
		l.SetUnlinkOnClose(false)
		_ = os.Remove(l.Addr().String())
	case syscall.Conn:
		ignoreNew(l)
	}
	d.until = time.Now().Add(drainTime)
	d.closing.Store(true)
	d.setShortDeadline()
}

// setShortDeadline makes a running Accept return after pause. A listener without
// deadlines is closed at once.
func (d *drainListener) setShortDeadline() {
	if l, ok := d.Listener.(interface{ SetDeadline(time.Time) error }); !ok || l.SetDeadline(time.Now().Add(pause)) != nil {
		_ = d.Listener.Close()
	}
}
