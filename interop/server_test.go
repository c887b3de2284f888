package interop_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/readbackhttp"
)

// lag is how far reads are behind writes.
const lag = 100 * time.Millisecond

// defaults are those of a Transport: one line changes, and nothing is tuned.
var defaults readbackhttp.TransportOptions

// server keeps what is put below /things/, as S3 does, or posted to /things or,
// as GitHub does, to /user/repos. It shows a thing to reads when its lag has
// passed, and never to the first one.
type server struct {
	*httptest.Server
	lag time.Duration

	mu       sync.Mutex
	things   map[string]*thing // by path
	faults   []int             // statuses of the next answers
	requests []request
	conns    int // open now
	dialled  int // ever
}

type thing struct {
	body  string
	since time.Time
	reads int
}

// request is what the server saw of one.
type request struct{ Method, URI, Authorization string }

// serve starts a server. When the test ends, nothing may be left of the clients
// that talked to it: so tests with a server run one after the other.
func serve(t *testing.T, lag time.Duration) *server {
	t.Helper()
	s := &server{lag: lag, things: make(map[string]*thing)}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /things/{name}", func(w http.ResponseWriter, r *http.Request) {
		s.keep(r.URL.Path, r.Body)
		w.Header().Set("ETag", `"1"`)
	})
	mux.HandleFunc("POST /things", func(w http.ResponseWriter, r *http.Request) {
		s.create(w, r, "/things/"+r.URL.Query().Get("name"), r.Body)
	})
	mux.HandleFunc("DELETE /things/{name}", func(w http.ResponseWriter, r *http.Request) {
		if !r.URL.Query().Has("tagging") {
			s.forget(r.URL.Path)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /things/{name}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		s.show(w, r, "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>")
	})
	mux.HandleFunc("POST /user/repos", s.createRepo)
	mux.HandleFunc("GET /repos/octo/{name}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		s.show(w, r, `{"message":"Not Found","documentation_url":"https://docs.github.com/rest","status":"404"}`)
	})
	s.start(t, s.record(mux))
	return s
}

// start serves handler, and checks that nothing is left when the test ends.
func (s *server) start(t *testing.T, handler http.Handler) {
	t.Helper()
	s.Server = httptest.NewUnstartedServer(handler)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch state {
		case http.StateNew:
			s.conns++
			s.dialled++
		case http.StateClosed, http.StateHijacked:
			s.conns--
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	before := runtime.NumGoroutine()
	t.Cleanup(func() { // after those of the clients
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if s.open() == 0 && runtime.NumGoroutine() <= before {
				return
			}
		}
		assert.Zero(t, s.open(), "connections are left")
		assert.LessOrEqual(t, runtime.NumGoroutine(), before, "goroutines are left")
	})
}

// record notes each request, and answers it with a fault if there is one left.
func (s *server) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, request{r.Method, r.RequestURI, r.Header.Get("Authorization")})
		fault := 0
		if len(s.faults) > 0 {
			fault, s.faults = s.faults[0], s.faults[1:]
		}
		s.mu.Unlock()
		w.Header().Set("Date", "Sun, 06 Nov 1994 08:49:37 GMT") // answers differ in nothing
		if fault != 0 {
			w.WriteHeader(fault)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *server) keep(path string, body io.Reader) {
	data, _ := io.ReadAll(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.things[path] = &thing{body: string(data), since: time.Now()}
}

func (s *server) create(w http.ResponseWriter, r *http.Request, path string, body io.Reader) {
	s.keep(path, body)
	w.Header().Set("Location", "http://"+r.Host+path)
	w.WriteHeader(http.StatusCreated)
}

func (s *server) forget(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.things, path)
}

// show answers with the thing at the path of r, or with 404 and missing.
func (s *server) show(w http.ResponseWriter, r *http.Request, missing string) {
	body, visible := s.look(r.URL.Path)
	if !visible {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, missing)
		return
	}
	w.Header().Set("ETag", `"1"`)
	w.Header()["X-Twice"] = []string{path.Base(r.URL.Path), "and again"}
	_, _ = io.WriteString(w, body)
}

func (s *server) look(path string) (body string, visible bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it, known := s.things[path]
	if !known {
		return "", false
	}
	it.reads++
	return it.body, it.reads > 1 && time.Since(it.since) >= s.lag
}

// fail has the next requests answered with these statuses.
func (s *server) fail(statuses ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = statuses
}

// open returns how many connections are open.
func (s *server) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

// opened returns how many connections there ever were.
func (s *server) opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dialled
}

// seen returns the requests so far with one of these methods, and forgets all.
func (s *server) seen(methods ...string) []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []request
	for _, r := range s.requests {
		for _, method := range methods {
			if r.Method == method {
				found = append(found, r)
			}
		}
	}
	s.requests = nil
	return found
}

// bare returns a client with connections of its own.
func (s *server) bare(t *testing.T) *http.Client {
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// over returns the same over a Transport.
func (s *server) over(t *testing.T, options readbackhttp.TransportOptions) *http.Client {
	client := &http.Client{Transport: readbackhttp.NewTransport(&http.Transport{}, options)}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// answer is what a client shows of one.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

// vendor drives a client: each call is one of the client's, whose own retries
// are on.
type vendor struct {
	write    func(name string) (status int)
	read     func(name string) answer
	attempts int // of one call, at most
}

// readsItsWrites shows that client reads what it wrote over the Transport, that
// it does not without, and that nothing else is different.
func readsItsWrites(t *testing.T, client func(*testing.T, *server, *http.Client) vendor) {
	t.Helper()
	t.Run("reads its writes", func(t *testing.T) {
		s := serve(t, lag)
		bare, over := client(t, s, s.bare(t)), client(t, s, s.over(t, defaults))

		created := bare.write("alpha")
		assert.Equal(t, http.StatusNotFound, bare.read("alpha").Status)

		assert.Equal(t, created, over.write("beta"))
		got := over.read("beta")
		assert.Equal(t, http.StatusOK, got.Status)
		assert.Equal(t, bare.read("beta"), got)

		assert.Len(t, s.seen("PUT", "POST", "PATCH", "DELETE"), 2, "one write each")
		assert.Equal(t, 2, s.opened(), "one connection each")
	})
	for _, faults := range [][]int{{503}, {500, 502}, {503, 503, 503}} {
		t.Run(fmt.Sprint("retries as before after ", faults), func(t *testing.T) {
			s := serve(t, 0)
			var opened []int // so far, by the bare one and then by both
			for _, c := range []*http.Client{s.bare(t), s.over(t, defaults)} {
				client := client(t, s, c)
				attempts, status := min(len(faults)+1, client.attempts), http.StatusOK
				if attempts <= len(faults) {
					status = faults[attempts-1]
				}
				client.write("alpha")
				client.read("alpha")
				client.read("alpha")
				s.seen()

				s.fail(faults...)
				assert.Equal(t, status, client.read("alpha").Status)
				assert.Len(t, s.seen("GET", "HEAD"), attempts)

				s.fail(faults...)
				if written := client.write("alpha"); status != http.StatusOK {
					assert.Equal(t, status, written)
				} else {
					assert.Less(t, written, 300)
				}
				assert.Len(t, s.seen("PUT", "POST"), attempts)
				s.fail()
				opened = append(opened, s.opened())
			}
			assert.Equal(t, 2*opened[0], opened[1], "as many connections each")
		})
	}
}
