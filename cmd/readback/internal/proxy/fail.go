package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/readback-go/readback/internal/redact"
)

// fail answers a request that the upstream did not. Whoever sent a write learns
// whether it may have been carried out.
func (p *Proxy) fail(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	status := http.StatusBadGateway
	if timeout := (interface{ Timeout() bool })(nil); errors.As(err, &timeout) && timeout.Timeout() {
		status = http.StatusGatewayTimeout
	}
	why := redact.Error(err)
	word, text := "", fmt.Sprintf("%s did not answer the %s: %s", p.upstream, r.Method, why)
	switch {
	case x.kind != write:
	case x.tries.NeverSent():
		word, text = "not-executed", fmt.Sprintf("%s cannot be reached, and the %s was not sent: %s", p.upstream, r.Method, why)
	default:
		word, text = "ambiguous", fmt.Sprintf("%s did not answer the %s, which may have been carried out: "+
			"read back before sending it again: %s", p.upstream, r.Method, why)
	}
	gone := errors.Is(r.Context().Err(), context.Canceled)
	p.options.Meter.failed(x, gone)
	if x.report.Reads > 0 {
		p.held(r, &x.report, 0)
	}
	if !gone && p.options.Warn != nil {
		p.options.Warn(text)
	}
	p.say(w, status, word, text)
}

// say answers in the proxy's own words.
func (p *Proxy) say(w http.ResponseWriter, status int, word, text string) {
	h := w.Header()
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
	_, _ = io.WriteString(w, "readback proxy: "+text+"\n")
}
