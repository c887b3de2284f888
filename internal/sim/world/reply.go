package world

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Ask is a request as the service sees it.
type Ask struct {
	Client  int
	Method  string
	Path    string
	Query   string
	Auth    string
	Token   string
	Key     string
	NoCache bool
}

// Reply is an answer before it is on its way.
type Reply struct {
	Status int // or Lost, Unreached, Hung
	Header http.Header
	Body   string
	Broken bool          // the body ends too early
	Took   time.Duration // all in all
}

func (r *Reply) set(name, value string) {
	if r.Header == nil {
		r.Header = make(http.Header, 2)
	}
	r.Header[name] = []string{value}
}

// retryAfter asks to wait, in seconds or as a date of a clock that is wrong.
func (r *Reply) retryAfter(wait time.Duration, date bool, skew time.Duration) {
	if !date {
		r.set("Retry-After", strconv.Itoa(int(wait/time.Second)))
		return
	}
	now := time.Now().UTC().Add(skew)
	r.set("Date", now.Format(http.TimeFormat))
	r.set("Retry-After", now.Add(wait).Format(http.TimeFormat))
}

// response makes an http.Response of r.
func (r *Reply) response(w *World, req *http.Request) *http.Response {
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	length := int64(len(r.Body))
	b := &body{w: w}
	b.rest.Reset([]byte(r.Body))
	if r.Broken {
		b.rest.Reset([]byte(r.Body[:len(r.Body)/2]))
		b.end = io.ErrUnexpectedEOF
	}
	w.mu.Lock()
	w.Opened++
	w.mu.Unlock()
	return &http.Response{
		Status: http.StatusText(r.Status), StatusCode: r.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.Header, Body: b, ContentLength: length, Request: req,
	}
}

// body counts that it is closed.
type body struct {
	w      *World
	rest   bytes.Reader
	end    error
	closed bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.rest.Read(p)
	if err == io.EOF && b.end != nil {
		err = b.end
	}
	return n, err
}

func (b *body) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	b.w.Closed++
	return nil
}
