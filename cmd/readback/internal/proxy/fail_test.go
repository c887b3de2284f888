package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

// Nobody listens there.
func TestProxy_deadUpstream(t *testing.T) {
	t.Parallel()
	const dead = "http://127.0.0.1:1"
	lines := make(chan string, 10)
	url, _ := serve(t, dead, proxy.Options{Warn: func(line string) { lines <- line }})
	for method, want := range map[string]struct{ word, text string }{
		"GET":  {"", dead + " did not answer the GET: dial tcp "},
		"POST": {"not-executed", dead + " cannot be reached, and the POST was not sent: dial tcp "},
	} {
		req, err := http.NewRequest(method, url+"/things?token=hunter2", strings.NewReader("body"))
		require.NoError(t, err)
		req.SetBasicAuth("alice", "hunter2")
		resp, err := newClient(t).Do(req)
		require.NoError(t, err)
		assert.Equal(t, http.StatusBadGateway, resp.StatusCode)
		assert.Equal(t, want.word, resp.Header.Get(proxy.Header))
		said := text(t, resp)
		assert.True(t, strings.HasPrefix(said, "readback proxy: "+want.text), said)
		assert.True(t, strings.HasSuffix(said, "connection refused\n"), said)
		assert.Equal(t, "readback proxy: "+<-lines+"\n", said)
		assert.NotContains(t, said, "hunter2")
	}
}

// The upstream took the write and hung up.
func TestProxy_lostAnswer(t *testing.T) {
	t.Parallel()
	url, _ := online(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), proxy.Options{})
	resp, err := newClient(t).Post(url+"/things", "", strings.NewReader("body"))
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadGateway, resp.StatusCode)
	assert.Equal(t, "ambiguous", resp.Header.Get(proxy.Header))
	assert.Contains(t, text(t, resp), "did not answer the POST, which may have been carried out: read back before sending it again: EOF\n")

	resp, err = newClient(t).Get(url + "/things")
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadGateway, resp.StatusCode)
	assert.Empty(t, resp.Header.Get(proxy.Header))
	assert.Contains(t, text(t, resp), "did not answer the GET: EOF\n")
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

var errGone = errors.New("gone")

type timeout struct{ error }

func (timeout) Timeout() bool { return true }

func TestProxy_timeout(t *testing.T) {
	t.Parallel()
	err := timeout{errors.New("Bearer hunter2 https://u:hunter2@api.test/?token=hunter2 took too long")}
	resp := ask(before(t, failing{err}, proxy.Options{}), "PUT", "/a")
	assert.Equal(t, http.StatusGatewayTimeout, resp.StatusCode)
	assert.Equal(t, "ambiguous", resp.Header.Get(proxy.Header))
	said := text(t, resp)
	assert.Contains(t, said, "took too long\n")
	assert.NotContains(t, said, "hunter2")
	assert.Equal(t, 1, strings.Count(said, "\n"))
}

// hangingUp is an upstream that answers the first request of each connection,
// and reads the second and closes.
func hangingUp(t *testing.T) (url string, requests *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	requests = new(atomic.Int32)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				in := bufio.NewReader(conn)
				for n := range 2 {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					requests.Add(1)
					if n == 0 {
						_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String(), requests
}

// A write is not sent again on another connection, whatever key it carries.
// A client of net/http alone does that.
func TestProxy_noReplay(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			upstream, requests := hangingUp(t)
			send := func(client *http.Client, url string) (*http.Response, error) {
				req, err := http.NewRequest(method, url, http.NoBody)
				require.NoError(t, err)
				req.Header.Set(header, "1")
				return client.Do(req)
			}
			url, _ := serve(t, upstream, proxy.Options{})
			client := newClient(t)
			resp, err := send(client, url)
			require.NoError(t, err)
			assert.Equal(t, 204, resp.StatusCode)
			resp, err = send(client, url)
			require.NoError(t, err)
			assert.Equal(t, "ambiguous", resp.Header.Get(proxy.Header), "%s %s", method, text(t, resp))
			assert.EqualValues(t, 2, requests.Load())

			upstream, requests = hangingUp(t)
			_, err = send(client, upstream)
			require.NoError(t, err)
			_, err = send(client, upstream)
			require.NoError(t, err)
			assert.EqualValues(t, 3, requests.Load(), "what the proxy keeps from happening")
		}
	}
}

