package proxy_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

// tardy is a listener of a busy machine: the first time that is set for it is up
// before it looks who is there.
type tardy struct {
	*net.TCPListener
	asked func() // once it is
	once  sync.Once
	goOn  chan struct{}
}

func (l *tardy) Accept() (net.Conn, error) {
	l.asked()
	<-l.goOn
	return l.TCPListener.Accept()
}

func (l *tardy) SetDeadline(t time.Time) error {
	l.once.Do(func() {
		t = time.Unix(1, 0)
		defer close(l.goOn)
	})
	return l.TCPListener.SetDeadline(t)
}

// A connection that waited when the listener closed is accepted, although Accept did
// not look in time.
func TestServe_busy(t *testing.T) {
	t.Parallel()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	upstream := httptest.NewServer(newService(0))
	t.Cleanup(upstream.Close)
	p, err := proxy.New(proxy.Options{Upstream: parse(t, upstream.URL)})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	served := make(chan error, 1)
	go func() {
		served <- proxy.Serve(ctx, &tardy{TCPListener: l, asked: stop, goOn: make(chan struct{})}, p, time.Minute)
	}()
	_, err = io.WriteString(conn, "GET /static HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	assert.Equal(t, "static", text(t, resp))
	assert.NoError(t, <-served)
}
