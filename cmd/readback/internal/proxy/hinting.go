package proxy

import "net/http"

// hinting hands on the informational answers, such as early hints, of the first request
// alone. The polls of a read that is held have theirs too, and many a client takes only
// a few of them for one answer.
type hinting struct {
	http.ResponseWriter
	x *exchange
}

// WriteHeader writes the status of an answer.
func (w *hinting) WriteHeader(status int) {
	if status >= http.StatusOK || w.x.sent.Load() <= 1 {
		w.ResponseWriter.WriteHeader(status)
	}
}

// Unwrap is what [http.ResponseController] looks for.
func (w *hinting) Unwrap() http.ResponseWriter { return w.ResponseWriter }
