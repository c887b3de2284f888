package proxy

import (
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
)

// rewrite makes the request to the upstream. The upstream sees what it would see
// if the client spoke to it: that includes the forwarding headers, unless another
// [Forwarding] is chosen.
func (p *Proxy) rewrite(r *httputil.ProxyRequest) {
	x := exchangeOf(r.In.Context())
	r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = p.options.Upstream.Scheme, p.options.Upstream.Host, ""
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	if f := p.options.Forwarding; f != ForwardAsSent || x.has.any(forwarded) {
		x.told = f.forward(r.Out.Header, x.in)
		if f == ForwardAsSent {
			x.claimed = claimed(x.in)
		}
	}
	if x.has.any(asksHold) {
		delete(r.Out.Header, Header)
	}
	if x.has.any(addresses) {
		for _, name := range addressing {
			translateAll(r.Out.Header[name], addressed(x.in), p.upstream)
		}
	}
	if x.body != nil {
		r.Out.Body = x.body
		if r.In.ContentLength < 0 { // only these can have trailers, announced or not
			x.body.trailer = make(http.Header)
			maps.Copy(x.body.trailer, r.In.Trailer)
			r.Out.Trailer = x.body.trailer
		}
	}
	if x.kind == write {
		once(r.Out)
	}
}

// addressing are headers of requests that name the client's idea of the origin.
// The upstream compares the first two with its own, against forged requests.
var addressing = [...]string{"Origin", "Referer", "Destination"}

// once keeps net/http from sending a write twice. It sends a request again if
// the connection broke and the request has an idempotency key: whether the
// upstream knows of such keys, nobody said, and by another spelling of the name
// net/http does not see it.
func once(r *http.Request) {
	for name, hidden := range keys {
		if values, ok := r.Header[name]; ok {
			delete(r.Header, name)
			r.Header[hidden] = values
		}
	}
}

var keys = map[string]string{"Idempotency-Key": "idempotency-key", "X-Idempotency-Key": "x-idempotency-key"}

// unbegun lets net/http have the body of a write again, as long as nothing of it was
// read. Then it sends a write on another connection if not a byte was written to one
// that was closed meanwhile, which is as good as the first time. It stands behind
// the Transport, which reads the body along as it is sent.
type unbegun struct{ http.RoundTripper }

func (t unbegun) RoundTrip(r *http.Request) (*http.Response, error) {
	x := exchangeOf(r.Context())
	if x != nil {
		x.sent.Add(1)
	}
	if kindOf(r.Method) == write && x != nil && x.body != nil {
		body := r.Body
		r = r.WithContext(r.Context())
		r.GetBody = func() (io.ReadCloser, error) {
			if x.body.begun.Load() {
				return nil, errBegun
			}
			return body, nil
		}
	}
	return t.RoundTripper.RoundTrip(r)
}

// CloseIdleConnections is for [http.Client.CloseIdleConnections] and its like.
func (t unbegun) CloseIdleConnections() {
	if c, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
