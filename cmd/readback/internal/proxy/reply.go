package proxy

import "net/http"

// reply hands on an answer without the headers that a server of net/http adds of
// its own: a guess at the kind of the content, and the date.
type reply struct{ http.ResponseWriter }

var added = [...]string{"Content-Type", "Date"}

func (w *reply) WriteHeader(status int) {
	if status >= 200 {
		h := w.Header()
		for _, name := range added {
			if _, ok := h[name]; !ok {
				h[name] = nil // net/http takes it for a choice
			}
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for [http.ResponseController].
func (w *reply) Unwrap() http.ResponseWriter { return w.ResponseWriter }
