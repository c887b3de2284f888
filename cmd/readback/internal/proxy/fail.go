package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// fail answers a request that the upstream did not. Whoever sent a write learns
// whether it may have been carried out.
func (p *Proxy) fail(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	x.never = x.tries.NeverSent(err)
	status := http.StatusBadGateway
	if timeout := (interface{ Timeout() bool })(nil); errors.As(err, &timeout) && timeout.Timeout() {
		status = http.StatusGatewayTimeout
	}
	why := unquote(err)
	word, text := "", fmt.Sprintf("%s did not answer the %s: %s", p.upstream, r.Method, why)
	switch {
	case x.kind != write:
	case x.never:
		word, text = "not-executed", fmt.Sprintf("%s cannot be reached, and the %s was not sent: %s", p.upstream, r.Method, why)
	default:
		word, text = "ambiguous", fmt.Sprintf("%s did not answer the %s, which may have been carried out: "+
			"read back before sending it again: %s", p.upstream, r.Method, why)
	}
	guard := guardOf(x.in)
	var broken error
	if guard != nil && x.body != nil {
		broken = guard.failed(x.body)
	}
	if broken != nil {
		// The upstream never got the whole request, so it is the client's error.
		status, text = http.StatusBadRequest, fmt.Sprintf("%s did not get the %s whole: %v", p.upstream, r.Method, broken)
	}
	gone := errors.Is(r.Context().Err(), context.Canceled) && (broken == nil || guard.gone.Load())
	p.options.Meter.failed(x, gone)
	if x.report.Reads > 0 {
		p.held(r, &x.report, 0)
	}
	if !gone && p.options.Warn != nil {
		p.options.Warn(text)
	}
	if broken != nil || guard != nil && guard.raw.Load() { // unasked, the upstream speaks another protocol
		p.sayLast(w, guard, status, word, text)
		return
	}
	p.say(w, status, word, text)
}

// refuseMalformed answers a request that does not say where it ends, and closes the
// connection: the bytes that follow may be its body or another request.
func (p *Proxy) refuseMalformed(w http.ResponseWriter, r *http.Request, g *guard, err error) {
	if errors.Is(err, errOver) {
		panic(http.ErrAbortHandler) // the bytes are the rest of another request
	}
	if p.options.Warn != nil {
		p.options.Warn(fmt.Sprintf("refused a %s: %v", r.Method, err))
	}
	p.sayLast(w, g, http.StatusBadRequest, "refused", err.Error())
}

// sayLast is say, and ends the client's connection.
func (p *Proxy) sayLast(w http.ResponseWriter, g *guard, status int, word, text string) {
	w.Header().Set("Connection", "close")
	p.say(w, status, word, text)
	_ = http.NewResponseController(w).Flush()
	g.leave()
}

// say answers in the proxy's own words.
func (p *Proxy) say(w http.ResponseWriter, status int, word, text string) {
	text = "readback proxy: " + text + "\n"
	h := w.Header()
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if word != "" {
		h.Set(Header, word)
	}
	if p.draining.Load() {
		h.Set("Connection", "close")
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
