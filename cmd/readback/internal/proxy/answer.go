package proxy

import (
	"cmp"
	"fmt"
	"net/http"
	"time"

	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/readbackhttp"
)

// answer makes the answer to the client of that of the upstream.
func (p *Proxy) answer(resp *http.Response) error {
	x := exchangeOf(resp.Request.Context())
	has := notableIn(resp.Header)
	if has.any(points) {
		translateHeader(resp.Header, p.upstream, cmp.Or(x.told, addressed(x.in)))
	}
	if has.any(setsCookie) {
		cookies := resp.Header["Set-Cookie"]
		for i, cookie := range cookies {
			cookies[i] = translateCookie(cookie, p.options.Upstream.Hostname(), x.in.TLS == nil)
		}
	}
	unread := x.body != nil && x.body.end() == nil && resp.Close // the rest is not wanted
	if (unread || p.draining.Load()) && resp.StatusCode != http.StatusSwitchingProtocols {
		resp.Header.Set("Connection", "close")
	}
	if r := &x.report; r.Reads > 0 {
		resp.Header.Set(Header, fmt.Sprintf("%v; reads=%d; elapsed=%.3f", r.Outcome, r.Reads, r.Elapsed.Seconds()))
		p.held(resp.Request, r, resp.StatusCode)
	}
	// A server of net/http adds a guess at the kind of the content, and the date. It
	// takes nil for a choice.
	if !has.any(typed) {
		x.out["Content-Type"] = nil
	}
	if !has.any(dated) {
		x.out["Date"] = nil
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		x.answer.ReadCloser = resp.Body
		resp.Body = &x.answer
	} else if guard := guardOf(x.in); guard != nil {
		guard.raw.Store(true)
	}
	return nil
}

// pointing are headers of answers whose value is a URL that clients go to.
var pointing = [...]string{"Location", "Content-Location", "Operation-Location", "Azure-Asyncoperation"}

// held tells everyone but the client how a read was held. Status is 0 if the
// client did not wait for the answer.
func (p *Proxy) held(req *http.Request, r *readbackhttp.Report, status int) {
	p.options.Meter.held(r)
	if p.lessons != nil {
		p.lessons.learn(req, r)
	}
	if p.options.Tell == nil {
		return
	}
	named := *req.URL
	named.RawQuery = ""
	end := fmt.Sprint("answered ", status)
	if status == 0 {
		end = "the client is gone"
	}
	p.options.Tell(fmt.Sprintf("held %s %s: %v after %d reads in %v, %s",
		req.Method, redact.URL(&named), r.Outcome, r.Reads, r.Elapsed.Round(time.Millisecond), end))
}
