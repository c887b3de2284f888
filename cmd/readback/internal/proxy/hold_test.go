package proxy_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/testing/inbubble"
)

// bubble runs a test with a fake clock. Times are exact.
var bubble = inbubble.Test

func TestProxy_holds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(2500 * time.Millisecond)
		p := before(t, s, proxy.Options{Hold: everySecond})
		created := ask(p, "POST", "/things")
		assert.Equal(t, http.StatusCreated, created.StatusCode)
		assert.Empty(t, created.Header.Get(proxy.Header), "not held")

		start := time.Now()
		resp := ask(p, "GET", "/things/1")
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Equal(t, "thing", text(t, resp))
		assert.Equal(t, 3*time.Second, time.Since(start))
		assert.Equal(t, "confirmed; reads=4; elapsed=3.000", resp.Header.Get(proxy.Header))

		resp = ask(p, "GET", "/things/1")
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Empty(t, resp.Header.Get(proxy.Header), "there at once")
	})
}

// When the time is over, the client gets what the upstream says.
func TestProxy_windowEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(time.Hour)
		hold := everySecond
		hold.Policy.Within = 5 * time.Second
		p := before(t, s, proxy.Options{Hold: hold})
		ask(p, "PUT", "/things/1")
		start := time.Now()
		resp := ask(p, "GET", "/things/1")
		assert.Equal(t, http.StatusNotFound, resp.StatusCode)
		assert.Equal(t, "404 page not found\n", text(t, resp))
		assert.Equal(t, "unconfirmed; reads=6; elapsed=5.000", resp.Header.Get(proxy.Header))
		assert.Equal(t, 5*time.Second, time.Since(start).Round(2*time.Millisecond))
	})
}

// What nobody wrote is not waited for, nor what somebody else did.
func TestProxy_passes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(time.Hour)
		p := before(t, s, proxy.Options{Hold: everySecond})
		ask(p, "PUT", "/things/1", "Authorization", "Bearer one")
		start := time.Now()
		for _, resp := range []*http.Response{
			ask(p, "GET", "/things/2", "Authorization", "Bearer one"),
			ask(p, "GET", "/things/1", "Authorization", "Bearer two"),
			ask(p, "GET", "/things/1"),
			ask(p, "GET", "/things/1", "Authorization", "Bearer one", proxy.Header, "off"),
		} {
			assert.Equal(t, http.StatusNotFound, resp.StatusCode)
			assert.Empty(t, resp.Header.Get(proxy.Header))
		}
		assert.Zero(t, time.Since(start))
		assert.Empty(t, s.last().Header.Get(proxy.Header), "said to the proxy alone")
	})
}

func TestProxy_asked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(time.Hour)
		p := before(t, s, proxy.Options{Hold: everySecond})
		ask(p, "PUT", "/things/1")
		start := time.Now()
		resp := ask(p, "GET", "/things/1", proxy.Header, "within=3s")
		assert.Equal(t, http.StatusNotFound, resp.StatusCode)
		assert.Equal(t, 3*time.Second, time.Since(start).Round(2*time.Millisecond))

		sent := len(s.requests())
		for _, bad := range []string{"", "on", "within", "within=", "within=0s", "within=-1s", "within=5"} {
			resp = ask(p, "GET", "/static", proxy.Header, bad)
			assert.Equal(t, http.StatusBadRequest, resp.StatusCode, bad)
			assert.Equal(t, "refused", resp.Header.Get(proxy.Header))
			assert.Contains(t, text(t, resp), `must be "off" or "within="`)
		}
		assert.Equal(t, http.StatusBadRequest, ask(p, "PUT", "/things/1", proxy.Header, "off", proxy.Header, "off").StatusCode)
		assert.Len(t, s.requests(), sent, "nothing was sent")
	})
}

// Other headers can tell one user from another.
func TestProxy_who(t *testing.T) {
	tests := []struct {
		name         string
		who          []string
		header       string
		writes, asks string
		held         bool
	}{
		{"a header, the same", []string{"X-Api-Key"}, "X-Api-Key", "a", "a", true},
		{"a header, another", []string{"X-Api-Key"}, "X-Api-Key", "a", "b", false},
		{"a header that is not asked for", nil, "X-Own", "a", "b", true},
		{"a header that is known to have keys", nil, "X-Api-Key", "a", "b", false},
		{"in place of cookies", []string{"X-Api-Key"}, "Cookie", "s=1", "s=2", true},
		{"all cookies", nil, "Cookie", "s=1; seen=1", "s=1; seen=2", false},
		{"one cookie, the same", []string{"cookie:s"}, "Cookie", "s=1; seen=1", "s=1; seen=2", true},
		{"one cookie, another", []string{"cookie:s"}, "Cookie", "s=1; seen=1", "s=2; seen=1", false},
		{"several", []string{"X-Api-Key", "cookie:s"}, "Cookie", "s=1", "s=2", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := before(t, newService(time.Second), proxy.Options{Hold: everySecond, Who: tt.who})
				ask(p, "PUT", "/things/1", tt.header, tt.writes)
				resp := ask(p, "GET", "/things/1", tt.header, tt.asks)
				assert.Equal(t, tt.held, resp.Header.Get(proxy.Header) != "")
			})
		})
	}
	for key, held := range map[string]bool{"a": true, "b": false} {
		t.Run("a parameter "+key, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := before(t, newService(time.Second), proxy.Options{Hold: everySecond, Who: []string{"query:key"}})
				ask(p, "POST", "/things?key=a")
				resp := ask(p, "GET", "/things/1?key="+key)
				assert.Equal(t, held, resp.Header.Get(proxy.Header) != "", key)
			})
		})
	}
}

func TestNew_invalid(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"", "api.test", "ftp://api.test", "https://", "https://:443", "https://user:hunter2@api.test",
		"https://api.test/v1", "https://api.test?a=b", "https://api.test#a",
	} {
		_, err := proxy.New(proxy.Options{Upstream: parse(t, raw)})
		assert.ErrorIs(t, err, consistency.ErrInvalid, raw)
		assert.NotContains(t, err.Error(), "hunter2")
	}
	_, err := proxy.New(proxy.Options{})
	assert.ErrorIs(t, err, consistency.ErrInvalid)
	_, err = proxy.New(proxy.Options{Upstream: parse(t, api+"/")})
	assert.NoError(t, err)
	hold := everySecond
	hold.Policy.Within = -1
	_, err = proxy.New(proxy.Options{Upstream: parse(t, api), Hold: hold})
	assert.ErrorIs(t, err, consistency.ErrInvalid)
}
