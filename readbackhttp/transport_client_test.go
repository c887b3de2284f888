package readbackhttp_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbackhttp"
)

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
	bubble(t, "307 after a write", func(t *testing.T) {
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
	bubble(t, "a poll redirected to another origin", func(t *testing.T) {
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
}

func with(req *http.Request, headers ...string) *http.Request {
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

type testKey struct{}

// The caller's request is not changed, not even for a moment.
func TestTransport_requestUnchanged(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		unchanged(t, slowly)
		options := slowly
		options.Token = readbackhttp.Vault()
		unchanged(t, options)
	})
}

func unchanged(t *testing.T, options readbackhttp.TransportOptions) {
	t.Helper()
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
	ctx := context.WithValue(t.Context(), testKey{}, 1)
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
}