// The key arrives, in another spelling.
func TestProxy_keyArrives(t *testing.T) {
	t.Parallel()
	got := make(chan http.Header, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }))
	t.Cleanup(upstream.Close)
	url, _ := serve(t, upstream.URL, proxy.Options{})
	req, err := http.NewRequest("POST", url, strings.NewReader("body"))
	require.NoError(t, err)
	req.Header.Set("Idempotency-Key", "1")
	req.Header.Set("X-Idempotency-Key", "2")
	_, err = newClient(t).Do(req)
	require.NoError(t, err)
	header := <-got
	assert.Equal(t, []string{"1"}, header.Values("Idempotency-Key"))
	assert.Equal(t, []string{"2"}, header.Values("X-Idempotency-Key"))
}

// A write is sent on another connection if nothing of it was written to the
// first, since that was closed meanwhile.
func TestProxy_closedBefore(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(upstream.Close)
	dials := 0
	base := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		dials++
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if dials == 1 {
			conn = &onceWritable{Conn: conn}
		}
		return conn, err
	}}
	t.Cleanup(base.CloseIdleConnections)
	url, _ := serve(t, upstream.URL, proxy.Options{Base: base})
	client := newClient(t)
	for range 2 {
		resp, err := client.Post(url, "", io.LimitReader(strings.NewReader("body"), 4))
		require.NoError(t, err)
		assert.Equal(t, "body", text(t, resp))
	}
	assert.Equal(t, 2, dials)
}

// An upstream of HTTP/2 that gives up a write is heard at once, though the client of
// HTTP/2 waits for the answer before it goes on with the body, as in a stream of gRPC.
func TestProxy_resetBeforeTheEnd(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadFull(r.Body, make([]byte, 5))
		assert.NoError(t, err)
		panic(http.ErrAbortHandler)
	}))
	upstream.EnableHTTP2 = true
	upstream.StartTLS()
	t.Cleanup(upstream.Close)
	url, _ := serve(t, upstream.URL, proxy.Options{Base: upstream.Client().Transport})
	body, client := io.Pipe()
	go func() { _, _ = io.WriteString(client, "hello") }()
	defer func() { _ = client.Close() }()
	req, err := http.NewRequest("POST", url, body)
	require.NoError(t, err)
	h2 := newH2Client(t)
	h2.Timeout = time.Minute
	resp, err := h2.Do(req)
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadGateway, resp.StatusCode)
	assert.Equal(t, "ambiguous", resp.Header.Get(proxy.Header))
	assert.Contains(t, text(t, resp), "stream error: ")
}

// roundTripper is a function that is one.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A body of which something was read is not there for a second time.
func TestProxy_begunBody(t *testing.T) {
	t.Parallel()
	p := before(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		again, err := r.GetBody()
		require.NoError(t, err)
		require.NoError(t, again.Close())
		first := make([]byte, 1)
		_, err = io.ReadFull(again, first)
		require.NoError(t, err)
		_, err = r.GetBody()
		assert.EqualError(t, err, "it refused the request or hung up, and the body was begun and cannot be sent again")
		rest, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		assert.Equal(t, "ody", string(rest))
		return nil, errGone
	}), proxy.Options{})
	r := httptest.NewRequest("POST", "/", strings.NewReader("body"))
	r.Host = "localhost"
	p.ServeHTTP(httptest.NewRecorder(), r)
}

// onceWritable is a connection to which nothing can be written once something
// was read.
type onceWritable struct {
	net.Conn
	over atomic.Bool
}

func (c *onceWritable) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.over.Store(true)
	return n, err
}

func (c *onceWritable) Write(p []byte) (int, error) {
	if c.over.Load() {
		return 0, errGone
	}
	return c.Conn.Write(p)
}
