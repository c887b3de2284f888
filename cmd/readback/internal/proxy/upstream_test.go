package proxy_test

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/cmd/readback/internal/proxy"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// service is an upstream whose reads lag behind its writes. POST /things makes
// one and PUT /things/x makes that; what else there is says more.
type service struct {
	lag  func() time.Duration // of a write
	hide int                  // how many reads of a thing do not show it, whatever its lag
	mux  *http.ServeMux

	mu     sync.Mutex
	things map[string]time.Time // when they can be read
	reads  map[string]int
	bodies map[string]int // how often a body was written
	seen   []*http.Request
}

func newService(lag time.Duration) *service {
	s := &service{lag: func() time.Duration { return lag }, mux: http.NewServeMux(),
		things: make(map[string]time.Time), reads: make(map[string]int), bodies: make(map[string]int)}
	s.mux.HandleFunc("POST /things", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		at := fmt.Sprintf("/things/%d", len(s.things)+1)
		s.things[at] = time.Now().Add(s.lag())
		s.bodies[string(body)]++
		s.mu.Unlock()
		if r.Header.Get("X-Want") == "absolute" {
			at = "http://" + r.Host + at
		}
		w.Header().Set("Location", at)
		w.WriteHeader(http.StatusCreated)
	})
	s.mux.HandleFunc("PUT /things/{id}", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.things[r.URL.Path] = time.Now().Add(s.lag())
		s.bodies[string(body)]++
		w.WriteHeader(http.StatusCreated)
	})
	s.mux.HandleFunc("GET /things/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		at, there := s.things[r.URL.Path]
		s.reads[r.URL.Path]++
		hidden := s.reads[r.URL.Path] <= s.hide
		s.mu.Unlock()
		if !there || hidden || time.Now().Before(at) {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, "thing")
	})
	s.mux.HandleFunc("GET /static", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "static") })
	return s
}

// read returns how many things were read at least once.
func (s *service) read() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.reads)
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if len(s.seen) < 100 {
		s.seen = append(s.seen, r.Clone(r.Context()))
	}
	s.mu.Unlock()
	s.mux.ServeHTTP(w, r)
}

// show ends the lag of all that was written.
func (s *service) show() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := range s.things {
		s.things[at] = time.Time{}
	}
}

// last returns the last of the first hundred requests.
func (s *service) last() *http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[len(s.seen)-1]
}

// requests returns the methods and targets of the first hundred requests.
func (s *service) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []string{}
	for _, r := range s.seen {
		list = append(list, r.Method+" "+r.RequestURI)
	}
	return list
}

// written returns how often each body was written.
func (s *service) written() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.bodies)
}

// RoundTrip lets the service answer without a socket, for bubbles.
func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.RequestURI, r.Host = r.URL.RequestURI(), cmp.Or(r.Host, r.URL.Host)
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// api is the origin of a service without a socket.
const api = "https://api.test"

// everySecond polls each second.
var everySecond = readbackhttp.TransportOptions{Policy: consistency.Policy{
	Schedule: readback.Backoff{Initial: time.Second, Max: time.Second, NoJitter: true},
}}

// quickly polls every millisecond, for tests over real sockets.
var quickly = readbackhttp.TransportOptions{Policy: consistency.Policy{
	Schedule: readback.Backoff{Initial: time.Millisecond, Max: time.Millisecond, NoJitter: true},
}}

// before returns a proxy in front of a service without a socket.
func before(t *testing.T, base http.RoundTripper, o proxy.Options) *proxy.Proxy {
	t.Helper()
	o.Upstream, o.Base = parse(t, api), base
	p, err := proxy.New(o)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// ask sends a request to a handler as if it were a server on loopback.
func ask(h http.Handler, method, target string, header ...string) *http.Response {
	r := httptest.NewRequest(method, "/", strings.NewReader(""))
	r.URL, r.RequestURI, r.Host, r.Body = &url.URL{Path: target}, target, "127.0.0.1:8080", http.NoBody
	r.ContentLength = 0
	if path, query, ok := strings.Cut(target, "?"); ok {
		r.URL = &url.URL{Path: path, RawQuery: query}
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// online returns a service and a proxy before it, both on loopback.
func online(t testing.TB, h http.Handler, o proxy.Options) (proxyURL string, p *proxy.Proxy) {
	t.Helper()
	upstream := httptest.NewServer(h)
	t.Cleanup(upstream.Close)
	return serve(t, upstream.URL, o)
}

// serve serves a proxy before that upstream until the test ends.
func serve(t testing.TB, upstream string, o proxy.Options) (proxyURL string, p *proxy.Proxy) {
	t.Helper()
	o.Upstream = parse(t, upstream)
	p, err := proxy.New(o)
	require.NoError(t, err)
	proxyURL, stop := listenAndServe(t, p, 10*time.Second)
	t.Cleanup(func() { require.NoError(t, stop()) })
	return proxyURL, p
}

func parse(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	return u
}

func text(t testing.TB, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return string(body)
}
