package wire

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/readback-go/readback/internal/coding"
)

// Exchange is one request of a call and its answer, as a RoundTripper saw it. [Call.Exchanges]
// returns them after the call has returned.
type Exchange struct {
	Method   string
	URL      *url.URL
	Status   int // 0 if no answer came
	Header   http.Header
	Body     []byte // what the beginning of the answer says, as far as it was read
	Whole    bool   // Body is the whole body
	Cut      bool   // the body broke off before as much of it was read as is kept
	Err      error  // why no answer came
	Safe     bool   // its method is safe: it asks for no change
	NotSent  bool   // provably no header was written
	Writes   int    // how often net/http wrote it; 0 if it is not known
	Followed bool   // it was redirected, and another exchange went there

	began, ended int // steps of the call; ended is 0 until its body was read to the end
}

// How much of a body is kept: shortLimit for a message, bodyLimit for rules that need bodies.
const (
	bodyLimit  = 64 << 10
	shortLimit = 4 << 10
)

// RoundTrip sends req by rest and notes it in c. Direct says that rest is a transport of
// net/http itself, which has sent nothing if it asked for no connection.
//
// If several RoundTrippers note the same request, the innermost counts, since one around it may
// send it more than once.
func (c *Call) RoundTrip(rest http.RoundTripper, req *http.Request, direct bool) (*http.Response, error) {
	if c.alone != nil && c.one == nil {
		return c.only(rest, req, direct)
	}
	o := new(observed)
	o.init(c, req)
	if outer, ok := req.Context().Value(inside{}).(*observed); ok && outer.call == c {
		if o.isPartOf(outer) {
			outer.covered.Store(true)
		} else {
			o.within = outer
		}
	}
	ctx := context.WithValue(req.Context(), inside{}, o)
	if c.trace != nil {
		o.trace = &trace{of: o}
		ctx = httptrace.WithClientTrace(ctx, o.trace.hooks())
	}
	c.begin(o, req.Response != nil) // from here on others may look at o
	sent := req.WithContext(ctx)
	resp, err := rest.RoundTrip(sent)
	o.answered(resp, err, direct)
	return o.follow(req, sent, resp, err, direct)
}

// init makes o the observation of a request.
func (o *observed) init(c *Call, req *http.Request) {
	o.call, o.limit = c, shortLimit
	if c.Bodies {
		o.limit = bodyLimit
	}
	o.ex = Exchange{Method: cmp.Or(req.Method, http.MethodGet), URL: req.URL}
	o.ex.Safe = Safe(o.ex.Method)
}

// single is a call of a single request and all that is kept of that, in one piece.
type single struct {
	call  Call
	seen  observed
	trace trace
	hooks httptrace.ClientTrace
	list  [1]*observed
}

// only is RoundTrip for the single request of a call, which is its context.
func (c *Call) only(rest http.RoundTripper, req *http.Request, direct bool) (*http.Response, error) {
	s := c.alone
	o := &s.seen
	o.init(c, req)
	c.one, c.exchanges = o, s.list[:0]
	o.trace, s.trace.of = &s.trace, o
	s.trace.few(&s.hooks)
	c.begin(o, req.Response != nil)
	sent := req.WithContext(httptrace.WithClientTrace(c, &s.hooks))
	resp, err := rest.RoundTrip(sent)
	o.answered(resp, err, direct)
	if !c.Bodies {
		if resp != nil && resp.Request == sent {
			resp.Request = req
		}
		return resp, err
	}
	return o.follow(req, sent, resp, err, direct)
}

// follow notes the body of an answer as the client reads it. Sent is the copy of req that was
// sent.
func (o *observed) follow(req, sent *http.Request, resp *http.Response, err error, direct bool) (*http.Response, error) {
	if err != nil || resp == nil || resp.Body == nil {
		return resp, err
	}
	if resp.Request == sent {
		resp.Request = req
	}
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols, o.covered.Load():
		return resp, nil // no body follows, or another RoundTripper notes it already
	case resp.Body == http.NoBody, resp.ContentLength == 0 && direct:
		o.note(nil, io.EOF)
		return resp, nil
	}
	if o.left, o.rest = resp.ContentLength, resp.Body; o.left == 0 {
		o.left = -1 // another transport may have left the length out
	}
	resp.Body = o
	if o.call.Bodies || resp.StatusCode == http.StatusForbidden && o.left > 0 && o.left <= shortLimit {
		o.peek()
	}
	return resp, nil
}

// answered notes how the exchange was answered.
func (o *observed) answered(resp *http.Response, err error, direct bool) {
	o.call.mu.Lock()
	defer o.call.mu.Unlock()
	if err != nil || resp == nil {
		o.ex.Err = err
		o.ex.NotSent = resp == nil && o.trace != nil && (direct || o.trace.hasAsked()) && o.trace.unsent(err)
		return
	}
	o.ex.Status, o.ex.Header = resp.StatusCode, resp.Header
	o.handOver()
}

// handOver moves the exchange during which o was made behind o in the order.
func (o *observed) handOver() {
	outer := o.within
	if outer == nil || outer.ex.Status != 0 || outer.ex.Err != nil {
		return
	}
	c := o.call
	c.steps++
	outer.ex.began = c.steps
	at := slices.Index(c.exchanges, outer)
	c.exchanges = append(slices.Delete(c.exchanges, at, at+1), outer)
}

