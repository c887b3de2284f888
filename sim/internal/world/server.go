package world

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Server serves worlds over real sockets of this machine, many at a time.
type Server struct {
	url    string
	server *http.Server
	client *http.Transport // that reaches the server
	closed *http.Transport // that reaches nobody
	pace   *pace

	mu     sync.Mutex
	last   int
	worlds map[int]*World
}

// NewServer returns a server that listens.
func NewServer() (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{
		url:    listener.Addr().String(),
		client: &http.Transport{MaxIdleConnsPerHost: 100},
		closed: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, errUnreached
		}},
		worlds: make(map[int]*World),
		pace:   newPace(),
	}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

// Close ends the server and all its connections.
func (s *Server) Close() {
	s.client.CloseIdleConnections()
	_ = s.server.Close()
	s.pace.end()
}

// Lateness returns how much later than they should things have happened on this
// machine so far, in sum. It grows only while the machine does not keep up.
func (s *Server) Lateness() time.Duration { return s.pace.lateness() }

// Wire returns the way to w over the server. Leave is to be called when nobody
// asks any more: it waits until all that was asked has been answered.
func (s *Server) Wire(w *World) (wire http.RoundTripper, leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	n := s.last
	s.worlds[n] = w
	return &socket{s, w, strconv.Itoa(n)}, func() {
		s.mu.Lock()
		delete(s.worlds, n) // from here on, no handler comes to it
		s.mu.Unlock()
		w.handlers.Wait()
	}
}

// plan is what becomes of a request that is on its way.
type plan struct {
	took  time.Duration
	fate  *Fate
	fault *Fault
}

// socket takes requests to one world of the server.
type socket struct {
	s    *Server
	w    *World
	name string
}

func (t *socket) RoundTrip(req *http.Request) (*http.Response, error) {
	w, rest := t.w, t.s.client
	ask, write := AskOf(req), isWrite(req.Method)
	var (
		n int
		p plan
	)
	if write {
		n, p.fate = w.beginWrite(&ask)
		if p.took = p.fate.Took; p.fate.Answer == Unreached {
			rest = t.s.closed
		}
	} else {
		n, p.took, p.fault = w.beginRead(&ask)
		defer w.leaveRead(n)
	}
	w.count(1)
	defer w.count(-1)
	key := req.Method + strconv.Itoa(n)
	w.plans.Store(key, p)
	sent := req.Clone(req.Context())
	sent.URL.Scheme, sent.URL.Host = "http", t.s.url
	sent.Header.Set("X-World", t.name)
	sent.Header.Set("X-Request", strconv.Itoa(n))
	resp, err := rest.RoundTrip(sent)
	reply := Reply{Status: Lost}
	switch {
	case err == nil:
		reply.Status = w.said(resp.StatusCode, write) // a swap is its own reverse
		resp.Request = req
		w.mu.Lock()
		w.Opened++
		w.mu.Unlock()
		resp.Body = &counted{ReadCloser: resp.Body, w: w}
	case req.Context().Err() != nil:
		reply.Status = Hung
	}
	if write {
		w.endWrite(n, reply)
	} else {
		w.endRead(n, reply)
	}
	return resp, err
}

// counted counts that a body is closed.
type counted struct {
	io.ReadCloser
	w    *World
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() {
		c.w.mu.Lock()
		defer c.w.mu.Unlock()
		c.w.Closed++
	})
	return c.ReadCloser.Close()
}

// hangs is how long a request hangs whose client has no patience to lose.
const hangs = 10 * time.Second

// ServeHTTP serves a request to any of the worlds.
func (s *Server) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	number, _ := strconv.Atoi(req.Header.Get("X-World"))
	s.mu.Lock()
	w := s.worlds[number]
	if w != nil {
		w.handlers.Add(1)
	}
	s.mu.Unlock()
	if w == nil {
		panic(http.ErrAbortHandler) // it came too late
	}
	defer w.handlers.Done()
	n, _ := strconv.Atoi(req.Header.Get("X-Request"))
	stored, _ := w.plans.Load(req.Method + strconv.Itoa(n))
	p, ok := stored.(plan)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	ask := AskOf(req)
	_, _ = io.Copy(io.Discard, req.Body) // until then, nobody sees that a client goes away
	time.Sleep(p.took / 2)
	var reply Reply
	if p.fate != nil {
		reply = w.serveWrite(n, p.fate, &ask)
	} else {
		reply = w.serveRead(n, &ask, p.fault)
	}
	switch reply.Status {
	case Lost:
		panic(http.ErrAbortHandler)
	case Hung:
		select {
		case <-req.Context().Done():
		case <-time.After(hangs):
		}
		panic(http.ErrAbortHandler)
	}
	time.Sleep(p.took - p.took/2)
	for name, values := range reply.Header {
		rw.Header()[name] = values
	}
	if reply.Status != http.StatusNoContent && reply.Status != http.StatusNotModified {
		rw.Header().Set("Content-Length", strconv.Itoa(len(reply.Body)))
	}
	rw.WriteHeader(w.said(reply.Status, p.fate != nil))
	if reply.Broken {
		_, _ = io.WriteString(rw, reply.Body[:len(reply.Body)/2])
		panic(http.ErrAbortHandler)
	}
	if reply.Body != "" {
		_, _ = io.WriteString(rw, reply.Body)
	}
}

// said returns the status with which a write or a read is answered.
func (w *World) said(status int, write bool) int {
	if write {
		return w.Writes.Said(status)
	}
	return w.Reads.Said(status)
}
