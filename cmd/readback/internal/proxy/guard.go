package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// guard is a connection of a client. Of HTTP/1 it hands on what is framed beyond
// doubt, and nothing of what stands behind the first request that is not.
type guard struct {
	net.Conn
	framing framing // who reads has it
	stopped error   // why nothing more is read; who reads has it
	filled  bool    // see Read

	bad  atomic.Pointer[malformed]
	gone atomic.Bool // the client sends nothing more
	raw  atomic.Bool // another protocol is spoken, after a request of HTTP/1
	h2   atomic.Bool // HTTP/2 is spoken, from the beginning
	over atomic.Bool // no further request is taken
	left atomic.Bool // the last goodbye was said

	begun int64  // requests that handlers have begun, one after the other
	host  string // the name that the last one was let in by
}

// guards is a listener whose connections are guarded.
type guards struct{ net.Listener }

func (l guards) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &guard{Conn: c}, nil
}

// malformed is the error of a request that does not say where it ends.
type malformed struct {
	request int64 // its number on the connection
	why     string
}

func (m *malformed) Error() string { return "the request is malformed: " + m.why }

var errOver = errors.New("the connection is over")

// Read returns what is sound.
func (g *guard) Read(p []byte) (int, error) {
	if g.stopped != nil {
		// While a handler runs, the server reads one byte ahead, to learn of a
		// client that is gone. It is not: the request in flight is a sound one.
		// This byte is part of nothing.
		if len(p) == 1 && !g.filled {
			g.filled, p[0] = true, 0
			return 1, nil
		}
		return 0, g.stopped
	}
	if g.over.Load() {
		return 0, errOver
	}
	n, err := g.Conn.Read(p)
	if err == io.EOF {
		g.gone.Store(true)
	}
	if n == 0 || g.raw.Load() {
		return n, err
	}
	sound, wrong := g.framing.follow(p[:n])
	if g.framing.at == elsewhere {
		g.h2.Store(true)
	}
	if wrong == "" {
		return n, err
	}
	m := &malformed{request: g.framing.requests, why: wrong}
	g.stopped = m
	g.bad.Store(m)
	if sound == 0 {
		return 0, m
	}
	return sound, nil
}

// begin says that a handler begins the next request, r, and returns why it must not,
// as far as that is known so early.
func (g *guard) begin(r *http.Request) error {
	g.begun++
	if g.over.Load() {
		return errOver
	}
	if r.ProtoMajor != 1 { // the preface of HTTP/2, of which the rest did not come
		return &malformed{request: g.begun, why: wrongPreface}
	}
	if m := g.bad.Load(); m != nil && m.request == g.begun {
		return m
	}
	return nil
}

// failed returns what is wrong with the body of the request in flight, or nil. It
// knows earlier than who reads the body: the server ends the context of a request
// before it hands an error on.
func (g *guard) failed(b *inbound) error {
	switch m := g.bad.Load(); {
	case b.end() == io.EOF:
		return nil
	case m != nil && m.request == g.begun:
		return m
	case g.gone.Load():
		return io.ErrUnexpectedEOF
	}
	return nil
}

// longGoodbye is how long a client may go on sending what nobody reads. If it
// were cut off at once, the answer might be lost with it.
const longGoodbye = 500 * time.Millisecond

// leave ends a connection whose last answer is written.
func (g *guard) leave() {
	g.over.Store(true)
	_ = g.Close()
}

// Close closes the connection, once the client is done if it sends what nobody
// reads.
func (g *guard) Close() error {
	if g.over.Load() && !g.left.Swap(true) {
		_ = g.CloseWrite()
		_ = g.SetReadDeadline(time.Now().Add(longGoodbye))
		_, _ = io.Copy(io.Discard, g.Conn)
	}
	return g.Conn.Close()
}

// CloseWrite is what net/http looks for.
func (g *guard) CloseWrite() error {
	if c, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// secureGuard is a guard on a connection of TLS.
type secureGuard struct{ *guard }

// ConnectionState is what net/http looks for.
func (g secureGuard) ConnectionState() tls.ConnectionState {
	return g.Conn.(*tls.Conn).ConnectionState()
}

type guardKey struct{}

// guarded keeps the guard of a connection in the context of its requests. It is
// an [http.Server.ConnContext].
func guarded(ctx context.Context, c net.Conn) context.Context {
	if g := guardOn(c); g != nil {
		return context.WithValue(ctx, guardKey{}, g)
	}
	return ctx
}

// guardOn returns the guard that a connection of a server is, or nil.
func guardOn(c net.Conn) *guard {
	switch c := c.(type) {
	case *guard:
		return c
	case secureGuard:
		return c.guard
	}
	return nil
}

// guardOf returns the guard of a request of HTTP/1, or nil.
func guardOf(r *http.Request) *guard {
	g, _ := r.Context().Value(guardKey{}).(*guard)
	if g == nil || g.h2.Load() {
		return nil
	}
	return g
}
