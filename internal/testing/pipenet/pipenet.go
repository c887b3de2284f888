// Package pipenet is a network of pipes for tests. Over it, net/http works in a bubble of
// testing/synctest, where a socket would stop the clock.
package pipenet

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
)

// Serve runs srv until the test ends, and returns a transport for its clients, which reach it
// under any address. It leaves no goroutine behind, so that a bubble can end.
func Serve(t testing.TB, srv *http.Server) *http.Transport {
	l := &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(l) })
	transport := &http.Transport{DialContext: l.dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		serving.Wait()
	})
	return transport
}

// listener is a listener whose connections are pipes.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *listener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return &net.IPAddr{} }
