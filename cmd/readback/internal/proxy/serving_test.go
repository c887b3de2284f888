package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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

// untilRefused waits until nobody is let in there.
func untilRefused(t *testing.T, url string) {
	t.Helper()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err == nil {
			_ = conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	}, time.Minute, time.Millisecond)
}

var ports atomic.Int32

// unused returns an address on loopback at which nobody listens, another one each
// time. Its port is not one that systems give to those who ask for any: nobody
// gets it meanwhile.
func unused(t *testing.T) string {
	t.Helper()
	for {
		address := fmt.Sprintf("127.0.0.1:%d", 20_000+(37*os.Getpid()+int(ports.Add(1)))%4_000)
		if l, err := net.Listen("tcp", address); err == nil {
			require.NoError(t, l.Close())
			return address
		}
	}
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
