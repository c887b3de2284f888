package readbacktest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"
)

// ServeHTTP answers r as the script says. To cut a connection it panics with
// [http.ErrAbortHandler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := h.arrive(r)
	wait := func(d time.Duration) error { return pause(r.Context(), h.closed, d) }
	if x.rule.Cut == CutRequest || x.rule.Cut == Unreachable {
		_ = wait(x.rule.Delay)
		panic(http.ErrAbortHandler)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		h.brokenOff(x)
		panic(http.ErrAbortHandler)
	}
	answer, err := h.answer(x, body, wait)
	if err != nil || wait(answer.delay) != nil || answer.cut != 0 {
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	if !answer.endless && !answer.bodiless() {
		w.Header().Set("Content-Length", strconv.Itoa(len(answer.body)))
	}
	w.WriteHeader(answer.status)
	if answer.bodiless() || r.Method == http.MethodHead {
		return
	}
	for s := answer.stream(); ; {
		piece, takes, err := s.next()
		if takes > 0 {
			_ = http.NewResponseController(w).Flush() // sends the pieces before this one
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			_ = http.NewResponseController(w).Flush()
		}
		if err != nil || wait(takes) != nil {
			panic(http.ErrAbortHandler)
		}
		if _, err := w.Write(piece); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// Server is a [Handler] on a socket of the local machine. Make it with
// [NewServer].
type Server struct {
	*Handler
	URL string // such as http://127.0.0.1:4711, without a slash at the end

	server *httptest.Server
	once   sync.Once
}

// NewServer starts a server with a script. It is closed when the test ends, if t has a method
// Cleanup; otherwise call Close. If the script is invalid, the test ends at once.
//
// In a [testing/synctest] bubble, use a [Handler] as the client's transport instead.
func NewServer(t TestingT, script Script) *Server {
	if h, ok := t.(helper); ok {
		h.Helper()
	}
	h, err := newHandler(script)
	if err != nil {
		t.Errorf("%s", err)
		t.FailNow()
	}
	for i := range script.Rules {
		if script.Rules[i].Cut == Unreachable {
			t.Errorf("readbacktest: Script.Rules[%d] (%s) is Unreachable, which a server on a socket never is", i, named(script.Rules[i].On))
			t.FailNow()
		}
	}
	s := &Server{Handler: h, server: httptest.NewServer(h)}
	s.URL = s.server.URL
	if c, ok := t.(interface{ Cleanup(func()) }); ok {
		c.Cleanup(s.Close)
	}
	return s
}

// Client returns a client for the server, always the same one.
func (s *Server) Client() *http.Client { return s.server.Client() }

// Close ends the server and its connections, also those in use. Recorded requests stay. It
// may be called again.
func (s *Server) Close() {
	s.once.Do(func() {
		close(s.closed)
		s.server.CloseClientConnections()
		s.server.Close()
	})
}
