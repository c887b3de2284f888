package proxy

import (
	"cmp"
	"net/http"
)

// hinting hands on the informational answers, such as early hints, of the first request
// alone. The polls of a read that is held have theirs too, and many a client takes only
// a few of them for one answer.
type hinting struct {
	http.ResponseWriter
	x        *exchange
	upstream string // the origin
}

// WriteHeader writes the status of an answer.
func (w *hinting) WriteHeader(status int) {
	if status < http.StatusOK {
		if !w.handsOn(status) {
			return
		}
		translateHeader(w.Header(), w.upstream, cmp.Or(w.x.told, addressed(w.x.in)))
	}
	w.ResponseWriter.WriteHeader(status)
}

// handsOn reports whether the client gets an informational answer. HTTP/1.0 knows none. A
// 100 the server writes of its own, when the body that the client has announced is read.
func (w *hinting) handsOn(status int) bool {
	return status != http.StatusContinue && w.x.sent.Load() <= 1 && w.x.in.ProtoAtLeast(1, 1)
}

// Unwrap is what [http.ResponseController] looks for.
func (w *hinting) Unwrap() http.ResponseWriter { return w.ResponseWriter }
