package proxy_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
	"github.com/readback-go/readback/natsstore/natsshare"
	"github.com/readback-go/readback/readbackhttp"
)

// serveNATS starts a server on loopback, on any port if that is 0.
func serveNATS(t *testing.T, port int) *server.Server {
	t.Helper()
	if port == 0 {
		port = server.RANDOM_PORT
	}
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true})
	require.NoError(t, err)
	srv.Start()
	require.True(t, srv.ReadyForConnections(time.Minute))
	t.Cleanup(func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	return srv
}

// Three proxies behind a round robin, a thousand callers who create and get: without
// sharing two of three early 404s are handed on, with it none. A cut of what is
// between them costs as much as not to share, and ends with it.
func TestProxy_share(t *testing.T) {
	const (
		callers = 1000
		apart   = 666 // of the reads, those that go elsewhere than the write went
	)
	upstream := newService(0)
	upstream.hide = 1 // the first read of each finds nothing
	service := httptest.NewServer(upstream)
	t.Cleanup(service.Close)
	bus := serveNATS(t, 0)
	three := func(shares bool) (urls []string) {
		for range 3 {
			o := proxy.Options{Hold: quickly}
			if shares {
				carrier, err := natsshare.Connect(natsshare.Options{URL: bus.ClientURL()})
				require.NoError(t, err)
				t.Cleanup(carrier.Close)
				o.Hold.Share = readbackhttp.Share{Carrier: carrier, Secret: []byte("a secret that they all have")}
			}
			url, _ := serve(t, service.URL, o)
			urls = append(urls, url)
		}
		return urls
	}
	client := newClient(t)
	client.Transport.(*http.Transport).MaxConnsPerHost = 32 // what takes over a second to arrive is not held
	create := func(urls []string, at int, who string) (resp *http.Response, err error) {
		req, err := http.NewRequest("POST", urls[at%3]+"/things", nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", who)
		if resp, err = client.Do(req); err != nil {
			return nil, err
		}
		_ = resp.Body.Close()
		req, err = http.NewRequest("GET", urls[(at+at/3)%3]+resp.Header.Get("Location"), nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", who)
		if resp, err = client.Do(req); err == nil {
			_ = resp.Body.Close()
		}
		return resp, err
	}
	early := func(urls []string) int {
		var found atomic.Int32
		var group sync.WaitGroup
		for i := range callers {
			group.Go(func() {
				resp, err := create(urls, i, fmt.Sprint("caller ", i))
				if assert.NoError(t, err) && resp.StatusCode == http.StatusNotFound {
					found.Add(1)
				}
			})
		}
		group.Wait()
		return int(found.Load())
	}
	assert.Equal(t, apart, early(three(false)))
	shared := three(true)
	assert.Zero(t, early(shared), "shared")

	port := bus.Addr().(*net.TCPAddr).Port
	bus.Shutdown()
	bus.WaitForShutdown()
	assert.Equal(t, apart, early(shared), "cut")
	serveNATS(t, port)
	require.Eventually(t, func() bool { // each way is there again
		for at := range 9 {
			resp, err := create(shared, at, "prober")
			require.NoError(t, err)
			if resp.StatusCode == http.StatusNotFound {
				return false
			}
		}
		return true
	}, time.Minute, 10*time.Millisecond)
	assert.Zero(t, early(shared), "whole again")
}

// The command shares by its flags.
func TestCommand_share(t *testing.T) {
	t.Parallel()
	upstream := newService(0)
	upstream.hide = 1
	service := httptest.NewServer(upstream)
	t.Cleanup(service.Close)
	bus := serveNATS(t, 0)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("a secret that they all have\n"), 0o600))
	var urls []string
	for range 2 {
		p := start(t, "proxy", "--upstream", service.URL, "--listen", "127.0.0.1:0", "--share", bus.ClientURL(), "--share-secret-file", secret)
		urls = append(urls, p.line(t))
	}
	client := newClient(t)
	resp, err := client.Post(urls[0]+"/things", "", nil)
	require.NoError(t, err)
	require.Equal(t, 201, resp.StatusCode)
	assert.NoError(t, get(client, urls[1]+resp.Header.Get("Location"), 200))
}

func TestCommand_shareRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret, short := filepath.Join(dir, "secret"), filepath.Join(dir, "short")
	require.NoError(t, os.WriteFile(secret, []byte("a secret that they all have"), 0o600))
	require.NoError(t, os.WriteFile(short, []byte("hunter2\n"), 0o600))
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--share", "nats://127.0.0.1:1"}, "--share needs --share-secret-file"},
		{[]string{"--share-secret-file", secret}, "no use without --share"},
		{[]string{"--share-subject", "a"}, "no use without --share"},
		{[]string{"--share", "nats://127.0.0.1:1", "--share-secret-file", short}, "has 7 bytes: want 16 or more"},
		{[]string{"--share", "nats://127.0.0.1:1", "--share-secret-file", dir + "/none"}, "no such file"},
		{[]string{"--share", "nats://127.0.0.1:1", "--share-secret-file", secret, "--share-subject", "a b"}, "not a subject to publish to"},
		{[]string{"--share", "nats://u:hunter2%zz@x", "--share-secret-file", secret}, "--share: natsshare: "},
		{[]string{"--covers", "/v1/keys"}, "want TEMPLATE=TEMPLATE"},
		{[]string{"--covers", "keys=/v1/keys/{id}"}, "is not a method and a path"},
		{[]string{"--covers", "/v1/{keys=/v1/keys/{id}"}, "an invalid segment"},
		{[]string{"--covers-list", "=/v1"}, "want TEMPLATE=TEMPLATE"},
	} {
		p := start(t, append([]string{"proxy", "--upstream", "http://127.0.0.1:1", "--listen", "127.0.0.1:0"}, tt.args...)...)
		rest, status := p.end(t)
		assert.Empty(t, rest)
		assert.Equal(t, 2, status, tt.want)
		assert.Contains(t, p.Stderr.String(), tt.want)
		assert.NotContains(t, p.Stderr.String(), "hunter2")
	}
}
