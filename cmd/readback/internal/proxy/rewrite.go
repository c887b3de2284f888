package proxy

import (
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
	x.told = p.options.Forwarding.forward(r.Out.Header, x.in)
	delete(r.Out.Header, Header)
	for _, name := range addressing {
		if values, ok := r.Out.Header[name]; ok {
			translateAll(values, addressed(x.in), p.upstream)
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
// net/http does not see it. It also does so if not a byte was written to a
// connection that was closed meanwhile, which is as good as the first time, but
// only if it can get the body again: as long as nothing of it was read, it can.
func once(r *http.Request) {
	for name, hidden := range keys {
		if values, ok := r.Header[name]; ok {
			delete(r.Header, name)
			r.Header[hidden] = values
		}
	}
	if body, ok := r.Body.(*inbound); ok {
		r.GetBody = body.again
	}
}

var keys = map[string]string{"Idempotency-Key": "idempotency-key", "X-Idempotency-Key": "x-idempotency-key"}
