package proxy_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

// answering is an upstream without a socket that answers with a header.
type answering http.Header

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 201, Header: http.Header(a).Clone(), Body: http.NoBody, Request: r}, nil
}

// What points to the upstream points to the proxy afterwards, by the name that
// the client knows it by.
func TestProxy_locations(t *testing.T) {
	t.Parallel()
	tests := []struct{ give, want string }{
		{"https://api.test/a", "http://127.0.0.1:8080/a"},
		{"https://api.test", "http://127.0.0.1:8080"},
		{"https://api.test?a=b", "http://127.0.0.1:8080?a=b"},
		{"https://API.test:443/a%2fb?x=%41#%7e", "http://127.0.0.1:8080/a%2fb?x=%41#%7e"},
		{"HTTPS://api.test/a//b", "http://127.0.0.1:8080/a//b"},
		{"//api.test/a", "http://127.0.0.1:8080/a"},
		{"/a?b#c", "/a?b#c"},
		{"a/../b", "a/../b"},
		{"", ""},
		{"http://api.test/a", "http://api.test/a"},
		{"https://api.test:8443/a", "https://api.test:8443/a"},
		{"https://api.test.evil.test/a", "https://api.test.evil.test/a"},
		{"https://user@api.test/a", "https://user@api.test/a"},
		{"//other.test/a", "//other.test/a"},
		{"https://api.test:bad/a", "https://api.test:bad/a"},
	}
	for _, tt := range tests {
		for _, name := range []string{"Location", "Content-Location", "Operation-Location", "Azure-AsyncOperation"} {
			p := before(t, answering{http.CanonicalHeaderKey(name): {tt.give}}, proxy.Options{})
			assert.Equal(t, tt.want, ask(p, "POST", "/things").Header.Get(name), "%s: %s", name, tt.give)
		}
	}
	p := before(t, answering{"Location": {"https://api.test/a"}}, proxy.Options{AllowHosts: []string{"Dev.example"}})
	for host, want := range map[string]string{
		"localhost:9999": "http://localhost:9999/a", "[::1]:80": "http://[::1]/a",
		"dev.example": "http://dev.example/a", "api.test": "http://api.test/a",
	} {
		assert.Equal(t, want, ask(p, "POST", "/things", "Host", host).Header.Get("Location"))
	}
}

func TestProxy_links(t *testing.T) {
	t.Parallel()
	tests := []struct{ give, want string }{
		{`<https://api.test/a?page=2>; rel="next"`, `<http://127.0.0.1:8080/a?page=2>; rel="next"`},
		{`<https://api.test/a>; rel=next, </b>; rel=prev, <https://other.test/c>`, `<http://127.0.0.1:8080/a>; rel=next, </b>; rel=prev, <https://other.test/c>`},
		{`<https://api.test/a`, `<https://api.test/a`},
		{`> nothing <`, `> nothing <`},
		{``, ``},
	}
	for _, tt := range tests {
		p := before(t, answering{"Link": {tt.give}}, proxy.Options{})
		assert.Equal(t, tt.want, ask(p, "GET", "/things").Header.Get("Link"))
	}
}

// Clients keep the cookies of the upstream for the proxy.
func TestProxy_cookies(t *testing.T) {
	t.Parallel()
	tests := []struct{ give, want string }{
		{"a=b", "a=b"},
		{"a=b; Path=/x; HttpOnly; SameSite=Lax", "a=b; Path=/x; HttpOnly; SameSite=Lax"},
		{"a=b; Domain=api.test; Path=/", "a=b; Path=/"},
		{"a=b; domain=.TEST", "a=b"},
		{"a=b; Domain=other.test", "a=b; Domain=other.test"},
		{"a=b; Domain=pi.test", "a=b; Domain=pi.test"},
		{"a=Secure; Secure;HttpOnly", "a=Secure;HttpOnly"},
		{"a=b; Secure; SameSite=None", "a=b; Secure; SameSite=None"},
		{"a=b; Secure; Partitioned", "a=b; Secure; Partitioned"},
		{"__Host-a=b; Secure; Path=/", "__Host-a=b; Secure; Path=/"},
		{"__Secure-a=b; Secure; Domain=api.test", "__Secure-a=b; Secure"},
	}
	for _, tt := range tests {
		p := before(t, answering{"Set-Cookie": {tt.give, tt.give}}, proxy.Options{})
		assert.Equal(t, []string{tt.want, tt.want}, ask(p, "GET", "/things").Header.Values("Set-Cookie"))
	}
}

// The upstream sees what it would see without the proxy.
func TestProxy_sends(t *testing.T) {
	t.Parallel()
	s := newService(0)
	p := before(t, s, proxy.Options{})
	ask(p, "GET", "/a%2Fb?q=%zz;x&y", "Authorization", "Bearer abc", "Cookie", "a=b",
		"Origin", "http://127.0.0.1:8080", "Referer", "http://127.0.0.1:8080/page?x", "Destination", "http://127.0.0.1:8080/b",
		"X-Forwarded-For", "192.0.2.1", "X-Forwarded-Host", "api.example", "X-Forwarded-Proto", "https", "Forwarded", "for=192.0.2.1",
		"Connection", "X-Hop, keep-alive", "X-Hop", "1", "Keep-Alive", "timeout=5", "Proxy-Authorization", "Basic x", "Te", "trailers")
	got := s.last()
	assert.Equal(t, "api.test", got.Host)
	assert.Equal(t, "q=%zz;x&y", got.URL.RawQuery)
	assert.Equal(t, http.Header{
		"Authorization": {"Bearer abc"}, "Cookie": {"a=b"},
		"Origin": {"https://api.test"}, "Referer": {"https://api.test/page?x"}, "Destination": {"https://api.test/b"},
		"X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Host": {"api.example"}, "X-Forwarded-Proto": {"https"}, "Forwarded": {"for=192.0.2.1"},
		"Te": {"trailers"}, "User-Agent": {""},
	}, got.Header)

	ask(p, "GET", "/a", "Origin", "http://evil.test", "Referer", "http://127.0.0.1:9/x")
	assert.Equal(t, http.Header{"Origin": {"http://evil.test"}, "Referer": {"http://127.0.0.1:9/x"}, "User-Agent": {""}}, s.last().Header)
}

// A client that follows the Location comes back through the proxy, and what it
// reads is what it wrote.
func TestProxy_followed(t *testing.T) {
	t.Parallel()
	s := newService(0)
	s.hide = 2
	upstream := httptest.NewServer(s)
	t.Cleanup(upstream.Close)
	url, _ := serve(t, upstream.URL, proxy.Options{Hold: quickly})
	for i, want := range []string{"absolute", "relative"} {
		req, err := http.NewRequest("POST", url+"/things", http.NoBody)
		require.NoError(t, err)
		req.Header.Set("X-Want", want)
		client := newClient(t)
		resp, err := client.Do(req)
		require.NoError(t, err)
		_ = text(t, resp)
		at, err := resp.Location()
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("%s/things/%d", url, i+1), at.String())
		resp, err = client.Get(at.String())
		require.NoError(t, err)
		assert.Equal(t, "thing", text(t, resp))
		assert.Regexp(t, `^confirmed; reads=\d+; elapsed=\d+\.\d{3}$`, resp.Header.Get(proxy.Header))
	}
}
