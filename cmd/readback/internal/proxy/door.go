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

// door is a listener that can be closed without turning away who is at it: their
// requests may be on the way already.
type door struct {
	net.Listener
	closing atomic.Bool
	last    time.Time // when nobody is let in any more
}

const (
	// lastCall is for how long those are let in who are there when the door
	// closes. Where nobody is kept from coming, more may come all the time.
	lastCall = 50 * time.Millisecond

	// pause is how long nobody must come to end it before.
	pause = time.Millisecond
)

// Accept returns the next connection. Once the door closes, it returns an error
// that a server does not take for a passing one.
func (d *door) Accept() (net.Conn, error) {
	for {
		if d.closing.Load() {
			if time.Now().After(d.last) && !d.crowded() {
				return nil, http.ErrServerClosed
			}
			d.hurry()
		}
		c, err := d.Listener.Accept()
		if err == nil || !d.closing.Load() {
			return c, err
		}
		// On a busy machine the time may be up before anybody has looked.
		if !errors.Is(err, os.ErrDeadlineExceeded) || !d.crowded() {
			return nil, http.ErrServerClosed
		}
	}
}

// crowded reports whether somebody is at the door for sure.
func (d *door) crowded() bool {
	l, ok := d.Listener.(syscall.Conn)
	return ok && waits(l)
}

// close makes Accept return an error as soon as nobody is there.
func (d *door) close() {
	switch l := d.Listener.(type) {
	case *net.UnixListener:
		// Nobody finds it any more, and the next process may have its name.
		l.SetUnlinkOnClose(false)
		_ = os.Remove(l.Addr().String())
	case syscall.Conn:
		lock(l)
	}
	d.last = time.Now().Add(lastCall)
	d.closing.Store(true)
	d.hurry()
}

func (d *door) hurry() {
	if l, ok := d.Listener.(interface{ SetDeadline(time.Time) error }); !ok || l.SetDeadline(time.Now().Add(pause)) != nil {
		_ = d.Listener.Close()
	}
}
