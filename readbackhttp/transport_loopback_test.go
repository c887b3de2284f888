package readbackhttp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
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
			got, err := ask(ctx, client, method, s.URL+"/a")
			require.NoError(t, err)
			assert.Equal(t, "200 HTTP/2.0", got)
		}
		assert.Equal(t, int32(1), conns.Load())
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

// Connections are reused whatever is held and thrown away.
func TestTransport_connections(t *testing.T) {
	t.Parallel()
	answers := []int{404, 503, 404, 429, 404, 500, 200}
	var n atomic.Int32
	s := serveLoopback(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			w.WriteHeader(answers[int(n.Add(1)-1)%len(answers)])
			_, _ = io.WriteString(w, strings.Repeat("x", 20_000))
		}
	}))
	client := s.over(quickly)
	for range 20 {
		_, err := ask(t.Context(), client, "PUT", s.URL+"/a")
		require.NoError(t, err)
		got, err := ask(t.Context(), client, "GET", s.URL+"/a")
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(got, "200 "))
	}
	assert.Equal(t, int32(1), s.conns.Load())
}

// A write that never left is not remembered: its URL may honestly be missing.
func TestTransport_neverSent(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, script{"GET /a": {"404 | none", "200"}}.handler())
		refusing := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errRefused }}
		base := transport(func(req *http.Request) (*http.Response, error) {
			if req.Method == "PUT" {
				return refusing.RoundTrip(req)
			}
			return s.Client.Transport.RoundTrip(req)
		})
		client := &http.Client{Transport: readbackhttp.NewTransport(base, slowly)}
		_, err := ask(t.Context(), client, "PUT", api+"/a")
		require.ErrorIs(t, err, errRefused)
		answered(t, "404 none", client, "GET", api+"/a")
	})
}

// A client's own redirects are its own affair: after a 307, the write is that of
// the new URL; a poll that is redirected to another origin takes no credentials
// there.
func TestTransport_redirects(t *testing.T) {
	t.Parallel()
	t.Run("307 after a write", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := serve(t, script{
				"PUT /a": {"307 | Location: /b"}, "PUT /b": {"200"},
				"GET /a": {"404 | none", "200"}, "GET /b": {"404", "200 | there"},
			}.handler())
			client := s.over(slowly)
			client.CheckRedirect = nil
			got, err := do(client, send("PUT", api+"/a", "body"))
			require.NoError(t, err)
			assert.Equal(t, "200", got)
			answered(t, "404 none", client, "GET", api+"/a")
			answered(t, "200 there", client, "GET", api+"/b")
			assert.Equal(t, "body", s.requests()[1].Body)
		})
	})
	t.Run("a poll redirected to another origin", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := serve(t, script{
				"PUT /a": {"200"}, "GET /a": {"404", "302 | Location: http://evil.test/b"}, "GET /b": {"200 | evil"},
			}.handler())
			client := s.over(slowly)
			answered(t, "200", client, "PUT", api+"/a", "Authorization: Bearer s3cret", "Cookie: a=b")
			resp, err := client.Transport.RoundTrip(with(send("GET", api+"/a", ""), "Authorization", "Bearer s3cret", "Cookie", "a=b"))
			require.NoError(t, err)
			assert.Equal(t, 302, resp.StatusCode) // not followed
			require.NoError(t, resp.Body.Close())
			client.CheckRedirect = nil
			_, err = ask(t.Context(), client, "GET", api+"/a", "Authorization: Bearer s3cret", "Cookie: a=b")
			require.NoError(t, err)
			for _, r := range s.requests() {
				if strings.Contains(r.Target, "evil") {
					assert.Empty(t, r.Header.Get("Authorization")) // net/http saw to that
				}
			}
		})
	})
}

func with(req *http.Request, headers ...string) *http.Request {
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

// The caller's request is not changed, not even for a moment.
func TestTransport_requestUnchanged(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		options := slowly
		options.Token = readbackhttp.Vault()
		reads := 0
		base := transport(func(req *http.Request) (*http.Response, error) {
			if reads++; reads%3 != 0 && req.Method == "GET" {
				return reply(req, 404, ""), nil
			}
			resp := reply(req, 200, "")
			resp.Header.Set("X-Vault-Index", "7")
			return resp, nil
		})
		tr := readbackhttp.NewTransport(base, options)
		ctx := context.WithValue(t.Context(), struct{}{}, 1)
		for _, method := range []string{"PUT", "GET", "DELETE", "GET"} {
			req := with(send(method, api+"/a?x=1#top", ""), "Authorization", "a").WithContext(ctx)
			before := *req
			header, u := req.Header.Clone(), *req.URL
			resp, err := tr.RoundTrip(req)
			require.NoError(t, err)
			assert.Same(t, req, resp.Request)
			assert.Equal(t, before, *req)
			assert.Equal(t, header, req.Header)
			assert.Equal(t, u, *req.URL)
		}
	})
}
