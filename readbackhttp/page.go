package readbackhttp

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"strings"
)

var errPage = errors.New("it is a page for people, and JSON was asked for")

// asksForJSON reports whether a read asked for JSON, and nothing that a page could be.
// What was written as a page is read as one, whatever was asked for.
func (s *session) asksForJSON(req *http.Request) bool {
	accept := strings.ToLower(strings.Join(req.Header.Values("Accept"), ","))
	if !strings.Contains(accept, "json") || strings.Contains(accept, "html") || strings.Contains(accept, "*/*") || strings.Contains(accept, "text/*") {
		return false
	}
	return s.Write == nil || !isHTML(s.Write.Header)
}

// isPage reports whether an answer is a page of HTML, by its type or its beginning.
func isPage(got *answered) bool {
	if isHTML(got.resp.Header) {
		return true
	}
	start := bytes.ToLower(bytes.TrimSpace(got.body[:min(len(got.body), 200)]))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

func isHTML(h http.Header) bool {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return kind == "text/html" || kind == "application/xhtml+xml"
}
