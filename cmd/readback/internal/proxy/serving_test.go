package proxy_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

// listenAndServe serves a proxy on loopback. Stop ends that and returns what
// Serve returned.
func listenAndServe(t testing.TB, p *proxy.Proxy, grace time.Duration) (proxyURL string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- proxy.Serve(ctx, l, p, grace) }()
	stop = sync.OnceValue(func() error {
		cancel()
		err := <-served
		p.Close()
		return err
	})
	return "http://" + l.Addr().String(), stop
}

// newClient returns a client with connections of its own, which follows no
// redirects.
func newClient(t testing.TB) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}
