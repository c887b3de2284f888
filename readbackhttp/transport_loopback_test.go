package readbackhttp_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// quickly polls every millisecond, for tests over real sockets.
var quickly = readbackhttp.TransportOptions{Policy: consistency.Policy{
	Schedule: readback.Backoff{Initial: time.Millisecond, Max: time.Millisecond, NoJitter: true},
}}

// onSecond answers the first GET of a URL with 404 and leaves the rest, and all
// writes, to then.
func onSecond(then http.HandlerFunc) http.HandlerFunc {
	var reads atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" && reads.Add(1) == 1 {
			w.WriteHeader(404)
			return
		}
		then(w, r)
	}
}

// What HTTP can do over the base, it can do over the Transport: here in an answer
// that was polled.
func TestTransport_http(t *testing.T) {
	t.Parallel()
	written := func(t *testing.T, s *server) *http.Client {
		client := s.over(quickly)
		_, err := do(client, send("PUT", s.URL+"/a", ""))
		require.NoError(t, err)
		return client
	}
	t.Run("trailers", func(t *testing.T) {
		t.Parallel()
		s := serveLoopback(t, onSecond(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				w.Header().Set("Trailer", "X-Announced")
				_, _ = io.WriteString(w, "body")
				w.Header().Set("X-Announced", "a")
				w.Header().Set(http.TrailerPrefix+"X-Other", "b")
			}
		}))
		client := written(t, s)
		resp, err := client.Do(send("GET", s.URL+"/a", ""))
		require.NoError(t, err)
		assert.Equal(t, http.Header{"X-Announced": nil}, resp.Trailer)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, http.Header{"X-Announced": {"a"}, "X-Other": {"b"}}, resp.Trailer)
	})
	t.Run("trailers of a held answer", func(t *testing.T) {
		t.Parallel()
		s := serveLoopback(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				w.Header().Set("Trailer", "X-Announced")
				w.WriteHeader(404)
				_, _ = io.WriteString(w, "body")
				w.Header().Set("X-Announced", "a")
			}
		}))
		client := written(t, s)
		req := send("GET", s.URL+"/a", "")
		resp, err := client.Do(req.WithContext(readbackhttp.WithHold(t.Context(), readbackhttp.Hold{Within: 50 * time.Millisecond})))
		require.NoError(t, err)
		assert.Equal(t, http.Header{"X-Announced": {"a"}}, resp.Trailer)
		assert.Equal(t, int64(-1), resp.ContentLength)
	})
	t.Run("1xx", func(t *testing.T) {
		t.Parallel()
		s := serveLoopback(t, onSecond(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				w.Header().Set("Link", "</style.css>; rel=preload")
				w.WriteHeader(http.StatusEarlyHints)
			}
		}))
		client := written(t, s)
		var hints []int
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { hints = append(hints, code); return nil },
		})
		resp, err := client.Do(send("GET", s.URL+"/a", "").WithContext(ctx))
		require.NoError(t, err)
		assert.Equal(t, 200, resp.StatusCode)
		assert.Equal(t, []int{103}, hints)
		require.NoError(t, resp.Body.Close())
	})
	t.Run("upgrade", func(t *testing.T) {
		t.Parallel()
		s := serveLoopback(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Upgrade") == "" {
				return
			}
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "echo")
			w.WriteHeader(http.StatusSwitchingProtocols)
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			line, _ := rw.ReadString('\n')
			_, _ = fmt.Fprint(conn, strings.ToUpper(line))
			_ = conn.Close()
		}))
		client := written(t, s)
		for _, method := range []string{"GET", "POST"} {
			req := send(method, s.URL+"/a", "")
			req.Header.Set("Connection", "Upgrade")
			req.Header.Set("Upgrade", "echo")
			resp, err := client.Transport.RoundTrip(req)
			require.NoError(t, err)
			assert.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
			conn, ok := resp.Body.(io.ReadWriteCloser)
			require.True(t, ok)
			_, err = io.WriteString(conn, "hello\n")
			require.NoError(t, err)
			line, err := bufio.NewReader(conn).ReadString('\n')
			require.NoError(t, err)
			assert.Equal(t, "HELLO\n", line)
			require.NoError(t, conn.Close())
		}
	})
	t.Run("Expect", func(t *testing.T) {
		t.Parallel()
		var continued atomic.Bool
		s := serveLoopback(t, onSecond(func(http.ResponseWriter, *http.Request) {}))
		client := s.over(quickly)
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { continued.Store(true) }})
		req := send("PUT", s.URL+"/a", "body").WithContext(ctx)
		req.Header.Set("Expect", "100-continue")
		got, err := do(client, req)
		require.NoError(t, err)
		assert.Equal(t, "200", got)
		assert.Equal(t, "body", s.requests()[0].Body)
		assert.True(t, continued.Load())
		answered(t, "200", client, "GET", s.URL+"/a") // remembered all the same
		assert.Len(t, s.reads(), 2)
	})
	t.Run("streaming both ways", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			_ = control.EnableFullDuplex()
			lines := bufio.NewScanner(r.Body)
			for lines.Scan() {
				_, _ = fmt.Fprintln(w, strings.ToUpper(lines.Text()))
				_ = control.Flush()
			}
		}))
		t.Cleanup(s.Close)
		client := &http.Client{Transport: readbackhttp.NewTransport(s.Client().Transport, quickly)}
		out, in := io.Pipe()
		req, err := http.NewRequest("POST", s.URL, out)
		require.NoError(t, err)
		go func() { _, _ = io.WriteString(in, "one\n") }()
		resp, err := client.Do(req)
		require.NoError(t, err)
		answers := bufio.NewReader(resp.Body)
		for _, want := range []string{"ONE\n", "TWO\n", "THREE\n"} {
			got, err := answers.ReadString('\n')
			require.NoError(t, err)
			assert.Equal(t, want, got)
			go func() { _, _ = io.WriteString(in, map[string]string{"ONE\n": "two\n", "TWO\n": "three\n"}[want]) }()
		}
		require.NoError(t, in.Close())
		require.NoError(t, resp.Body.Close())
	})
	t.Run("HTTP/2", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewUnstartedServer(onSecond(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Proto)
		}))
		s.EnableHTTP2 = true
		var conns atomic.Int32
		s.StartTLS()
		t.Cleanup(s.Close)
		client := &http.Client{Transport: readbackhttp.NewTransport(s.Client().Transport, quickly)}
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
			if !info.Reused {
				conns.Add(1)
			}
		}})
		for _, method := range []string{"PUT", "GET"} {
			answeredIn(ctx, t, "200 HTTP/2.0", client, method, s.URL+"/a")
		}
		assert.Equal(t, int32(1), conns.Load())
	})
	t.Run("HEAD over HTTP/2, of something long", func(t *testing.T) {
		t.Parallel()
		var heads atomic.Int32
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "HEAD" {
				w.Header().Set("Content-Length", "1000000")
				if heads.Add(1) < 3 {
					w.WriteHeader(404)
				}
			}
		}))
		s.EnableHTTP2 = true
		s.StartTLS()
		t.Cleanup(s.Close)
		client := &http.Client{Transport: readbackhttp.NewTransport(s.Client().Transport, quickly)}
		answered(t, "200", client, "PUT", s.URL+"/a")
		answered(t, "200", client, "HEAD", s.URL+"/a")
	})
	t.Run("gzip", func(t *testing.T) {
		t.Parallel()
		s := serveLoopback(t, onSecond(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Header.Get("Accept-Encoding"))
		}))
		answered(t, "200 gzip", written(t, s), "GET", s.URL+"/a")
	})
	t.Run("CloseIdleConnections", func(t *testing.T) {
		t.Parallel()
		s := serveLoopback(t, onSecond(func(http.ResponseWriter, *http.Request) {}))
		client := written(t, s)
		answered(t, "200", client, "GET", s.URL+"/a")
		assert.Equal(t, int32(1), s.conns.Load())
		client.CloseIdleConnections()
		answered(t, "200", client, "GET", s.URL+"/a")
		assert.Equal(t, int32(2), s.conns.Load())
		// A base that cannot is left alone.
		readbackhttp.NewTransport(transport(nil), quickly).CloseIdleConnections()
	})
	t.Run("the default base", func(t *testing.T) {
		t.Parallel()
		s := serveLoopback(t, onSecond(func(http.ResponseWriter, *http.Request) {}))
		client := &http.Client{Transport: readbackhttp.NewTransport(nil, readbackhttp.TransportOptions{})}
		answered(t, "200", client, "PUT", s.URL+"/a")
		answered(t, "200", client, "GET", s.URL+"/a")
	})
	t.Run("no URL", func(t *testing.T) {
		t.Parallel()
		_, err := readbackhttp.NewTransport(nil, quickly).RoundTrip(&http.Request{})
		require.Error(t, err)
	})
}
