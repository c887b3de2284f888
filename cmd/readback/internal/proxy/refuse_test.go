package proxy_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

// raw sends the head of a request as it is.
func raw(t *testing.T, proxyURL, head string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(proxyURL, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprint(conn, strings.ReplaceAll(head, "\n", "\r\n")+"\r\n\r\n")
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	return resp
}

// The proxy stands before its upstream and nothing else.
func TestProxy_refuses(t *testing.T) {
	t.Parallel()
	s := newService(0)
	url, _ := online(t, s, proxy.Options{AllowHosts: []string{"dev.example"}})
	here := strings.TrimPrefix(url, "http://")
	_, port, _ := net.SplitHostPort(here)
	tests := []struct {
		head   string
		status int
	}{
		{"GET /static HTTP/1.1\nHost: " + here, 200},
		{"GET /static HTTP/1.1\nHost: localhost", 200},
		{"GET /static HTTP/1.1\nHost: app.localhost:1", 200},
		{"GET /static HTTP/1.1\nHost: LOCALHOST.:1", 200},
		{"GET /static HTTP/1.1\nHost: [::1]:8080", 200},
		{"GET /static HTTP/1.1\nHost: dev.example", 200},
		{"GET /static HTTP/1.0", 200},
		{"GET http://" + here + "/static HTTP/1.1\nHost: " + here, 200},
		{"GET http://localhost:" + port + "/static HTTP/1.1\nHost: other.test", 200},

		{"GET /static HTTP/1.1\nHost: evil.test:" + port, 403},
		{"GET /static HTTP/1.1\nHost: localhost.evil.test", 403},
		{"GET /static HTTP/1.1\nHost: 127.0.0.1.evil.test", 403},
		{"GET http://evil.test/static HTTP/1.1\nHost: " + here, 403},
		{"GET https://" + here + "/static HTTP/1.1\nHost: " + here, 403},
		{"GET http://127.0.0.1:1/static HTTP/1.1\nHost: " + here, 403},
		{"GET http://192.0.2.1:" + port + "/static HTTP/1.1\nHost: " + here, 403},
		{"GET http://localhost/static HTTP/1.1\nHost: " + here, 403},
		{"GET ftp://" + here + "/static HTTP/1.1\nHost: " + here, 403},
		{"CONNECT evil.test:443 HTTP/1.1\nHost: evil.test:443", 403},
		{"CONNECT " + here + " HTTP/1.1\nHost: " + here, 403},
	}
	for _, tt := range tests {
		before := len(s.requests())
		resp := raw(t, url, tt.head)
		assert.Equal(t, tt.status, resp.StatusCode, tt.head)
		if tt.status == 200 {
			assert.Equal(t, "GET /static", s.requests()[before])
			continue
		}
		assert.Len(t, s.requests(), before, tt.head)
		assert.Equal(t, "refused", resp.Header.Get(proxy.Header))
		said := text(t, resp)
		assert.Regexp(t, `^readback proxy: (this is no open proxy: .*only http://127|".*" is no name of this proxy: use localhost).*\n$`, said)
		assert.Equal(t, strings.HasPrefix(tt.head, "CONNECT"), strings.Contains(said, "no tunnels"))
	}
}

// As the proxy of a client, it takes what is for the upstream, and nothing needs
// to be translated.
func TestProxy_asForwardProxy(t *testing.T) {
	t.Parallel()
	s := newService(0)
	p, err := proxy.New(proxy.Options{Upstream: parse(t, "http://api.test"), Base: s})
	require.NoError(t, err)
	url, stop := listenAndServe(t, p, 0)
	defer func() { require.NoError(t, stop()) }()
	resp := raw(t, url, "POST http://api.test:80/things HTTP/1.1\nHost: api.test\nContent-Length: 0\nX-Want: absolute\nOrigin: http://api.test")
	assert.Equal(t, 201, resp.StatusCode)
	assert.Equal(t, "http://api.test/things/1", resp.Header.Get("Location"))
	assert.Equal(t, "http://api.test", s.last().Header.Get("Origin"))
	assert.Equal(t, 403, raw(t, url, "GET http://api.test:81/ HTTP/1.1\nHost: api.test").StatusCode)
}

func TestProxy_anyHost(t *testing.T) {
	t.Parallel()
	p := before(t, newService(0), proxy.Options{AnyHost: true})
	assert.Equal(t, 200, ask(p, "GET", "/static", "Host", "readback.internal:80").StatusCode)
}
