package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// guard is a connection of a client. It checks the framing of HTTP/1: Read returns
// the requests that say clearly where they end, and stops at the first that does
// not, with a [*malformed] error.
type guard struct {
	net.Conn
	framing framing // only Read uses it
	stopped error   // why nothing more is read; only Read uses it
	filled  bool    // see Read

	bad  atomic.Pointer[malformed]
	gone atomic.Bool // the client sends nothing more
	raw  atomic.Bool // another protocol is spoken, after a request of HTTP/1
	h2   atomic.Bool // HTTP/2 is spoken, from the beginning
	over atomic.Bool // no further request is taken
	left atomic.Bool // Close has waited for the client

	begun int64  // requests that handlers have begun, one after the other
	host  string // the Host of the last request that was allowed
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

// Read returns the bytes that are framed correctly.
func (g *guard) Read(p []byte) (int, error) {
	if g.stopped != nil {
		// While a handler runs, the server reads one byte ahead, to see whether the
		// client has gone. An error would end the handler of a request that is well
		// framed. So the read succeeds once, with a byte that is never used.
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
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
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

// begin notes that a handler begins the next request, r. It returns an error if the
// handler must not go on, as far as that is known before the body is read.
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

// failed returns what is wrong with the body of the current request, or nil. Of most
// errors it knows before the reader of the body does: the server ends the context of
// the request before it returns the error. Others are of net/http, such as that a
// trailer is too long.
func (g *guard) failed(b *inbound) error {
	end := b.end()
	switch m := g.bad.Load(); {
	case end == io.EOF:
		return nil
	case m != nil && m.request == g.begun:
		return m
	case g.gone.Load():
		return io.ErrUnexpectedEOF
	}
	return end
}

// lingerTime is how long Close goes on reading what a client still sends. If the
// connection were closed at once, the client might lose the answer (TCP would reset
// the connection).
const lingerTime = 500 * time.Millisecond

// leave ends a connection whose last answer is written.
func (g *guard) leave() {
	g.over.Store(true)
	_ = g.Close()
}

// Close closes the connection. After the last answer it first waits, for at most
// lingerTime, until the client stops sending.
func (g *guard) Close() error {
	if g.over.Load() && !g.left.Swap(true) {
		_ = g.CloseWrite()
		_ = g.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.Copy(io.Discard, g.Conn)
	}
	return g.Conn.Close()
}

// CloseWrite ends what is sent. net/http looks for this method.
func (g *guard) CloseWrite() error {
	if c, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// secureGuard is a guard on a connection of TLS.
type secureGuard struct{ *guard }

// ConnectionState returns the state of TLS. net/http looks for this method.
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