// inside is the context key of the exchange that a request is part of, if a RoundTripper that
// notes exchanges is inside of another. The exchange of the inner one counts, since it is nearer
// to the wire.
type inside struct{}

// isPartOf reports whether o is a try of outer, and not another request that was made on the
// way, such as for a token.
func (o *observed) isPartOf(outer *observed) bool {
	a, b := &o.ex, &outer.ex
	return a.Method == b.Method && (origin(a.URL) == origin(b.URL) || a.URL != nil && b.URL != nil && a.URL.Path == b.URL.Path)
}

// begin adds an exchange. Moved says that it follows the redirect of an earlier one.
func (c *Call) begin(o *observed, moved bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if moved {
		for i := len(c.exchanges) - 1; i >= 0; i-- {
			if last := &c.exchanges[i].ex; last.Status >= 300 && last.Status <= 399 && !last.Followed {
				last.Followed = true
				break
			}
		}
	}
	c.steps++
	o.ex.began = c.steps
	c.exchanges = append(c.exchanges, o)
}

// observed is a body that is noted as it is read.
type observed struct {
	call    *Call
	ex      Exchange
	trace   *trace      // nil if net/http is not traced
	covered atomic.Bool // exchanges of a RoundTripper inside of this one count instead
	within  *observed   // the exchange during which this one was made; nil if none

	rest  io.ReadCloser
	left  int64 // bytes that are left of the announced length; negative if there was none
	limit int

	mu    sync.Mutex // a body may be closed while it is read
	ahead []byte     // read, but not yet by the client
	err   error      // that follows ahead
}

func (o *observed) Read(p []byte) (int, error) {
	o.mu.Lock()
	if len(o.ahead) > 0 || o.err != nil {
		n := copy(p, o.ahead)
		o.ahead = o.ahead[n:]
		var err error
		if len(o.ahead) == 0 {
			err = o.err
		}
		o.mu.Unlock()
		return n, err
	}
	o.mu.Unlock()
	n, err := o.rest.Read(p)
	o.note(p[:n], err)
	return n, err
}

func (o *observed) Close() error {
	o.mu.Lock()
	o.ahead, o.err = nil, nil // a later Read goes to rest, which says that it is closed
	o.mu.Unlock()
	return o.rest.Close()
}

// watch tells the trace of the whole call that a request which it saw belongs to o.
func (o *observed) watch() {
	if o == nil || o.covered.Load() {
		return
	}
	if o.within != nil && o.within.trace != nil { // which sees this request as well
		t := o.within.trace
		t.mu.Lock()
		t.written--
		t.mu.Unlock()
	}
	t := o.call.trace
	if t == nil {
		return
	}
	t.mu.Lock()
	t.watched++
	t.mu.Unlock()
}

// note keeps the beginning of the body, and notices its end.
func (o *observed) note(read []byte, err error) {
	o.call.mu.Lock()
	defer o.call.mu.Unlock()
	if room := o.limit - len(o.ex.Body); room > 0 {
		o.ex.Body = append(o.ex.Body, read[:min(len(read), room)]...)
	}
	full := false
	if o.left > 0 {
		o.left -= int64(len(read))
		full = o.left <= 0
	}
	if (err == io.EOF || full) && o.ex.ended == 0 {
		o.ex.Whole = len(o.ex.Body) < o.limit
		o.end()
	} else if err != nil && o.ex.ended == 0 && len(o.ex.Body) < o.limit {
		o.ex.Cut = true
	}
}

func (o *observed) end() {
	o.call.steps++
	o.ex.ended = o.call.steps
	o.handOver()
}

// peek reads the beginning of the body before the client does.
func (o *observed) peek() {
	size := 512 // as most, if nobody says
	if o.left > 0 {
		size = int(min(o.left+1, int64(o.limit))) // one more, for the end
	}
	buf := make([]byte, 0, size)
	var err error
	for len(buf) < o.limit && err == nil {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, 1)
		}
		var n int
		n, err = o.rest.Read(buf[len(buf):min(cap(buf), o.limit)])
		buf = buf[:len(buf)+n]
		o.note(buf[len(buf)-n:], err)
	}
	o.mu.Lock()
	o.ahead, o.err = buf[:len(buf):len(buf)], err
	o.mu.Unlock()
}

// Safe reports whether a method asks for no change, by the registry of methods.
func Safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, "PROPFIND", "QUERY", "REPORT", "SEARCH":
		return true
	}
	return false
}

// Exchanges returns a copy of the exchanges that RoundTrippers have noted so far, in order.
func (c *Call) Exchanges() []Exchange {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.exchanges) == 0 {
		return nil
	}
	all := make([]Exchange, 0, len(c.exchanges))
	for _, o := range c.exchanges {
		if o.covered.Load() {
			continue
		}
		ex := o.ex
		ex.Body, ex.Whole = coding.Text(ex.Header, ex.Body, ex.Whole, bodyLimit)
		if o.trace != nil {
			ex.Writes = o.trace.writes()
		}
		all = append(all, ex)
	}
	return all
}

func origin(u *url.URL) string {
	if u == nil {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return strings.ToLower(u.Scheme + "://" + u.Hostname() + ":" + port)
}

var _ context.Context = (*Call)(nil)
