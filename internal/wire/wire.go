// Package wire notes which requests a call of a flow really sent.
//
// A client that retries by itself hides an ambiguous try behind a later refusal: its POST was
// answered with 503, was sent again, and returned 409. Other clients hide the status behind an
// error of their own. Only the requests that were sent, and their answers, are proof.
//
// There are three sources. A trace of net/http sees connections and requests, but no methods
// and no answers. A RoundTripper, see [Call.RoundTrip], sees its own requests and their answers.
// Hooks of any other client count their tries by [Call.CountTry].
package wire

import (
	"context"
	"crypto/tls"

	"net/http/httptrace"
	"sync"

	"github.com/readback-go/readback/internal/cause"
)

// Call has what is noted of one call of a flow: of a write, of a read, or of a monitor. It is also
// the context of that call. It is safe for concurrent use: requests that the call has started
// may still be noted after it has returned.
type Call struct {
	context.Context

	// Bodies says that the bodies of answers are needed whole.
	Bodies bool

	mu        sync.Mutex
	exchanges []*observed
	counted   int       // tries, by CountTry
	told      []error   // how counted tries ended, as far as their hook says; nil means well
	steps     int       // of exchanges that began or ended, which puts them in order
	trace     *trace    // nil if net/http is not traced
	one       *observed // the only exchange of a call of [One]; nil before it and of others
	alone     *single   // room for it; nil of others
}

type key struct{}

// Note returns a call in whose context requests are noted.
func Note(ctx context.Context) *Call { return &Call{Context: ctx} }

// Trace returns a call in whose context requests are noted and net/http is traced.
func Trace(ctx context.Context) *Call {
	t := new(trace)
	return &Call{Context: httptrace.WithClientTrace(ctx, t.hooks()), trace: t}
}

// One returns a call of a single request, which must be sent by its RoundTrip. It costs less than
// Trace: only that request is traced, and the body of its answer is not read unless Bodies is
// set.
func One(ctx context.Context) *Call {
	s := new(single)
	s.call.Context, s.call.alone = ctx, s
	return &s.call
}

// Silent returns a context in which nothing is noted. It is for requests that do not belong to
// the call, such as those that confirm a write inside of another flow.
func Silent(ctx context.Context) context.Context {
	if From(ctx) == nil {
		return ctx
	}
	return context.WithValue(ctx, key{}, (*Call)(nil))
}

// Value returns c for the package's own key.
func (c *Call) Value(k any) any {
	switch {
	case k == (key{}):
		return c
	case k == (inside{}) && c.one != nil:
		return c.one
	}
	return c.Context.Value(k)
}

// From returns the call that ctx belongs to, or nil.
func From(ctx context.Context) *Call {
	c, _ := ctx.Value(key{}).(*Call)
	return c
}

// CountTry counts one try of a write whose answer only the caller of the write sees. A nil call
// counts nothing.
func (c *Call) CountTry() {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.counted++
	c.mu.Unlock()
}

// Told notes how a try ended that CountTry counted; a nil error means that it was answered well.
// The caller of the write may get another error.
func (c *Call) Told(err error) {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.told = append(c.told, err)
	c.mu.Unlock()
}

// Untold takes the last Told back, if it turns out that it was not of a try.
func (c *Call) Untold() {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.told = c.told[:max(len(c.told)-1, 0)]
	c.mu.Unlock()
}

// trace has what net/http reports of the requests in a context.
type trace struct {
	of *observed // the only exchange that it follows; nil for the trace of a whole call

	mu      sync.Mutex
	asked   bool   // a connection was asked for
	got     bool   // a connection was got
	host    string // of the last connection that was asked for
	begun   bool   // some header was written
	written int    // requests whose header was written whole
	watched int    // how many of them an exchange knows of
	failed  []error
}

func (t *trace) hooks() *httptrace.ClientTrace {
	all := new(httptrace.ClientTrace)
	t.few(all)
	all.DNSDone = func(info httptrace.DNSDoneInfo) { t.fail(info.Err) }
	all.ConnectDone = func(_, _ string, err error) { t.fail(err) }
	all.TLSHandshakeDone = func(_ tls.ConnectionState, err error) { t.fail(err) }
	return all
}

// few sets the hooks that tell whether and how often a request was written.
func (t *trace) few(hooks *httptrace.ClientTrace) {
	hooks.GetConn = t.getConn
	hooks.GotConn = t.gotConn
	hooks.WroteHeaderField = t.wroteHeaderField
	hooks.WroteHeaders = t.wroteHeaders
}

func (t *trace) getConn(host string) {
	t.mu.Lock()
	t.asked, t.host, t.failed = true, host, nil
	t.mu.Unlock()
}

func (t *trace) gotConn(httptrace.GotConnInfo) {
	t.mu.Lock()
	t.got = true
	t.mu.Unlock()
}

func (t *trace) wroteHeaderField(string, []string) {
	t.mu.Lock()
	t.begun = true
	t.mu.Unlock()
}

func (t *trace) wroteHeaders() {
	t.mu.Lock()
	t.begun = true
	t.written++
	t.mu.Unlock()
	t.of.watch()
}

func (t *trace) hasAsked() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked
}

func (t *trace) writes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.written
}

// unsent reports whether nothing was sent before a request failed by err. When a
// context ends, a connection that was got may still write.
func (t *trace) unsent(err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.begun && (!t.got || !cause.Is(err, context.Canceled) && !cause.Is(err, context.DeadlineExceeded))
}

// fail notes why a connection was not got. A name has several addresses, and the
// error of any may be the one that is returned.
func (t *trace) fail(err error) {
	if err == nil {
		return
	}
	t.mu.Lock()
	if len(t.failed) < 8 {
		t.failed = append(t.failed, err)
	}
	t.mu.Unlock()
}
