package readbackhttp_test

import (
	"io"
	"net/http"
	"strings"
)

// readCloser counts how often it was closed.
type readCloser struct {
	io.Reader
	closed int
}

func (b *readCloser) Close() error {
	b.closed++
	return nil
}

// reply is what a RoundTripper in memory answers.
func reply(req *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header), ContentLength: int64(len(body)),
		Body: &readCloser{Reader: strings.NewReader(body)}, Request: req,
	}
}
