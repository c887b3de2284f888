package readbackhttp_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// An honest 404 must not become a timeout.
func TestTransport_deadline(t *testing.T) {
	t.Parallel()
	slow := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			select {
			case <-r.Context().Done():
			case <-time.After(50 * time.Millisecond):
			}
			w.WriteHeader(404)
			_, _ = w.Write([]byte("none"))
		}
	}
	bubble(t, "http.Client.Timeout", func(t *testing.T) {
		client := serve(t, http.HandlerFunc(slow)).over(slowly)
		answered(t, "200", client, "PUT", api+"/a")
		client.Timeout = time.Second
		start := time.Now()
		answered(t, "404 none", client, "GET", api+"/a")
		assert.Equal(t, 900*time.Millisecond, time.Since(start)) // twice 50 ms are kept
	})
	bubble(t, "context", func(t *testing.T) {
		client := serve(t, http.HandlerFunc(slow)).over(slowly)
		answered(t, "200", client, "PUT", api+"/a")
		start := time.Now()
		answeredIn(within(t, 5*time.Second), t, "404 none", client, "GET", api+"/a")
		assert.Equal(t, 4900*time.Millisecond, time.Since(start))
	})
	bubble(t, "a poll that hangs is cut", func(t *testing.T) {
		var reads atomic.Int32 // a connection may be closed while its handler runs on
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != "GET" {
				return
			}
			if reads.Add(1) > 1 {
				<-r.Context().Done()
				return
			}
			slow(w, r)
		}))
		client := s.over(slowly)
		answered(t, "200", client, "PUT", api+"/a")
		start := time.Now()
		answeredIn(within(t, 5*time.Second), t, "404 none", client, "GET", api+"/a")
		assert.Equal(t, 4900*time.Millisecond, time.Since(start))
	})
	bubble(t, "the closing poll comes in time", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404", "200 | new"}}.handler())
		options := readbackhttp.TransportOptions{Policy: consistency.Policy{Schedule: readback.Backoff{Initial: time.Hour, Max: time.Hour, NoJitter: true}}}
		client := s.over(options)
		answered(t, "204", client, "PUT", api+"/a")
		start := time.Now()
		answered(t, "200 new", client, "GET", api+"/a")
		assert.InDelta(t, 30*time.Second, time.Since(start), float64(5*time.Millisecond))
		assert.Less(t, time.Since(start), 30*time.Second)
	})
	bubble(t, "the closing poll comes before a window ends", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404", "200 | new"}}.handler())
		options := readbackhttp.TransportOptions{Policy: consistency.Policy{
			Schedule: readback.Backoff{Initial: time.Hour, Max: time.Hour, NoJitter: true},
			Windows:  consistency.Windows{NotFound: 5 * time.Second},
		}}
		client := s.over(options)
		answered(t, "204", client, "PUT", api+"/a")
		start := time.Now()
		answered(t, "200 new", client, "GET", api+"/a")
		assert.InDelta(t, 5*time.Second, time.Since(start), float64(5*time.Millisecond))
	})
	bubble(t, "polls that get slower", func(t *testing.T) {
		reads := time.Duration(0)
		client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != "GET" {
				return
			}
			select {
			case <-r.Context().Done():
			case <-time.After(reads * 250 * time.Millisecond):
			}
			reads++
			w.WriteHeader(404)
		})).over(slowly)
		answered(t, "200", client, "PUT", api+"/a")
		start := time.Now()
		answeredIn(within(t, 5*time.Second), t, "404", client, "GET", api+"/a")
		assert.Equal(t, 4*time.Second, time.Since(start)) // twice 500 ms are kept
	})
	bubble(t, "what keeps it past the deadline does not lose the answer", func(t *testing.T) {
		options := slowly
		options.Policy.Observer = func(e consistency.Event) {
			if e.N == 2 {
				time.Sleep(time.Minute)
			}
		}
		client := serve(t, http.HandlerFunc(slow)).over(options)
		answered(t, "200", client, "PUT", api+"/a")
		answeredIn(within(t, 5*time.Second), t, "404 none", client, "GET", api+"/a")
	})
	bubble(t, "too late for a poll", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404 | none"}}.handler())
		client := s.over(slowly)
		answered(t, "204", client, "PUT", api+"/a")
		time.Sleep(30 * time.Second)
		start := time.Now()
		answered(t, "404 none", client, "GET", api+"/a")
		assert.Zero(t, time.Since(start))
	})
	bubble(t, "the window counts from the write", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404 | none"}}.handler())
		client := s.over(slowly)
		answered(t, "204", client, "PUT", api+"/a")
		time.Sleep(20 * time.Second)
		start := time.Now()
		answered(t, "404 none", client, "GET", api+"/a")
		assert.Equal(t, 10*time.Second, time.Since(start))
	})
	bubble(t, "windows of the policy", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404", "404", hidden, "404"}}.handler())
		options := slowly
		options.Policy.Windows = consistency.Windows{NotFound: 3500 * time.Millisecond, Forbidden: 5 * time.Second}
		client := s.over(options)
		answered(t, "204", client, "PUT", api+"/a")
		start := time.Now()
		answered(t, "404", client, "GET", api+"/a")
		assert.Equal(t, 3500*time.Millisecond, time.Since(start).Round(10*time.Millisecond))
	})
	bubble(t, "an ambiguous write has two minutes", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"503"}, "GET /a": {"404"}}.handler())
		client := s.over(slowly)
		answered(t, "503", client, "PUT", api+"/a")
		start := time.Now()
		answered(t, "404", client, "GET", api+"/a")
		assert.Equal(t, 2*time.Minute, time.Since(start).Round(10*time.Millisecond))
	})
}
