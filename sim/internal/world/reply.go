package world

import (
	"net/http"
	"strconv"
	"time"
)

// Ask is a request as the service sees it.
type Ask struct {
	Client  int
	Method  string
	Host    string
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

	empty   Emptiness
	spoilt  bool
	failing bool // it shows that an operation failed
	how     Arrival
	wait    time.Duration
	look    int // that it answers
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
	switch {
	case r.Broken:
		r.how = Cut
	case r.how == Stalled || r.how == Endless:
		length = -1
	}
	w.mu.Lock()
	w.Opened++
	w.mu.Unlock()
	return &http.Response{
		Status: http.StatusText(r.Status), StatusCode: r.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.Header, Body: w.newBody(req.Context(), r), ContentLength: length, Request: req,
	}
}
