package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

// Each piece of a stream passes before the next is written.
func TestProxy_streams(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"text/event-stream", "application/octet-stream"} {
		next := make(chan string)
		url, _ := online(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Trailer", "X-End")
			for line := range next {
				_, _ = fmt.Fprintln(w, line)
				_ = http.NewResponseController(w).Flush()
			}
			w.Header().Set("X-End", "yes")
		}), proxy.Options{})
		go func() { next <- "first" }()
		resp, err := newClient(t).Get(url)
		require.NoError(t, err)
		lines := bufio.NewScanner(resp.Body)
		for _, line := range []string{"first", "second", "third"} {
			if line != "first" {
				next <- line
			}
			require.True(t, lines.Scan())
			assert.Equal(t, line, lines.Text())
		}
		close(next)
		assert.False(t, lines.Scan())
		assert.Equal(t, http.Header{"X-End": {"yes"}}, resp.Trailer)
		require.NoError(t, resp.Body.Close())
	}
}

// A request's body passes as it comes, too, while the answer does.
func TestProxy_streamsBothWays(t *testing.T) {
	t.Parallel()
	url, _ := online(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		in := bufio.NewScanner(r.Body)
		for in.Scan() {
			_, _ = fmt.Fprintln(w, in.Text())
			_ = control.Flush()
		}
	}), proxy.Options{})
	for name, client := range map[string]*http.Client{"HTTP/1": newClient(t), "HTTP/2": newH2Client(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, feed := io.Pipe()
			req, err := http.NewRequest("POST", url, body)
			require.NoError(t, err)
			go func() { _, _ = fmt.Fprintln(feed, "one") }()
			resp, err := client.Do(req)
			require.NoError(t, err)
			out := bufio.NewScanner(resp.Body)
			require.True(t, out.Scan())
			assert.Equal(t, "one", out.Text())
			_, _ = fmt.Fprintln(feed, "two")
			require.True(t, out.Scan())
			assert.Equal(t, "two", out.Text())
			require.NoError(t, feed.Close())
			assert.False(t, out.Scan())
			require.NoError(t, resp.Body.Close())
		})
	}
}

// echo takes over the connection and answers line by line.
func echo(w http.ResponseWriter, r *http.Request) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
	for {
		line, err := buffered.ReadString('\n')
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "echo "+line)
	}
}

// dialUpgrade asks a server for a protocol and returns the connection.
func dialUpgrade(t *testing.T, url, protocol string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", protocol)
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	return conn, in, resp
}

func TestProxy_upgrades(t *testing.T) {
	t.Parallel()
	url, _ := online(t, http.HandlerFunc(echo), proxy.Options{})
	conn, in, resp := dialUpgrade(t, url, "websocket")
	assert.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	assert.Equal(t, "websocket", resp.Header.Get("Upgrade"))
	for range 3 {
		_, err := io.WriteString(conn, "hello\n")
		require.NoError(t, err)
		line, err := in.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, "echo hello\n", line)
	}
}

// Some clients offer HTTP/2 with each request: their reads are held all the same,
// and the upstream never hears of it.
func TestProxy_h2cOffer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(1500e6)
		p := before(t, s, proxy.Options{Hold: everySecond})
		ask(p, "PUT", "/things/1")
		resp := ask(p, "GET", "/things/1", "Connection", "Upgrade, HTTP2-Settings", "Upgrade", "h2c", "HTTP2-Settings", "AAMAAABk")
		assert.Equal(t, 200, resp.StatusCode)
		assert.Equal(t, "confirmed; reads=3; elapsed=2.000", resp.Header.Get(proxy.Header))
		for _, name := range []string{"Connection", "Upgrade", "Http2-Settings"} {
			assert.Empty(t, s.last().Header.Values(name))
		}
	})
}

// newH2Client returns a client that speaks HTTP/2 in the clear.
func newH2Client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestProxy_http2(t *testing.T) {
	t.Parallel()
	s := newService(0)
	s.hide = 2
	protocols := make(chan string, 100)
	upstream := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocols <- r.Proto
		s.ServeHTTP(w, r)
	}))
	upstream.EnableHTTP2 = true
	upstream.StartTLS()
	t.Cleanup(upstream.Close)
	url, _ := serve(t, upstream.URL, proxy.Options{Base: upstream.Client().Transport, Hold: quickly})
	client := newH2Client(t)
	resp, err := client.Post(url+"/things", "", strings.NewReader("body"))
	require.NoError(t, err)
	assert.Equal(t, 2, resp.ProtoMajor)
	assert.Equal(t, map[string]int{"body": 1}, s.written())
	_ = text(t, resp)
	resp, err = client.Get(url + resp.Header.Get("Location"))
	require.NoError(t, err)
	assert.Equal(t, "thing", text(t, resp))
	assert.Contains(t, resp.Header.Get(proxy.Header), "confirmed; reads=")
	close(protocols)
	for got := range protocols {
		assert.Equal(t, "HTTP/2.0", got)
	}
}

// Reads that are held do not keep others on the same connection of HTTP/2 waiting.
func TestProxy_http2ManyHolds(t *testing.T) {
	t.Parallel()
	const many = 1000
	s := newService(time.Hour)
	hold := quickly
	hold.Policy.Schedule = readback.Backoff{Initial: time.Hour, Max: time.Hour}
	hold.Policy.Within = 2 * time.Hour
	hold.Remember = 2 * time.Hour
	url, _ := online(t, s, proxy.Options{Hold: hold})
	transport := &http.Transport{Protocols: new(http.Protocols), HTTP2: &http.HTTP2Config{StrictMaxConcurrentRequests: true}}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	resp, err := client.Post(url+"/things", "", nil)
	require.NoError(t, err)
	ctx, leave := context.WithCancel(t.Context())
	var held sync.WaitGroup
	defer held.Wait()
	defer leave()
	for range many {
		held.Go(func() {
			req, err := http.NewRequestWithContext(ctx, "GET", url+resp.Header.Get("Location"), nil)
			if assert.NoError(t, err) {
				_, err = client.Do(req)
				assert.ErrorIs(t, err, context.Canceled)
			}
		})
	}
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.reads[resp.Header.Get("Location")] == many
	}, 20*time.Second, time.Millisecond)
	assert.NoError(t, get(client, url+"/static", 200))
}
