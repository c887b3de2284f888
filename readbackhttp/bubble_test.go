package readbackhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/testing/inbubble"
	"github.com/readback-go/readback/internal/testing/pipenet"
)

// api is the origin of a server in a bubble.
const api = "http://api.test"

// everySecond reads at once and then once a second.
var everySecond = consistency.Policy{
	Schedule: readback.Backoff{Initial: time.Second, Max: time.Second, NoJitter: true},
}

// inBubble runs a test with a clock of its own, beside others, and bubble a subtest.
var (
	inBubble = inbubble.Test
	bubble   = inbubble.Run
)

// server remembers the requests that it got.
type server struct {
	Client *http.Client
	URL    string

	start time.Time
	conns atomic.Int32 // connections made

	mu   sync.Mutex
	seen []request
}

type request struct {
	At     time.Duration
	Method string
	Target string // path and query, behind the origin if that is not the server's
	Header http.Header
	Body   string
}

// serve starts net/http over pipes, for bubbles. It answers for every host that
// its client asks for.
func serve(t *testing.T, h http.Handler) *server {
	t.Helper()
	s := &server{URL: api, start: time.Now()}
	transport := pipenet.Serve(t, &http.Server{Handler: s.remember(h)})
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		s.conns.Add(1)
		return dial(ctx, network, addr)
	}
	s.Client = &http.Client{Transport: transport}
	return s
}

// serveLoopback starts a real server, for tests that wait for nothing.
func serveLoopback(t *testing.T, h http.Handler) *server {
	t.Helper()
	s := &server{start: time.Now()}
	srv := httptest.NewUnstartedServer(s.remember(h))
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.conns.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	s.Client, s.URL = srv.Client(), srv.URL
	return s
}

func (s *server) remember(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		got := request{At: time.Since(s.start), Method: r.Method, Target: r.URL.RequestURI(), Header: r.Header, Body: string(body)}
		if origin := "http://" + r.Host; origin != s.URL {
			got.Target = origin + got.Target
		}
		s.mu.Lock()
		s.seen = append(s.seen, got)
		s.mu.Unlock()
		h.ServeHTTP(w, r)
	})
}

// requests returns what the server got so far.
func (s *server) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.seen...)
}

// log returns a line for each request, such as "1s GET /things/7".
func (s *server) log() []string {
	lines := []string{}
	for _, r := range s.requests() {
		lines = append(lines, fmt.Sprintf("%v %s %s", r.At, r.Method, r.Target))
	}
	return lines
}

// writes returns how many requests were not reads.
func (s *server) writes() int {
	n := 0
	for _, r := range s.requests() {
		if r.Method != http.MethodGet {
			n++
		}
	}
	return n
}

// reads returns the requests that were reads.
func (s *server) reads() []request {
	var reads []request
	for _, r := range s.requests() {
		if r.Method == http.MethodGet {
			reads = append(reads, r)
		}
	}
	return reads
}

// script is a handler that gives the answers of each "METHOD /path" in order,
// and then the last one again and again. An answer is a status, headers and a
// body between bars, such as
//
//	201 | Location: /things/7 | {"id":7}
//
// or "lost", which closes the connection instead. What is not in the script is
// answered with 418.
type script map[string][]string

const lost = "lost"

var headerLine = regexp.MustCompile(`^([A-Za-z-]+): (.*)$`)

func (s script) handler() http.Handler {
	var mu sync.Mutex
	count := make(map[string]int)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		key := r.Method + " " + r.URL.Path
		answers := s[key]
		n := min(count[key], len(answers)-1)
		count[key]++
		mu.Unlock()
		if len(answers) == 0 {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		if answers[n] == lost {
			panic(http.ErrAbortHandler)
		}
		answer(w, answers[n])
	})
}

func answer(w http.ResponseWriter, text string) {
	parts := strings.Split(text, " | ")
	status, err := strconv.Atoi(parts[0])
	if err != nil {
		panic(err)
	}
	body := ""
	for _, part := range parts[1:] {
		if m := headerLine.FindStringSubmatch(part[:min(len(part), 1000)]); m != nil {
			w.Header()[m[1]] = append(w.Header()[m[1]], m[2]) // in the given case
			continue
		}
		body = part
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// send returns a request with a JSON body, if any, that can be sent again.
func send(method, url, body string) *http.Request {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, url, reader)
	if err != nil {
		panic(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

var errRefused = errors.New("connection refused")

// transport is an http.RoundTripper made of a function.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
