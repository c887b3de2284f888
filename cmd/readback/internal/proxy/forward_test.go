package proxy_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
	"github.com/readback-go/readback/consistency"
)

// What the upstream learns of the client is chosen; httptest's is 192.0.2.1.
func TestProxy_forwarding(t *testing.T) {
	t.Parallel()
	client := []string{"X-Forwarded-For", "203.0.113.7", "X-Forwarded-Host", "public.example", "X-Forwarded-Proto", "https",
		"Forwarded", "for=203.0.113.7;host=public.example;proto=https"}
	for _, tt := range []struct {
		mode   proxy.Forwarding
		header []string
		want   http.Header
	}{
		{proxy.ForwardAsSent, nil, http.Header{}},
		{proxy.ForwardAsSent, client, http.Header{"X-Forwarded-For": {"203.0.113.7"}, "X-Forwarded-Host": {"public.example"},
			"X-Forwarded-Proto": {"https"}, "Forwarded": {"for=203.0.113.7;host=public.example;proto=https"}}},
		{proxy.ForwardNothing, client, http.Header{}},
		{proxy.ForwardX, nil, http.Header{"X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Host": {"127.0.0.1:8080"}, "X-Forwarded-Proto": {"http"}}},
		{proxy.ForwardX, client[:6], http.Header{"X-Forwarded-For": {"203.0.113.7, 192.0.2.1"}, "X-Forwarded-Host": {"public.example"}, "X-Forwarded-Proto": {"https"}}},
		{proxy.ForwardStandard, nil, http.Header{"Forwarded": {`for=192.0.2.1;host="127.0.0.1:8080";proto=http`}}},
		{proxy.ForwardStandard, client[6:], http.Header{"Forwarded": {`for=203.0.113.7;host=public.example;proto=https, for=192.0.2.1;host="127.0.0.1:8080";proto=http`}}},
	} {
		s := newService(0)
		ask(before(t, s, proxy.Options{Forwarding: tt.mode}), "GET", "/static", tt.header...)
		got := http.Header{}
		for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
			if values := s.last().Header[name]; values != nil {
				got[name] = values
			}
		}
		assert.Equal(t, tt.want, got, "%s, %v", tt.mode, tt.header)
	}
	_, err := proxy.New(proxy.Options{Upstream: parse(t, api), Forwarding: "x"})
	assert.ErrorIs(t, err, consistency.ErrInvalid)
}

// An upstream that is told of the proxy's name makes links to it. What was written
// is known all the same, and the client gets the link as it was made.
func TestProxy_forwardedLinks(t *testing.T) {
	for name, tt := range map[string]struct {
		mode   proxy.Forwarding
		header []string
		origin string // as the upstream names it; its own becomes that of the proxy
	}{
		"x-forwarded": {proxy.ForwardX, nil, "http://127.0.0.1:8080"},
		"forwarded":   {proxy.ForwardStandard, nil, "http://127.0.0.1:8080"},
		"x-forwarded, behind another": {proxy.ForwardX,
			[]string{"X-Forwarded-Host", "public.example, inner.example", "X-Forwarded-Proto", "https"}, "https://public.example"},
		"forwarded, behind another": {proxy.ForwardStandard,
			[]string{"Forwarded", `proto=https;Host="public.example"`}, "https://public.example"},
		"x-forwarded, with a port": {proxy.ForwardX,
			[]string{"X-Forwarded-Host", "Public.example:443", "X-Forwarded-Proto", "https"}, "https://public.example"},
		"as sent, by x-forwarded": {proxy.ForwardAsSent,
			[]string{"X-Forwarded-Host", "public.example:443, inner.example", "X-Forwarded-Proto", "https"}, "https://public.example"},
		"as sent, by forwarded": {proxy.ForwardAsSent,
			[]string{"Forwarded", `proto=https;Host="public.example"`}, "https://public.example"},
		"as sent, and not heeded": {proxy.ForwardAsSent,
			[]string{"X-Forwarded-Host", "public.example"}, api},
		"nothing": {proxy.ForwardNothing,
			[]string{"X-Forwarded-Host", "public.example"}, api},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newService(1500 * time.Millisecond)
				p := before(t, roundTripper(func(r *http.Request) (*http.Response, error) {
					resp, err := s.RoundTrip(r)
					if at := resp.Header.Get("Location"); at != "" {
						resp.Header.Set("Location", tt.origin+at)
					}
					return resp, err
				}), proxy.Options{Hold: everySecond, Forwarding: tt.mode})
				resp := ask(p, "POST", "/things", tt.header...)
				require.Equal(t, strings.Replace(tt.origin, api, "http://127.0.0.1:8080", 1)+"/things/1", resp.Header.Get("Location"))
				resp = ask(p, "GET", "/things/1", tt.header...)
				assert.Equal(t, 200, resp.StatusCode)
				assert.Contains(t, resp.Header.Get(proxy.Header), "confirmed; reads=3")
			})
		})
	}
}
