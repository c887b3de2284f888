package readbacktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// RoundTrip answers req as the script says, on the calling goroutine and without a network.
// All waits are on the clock of the caller. If the context of the request ends first, the
// error is its cause.
//
// For a connection that is cut, it returns the error that net/http would return. It calls
// the functions GetConn, GotConn, WroteHeaders, WroteRequest and GotFirstResponseByte of a
// [net/http/httptrace.ClientTrace] as far as the request gets. Unlike the transport of
// net/http, it sends nothing twice.
func (h *Handler) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	body := req.Body
	if body == nil {
		body = http.NoBody
	}
	defer body.Close()
	if req.URL == nil {
		return nil, errors.New("readbacktest: the request has no URL")
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	trace := tracing(ctx)
	trace.GetConn(hostPort(req.URL))
	x := h.arrive(received(req))
	if x.rule.Cut == Unreachable {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: address, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	trace.GotConn(httptrace.GotConnInfo{Conn: conn{}})
	trace.WroteHeaders()
	wait := func(d time.Duration) error { return pause(ctx, nil, d) }
	if x.rule.Cut == CutRequest {
		err := wait(x.rule.Delay)
		if err == nil {
			err = &net.OpError{Op: "read", Net: "tcp", Addr: address, Err: os.NewSyscallError("read", syscall.ECONNRESET)}
		}
		trace.WroteRequest(httptrace.WroteRequestInfo{Err: err})
		return nil, err
	}
	sent, err := readAll(ctx, body)
	trace.WroteRequest(httptrace.WroteRequestInfo{Err: err})
	if err != nil {
		h.brokenOff(x)
		return nil, err
	}
	r, err := h.answer(x, sent, wait)
	if err == nil {
		err = wait(r.delay)
	}
	switch {
	case err != nil:
		return nil, err
	case r.cut != 0:
		return nil, io.EOF
	}
	trace.GotFirstResponseByte()
	return r.response(req), nil
}

// readAll reads the body of a request. The body may wait for the client; the end of ctx ends
// that wait too.
func readAll(ctx context.Context, body io.ReadCloser) ([]byte, error) {
	if body == http.NoBody {
		return nil, nil
	}
	defer context.AfterFunc(ctx, func() { _ = body.Close() })()
	sent, err := io.ReadAll(body)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return sent, err
}

// pause waits for d. It returns the cause if ctx ends first, and an error if stop is closed
// first.
func pause(ctx context.Context, stop <-chan struct{}, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-stop:
		return errStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

var errStopped = errors.New("readbacktest: the server was closed, or the body")

// response returns the answer as net/http would.
func (r *reply) response(req *http.Request) *http.Response {
	resp := &http.Response{
		Status: fmt.Sprintf("%03d %s", r.status, http.StatusText(r.status)), StatusCode: r.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.header.Clone(), Body: http.NoBody, Request: req,
	}
	switch {
	case r.bodiless():
	case r.endless:
		resp.ContentLength = -1
	default:
		resp.ContentLength = int64(len(r.body))
		resp.Header.Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	if !r.bodiless() && req.Method != http.MethodHead {
		resp.Body = &arriving{ctx: req.Context(), stream: r.stream(), closed: make(chan struct{})}
	}
	return resp
}

// arriving is the body of an answer, whose pieces arrive over time.
type arriving struct {
	ctx    context.Context
	closed chan struct{}
	once   sync.Once

	mu     sync.Mutex // only one read at a time
	stream *stream
	piece  []byte
	err    error
}

func (b *arriving) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.closed:
		return 0, http.ErrBodyReadAfterClose
	default:
	}
	for len(b.piece) == 0 && b.err == nil {
		var wait time.Duration
		b.piece, wait, b.err = b.stream.next()
		if err := pause(b.ctx, b.closed, wait); err != nil {
			b.piece, b.err = nil, err
		}
	}
	if len(b.piece) == 0 {
		return 0, b.err
	}
	n := copy(p, b.piece)
	b.piece = b.piece[n:]
	return n, nil
}

func (b *arriving) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

// tracing returns the trace of ctx, with a function for each event that RoundTrip reports.
func tracing(ctx context.Context) httptrace.ClientTrace {
	var t httptrace.ClientTrace
	if given := httptrace.ContextClientTrace(ctx); given != nil {
		t = *given
	}
	if t.GetConn == nil {
		t.GetConn = func(string) {}
	}
	if t.GotConn == nil {
		t.GotConn = func(httptrace.GotConnInfo) {}
	}
	if t.WroteHeaders == nil {
		t.WroteHeaders = func() {}
	}
	if t.WroteRequest == nil {
		t.WroteRequest = func(httptrace.WroteRequestInfo) {}
	}
	if t.GotFirstResponseByte == nil {
		t.GotFirstResponseByte = func() {}
	}
	return t
}

// conn is a connection for traces, which ask for its addresses. It cannot be used.
type conn struct{ net.Conn }

func hostPort(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

var address = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}

func (conn) LocalAddr() net.Addr  { return address }
func (conn) RemoteAddr() net.Addr { return address }

// received returns req as a server receives it, with the names of its headers in canonical
// form.
func received(req *http.Request) *http.Request {
	header := make(http.Header, len(req.Header))
	for name, values := range req.Header {
		canonical := http.CanonicalHeaderKey(name)
		header[canonical] = append(header[canonical], values...)
	}
	got := *req
	got.Header = header
	return &got
}
