package readbackhttp

import (
	"net/http"

	"github.com/readback-go/readback/internal/wire"
)

// Watch returns a RoundTripper that sends every request by base, and tells the
// flow in whose context a request is sent what really went over the wire: its
// method, URL, status, header and the beginning of its body, as the client reads
// it. One line in any client:
//
//	client.Transport = readbackhttp.Watch(client.Transport)
//
// Then a client may hide the status of its answers, return a 404 as a value, fetch
// a token or look something up before it writes, or try again by itself: package
// consistency sees which requests were tries of the write, and how each was
// answered. [NewTransport] and [Exchange] watch too.
//
// Requests and answers are those of base, unchanged. A body is read before the
// client does, up to 64 KiB, only where a rule of the policy asks for bodies, and
// for a short one of a 403. Outside of a flow Watch does nothing. Nil as base means
// http.DefaultTransport. It may be used concurrently if base may.
//
// Put it inside of a RoundTripper that tries again: only there it sees each try.
func Watch(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	_, direct := base.(*http.Transport)
	return &watcher{base: base, direct: direct}
}

type watcher struct {
	base   http.RoundTripper
	direct bool // base is net/http's own
}

// RoundTrip sends req.
func (w *watcher) RoundTrip(req *http.Request) (*http.Response, error) {
	call := wire.From(req.Context())
	if call == nil {
		return w.base.RoundTrip(req)
	}
	return call.RoundTrip(w.base, req, w.direct)
}

// CloseIdleConnections closes those of base, if it can.
func (w *watcher) CloseIdleConnections() {
	(&http.Client{Transport: w.base}).CloseIdleConnections()
}
