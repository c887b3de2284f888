package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// handshakes is a listener of TLS. Each client shakes hands at its own pace before
// it is let in, so that it is known by then which protocol it speaks. Make it with
// [shakeHands].
type handshakes struct {
	net.Listener
	config *tls.Config
	failed func(error)

	ready chan accepted
	err   error // of the listener, once ready is closed

	mu      sync.Mutex
	pending map[net.Conn]struct{}
	closing bool
}

type accepted struct {
	net.Conn
	err error
}

// shakeHands begins to let in who comes to l, which it ends with. Failed gets the
// errors of those who do not get in.
func shakeHands(l net.Listener, config *tls.Config, failed func(error)) *handshakes {
	config = config.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	h := &handshakes{Listener: l, config: config, failed: failed,
		ready: make(chan accepted), pending: make(map[net.Conn]struct{})}
	go h.run()
	return h
}

func (h *handshakes) run() {
	var all sync.WaitGroup
	for {
		conn, err := h.Listener.Accept()
		if err != nil {
			if passing, ok := err.(interface{ Temporary() bool }); ok && passing.Temporary() {
				h.ready <- accepted{err: err} // the server waits before it asks again
				continue
			}
			h.err = err
			break
		}
		all.Go(func() { h.shake(conn) })
	}
	h.close()
	all.Wait()
	close(h.ready)
}

// shake lets a client in, or not.
func (h *handshakes) shake(conn net.Conn) {
	limit := headerTime
	h.mu.Lock()
	if h.closing {
		limit = farewell
	}
	_ = conn.SetDeadline(time.Now().Add(limit))
	h.pending[conn] = struct{}{}
	h.mu.Unlock()

	c := tls.Server(conn, h.config)
	err := c.HandshakeContext(context.Background())

	h.mu.Lock()
	delete(h.pending, conn)
	h.mu.Unlock()
	if err != nil {
		h.failed(err)
		if other := (tls.RecordHeaderError{}); errors.As(err, &other) && other.Conn != nil { // perhaps in the clear
			_, _ = io.WriteString(conn, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nreadback proxy: this is https\n")
		}
		_ = conn.Close()
		return
	}
	_ = conn.SetDeadline(time.Time{})
	if c.ConnectionState().NegotiatedProtocol == "h2" {
		h.ready <- accepted{Conn: c}
		return
	}
	h.ready <- accepted{Conn: secureGuard{&guard{Conn: c, framing: framing{agreed: true}}}}
}

// close gives the clients that still shake hands little time, since no others are
// accepted.
func (h *handshakes) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closing = true
	for conn := range h.pending {
		_ = conn.SetDeadline(time.Now().Add(farewell))
	}
}

// Accept returns the next client, as a guard or, of HTTP/2, as a *tls.Conn.
func (h *handshakes) Accept() (net.Conn, error) {
	if next, ok := <-h.ready; ok {
		return next.Conn, next.err
	}
	return nil, h.err
}

// notLetIn tells of a client that did not shake hands.
func (p *Proxy) notLetIn(err error) {
	if p.options.Tell != nil {
		p.options.Tell("a client was not let in: " + unquote(err))
	}
}
