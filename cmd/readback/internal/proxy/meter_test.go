package proxy_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

func TestMeter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(1500 * time.Millisecond)
		hold := everySecond
		hold.Policy.Within = 5 * time.Second
		meter := proxy.NewMeter()
		p := before(t, s, proxy.Options{Hold: hold, Meter: meter})
		ask(p, "PUT", "/things/1")
		ask(p, "DELETE", "/things/0")
		ask(p, "OPTIONS", "/things")
		ask(p, "PROPFIND", "/things")
		time.Sleep(300 * time.Millisecond)
		ask(p, "GET", "/things/1") // 0.3, 1.3 and 2.3 s after the write
		ask(p, "GET", "/things/1") // there
		ask(p, "PUT", "/things/2")
		ask(p, "GET", "/things/2/below") // 404 for ever
		ask(p, "CONNECT", "/")
		ask(p, "GET", "/", proxy.Header, "what")
		lost := before(t, failing{errGone}, proxy.Options{Meter: meter})
		ask(lost, "GET", "/")
		ask(lost, "POST", "/")

		w := httptest.NewRecorder()
		meter.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		assert.Equal(t, 200, w.Code)
		got := w.Body.String()
		for _, line := range []string{
			`readback_proxy_requests_total{kind="read"} 4`,
			`readback_proxy_requests_total{kind="write"} 4`,
			`readback_proxy_requests_total{kind="other"} 2`,
			`readback_proxy_refused_total 2`,
			`readback_proxy_in_flight_requests 0`,
			`readback_proxy_writes_remembered_total 2`,
			`readback_proxy_held_total{outcome="confirmed"} 1`,
			`readback_proxy_held_total{outcome="unconfirmed"} 1`,
			`readback_proxy_held_seconds_count 2`,
			`readback_proxy_lag_seconds_sum 2.3`,
			`readback_proxy_lag_seconds_count 1`,
			`readback_proxy_lag_seconds_bucket{le="2.5"} 1`,
			`readback_proxy_lag_seconds_bucket{le="1"} 0`,
			`readback_proxy_reads_per_hold_bucket{le="3"} 1`,
			`readback_proxy_failures_total{kind="read"} 1`,
			`readback_proxy_failures_total{kind="ambiguous"} 1`,
			`readback_proxy_failures_total{kind="not_sent"} 0`,
			`readback_proxy_failures_total{kind="cancelled"} 0`,
		} {
			assert.Contains(t, got, line+"\n")
		}
		assert.NotContains(t, got, "go_", "nothing of this process")
	})
}

// Two proxies do not share anything.
func TestMeter_own(t *testing.T) {
	t.Parallel()
	s := newService(0)
	before(t, s, proxy.Options{})
	ask(before(t, s, proxy.Options{}), "GET", "/static")
	w := httptest.NewRecorder()
	proxy.NewMeter().Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	assert.Contains(t, w.Body.String(), "readback_proxy_requests_total{kind=\"read\"} 0\n")
	w = httptest.NewRecorder()
	proxy.NewMeter().Handler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	assert.Equal(t, 404, w.Code)
}
