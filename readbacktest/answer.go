package readbacktest

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"time"
)

// reply is an answer, and how it travels.
type reply struct {
	status int
	header http.Header
	body   []byte
	behind bool // it says that a token was not reached

	cut                Cut
	delay, slow        time.Duration
	truncated, endless bool
}

// object answers with a JSON object.
func object(status int, doc any) *reply { return document(status, encode(doc)) }

// document answers with JSON.
func document(status int, body []byte) *reply {
	return &reply{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: body}
}

// refuse answers with a status, and a body that repeats it, as the instance of an API would.
func refuse(status int) *reply {
	return object(status, map[string]any{"status": status, "message": http.StatusText(status)})
}

// apply returns the usual answer, changed as the rule says. Now is the server's clock.
func (rule *Rule) apply(usual *reply, now time.Time) *reply {
	r := *usual
	switch {
	case rule.Status >= 300:
		r = *refuse(rule.Status)
	case rule.Status != 0:
		r.status = rule.Status
	}
	r.header = maps.Clone(r.header)
	if rule.Body != "" {
		r.body = []byte(rule.Body)
	}
	if rule.RetryAfter != 0 {
		r.header.Set("Retry-After", retryAfter(rule.RetryAfter, rule.RetryAfterAs, now))
	}
	for name, values := range rule.Header {
		if len(values) == 0 {
			r.header.Del(name)
			continue
		}
		r.header[name] = values
	}
	r.delay, r.slow, r.truncated, r.endless = rule.Delay, rule.Slow, rule.Truncated, rule.Endless
	return &r
}

// bodiless reports whether an answer of that status never has a body.
func (r *reply) bodiless() bool {
	return r.status == http.StatusNoContent || r.status == http.StatusNotModified
}

// pieces is how many pieces a slow body comes in.
const pieces = 10

// fillerSize and fillerWait are the size of a piece of an endless body and the wait before
// it. Without a wait, the clock of a bubble would stand still while the body is read.
const (
	fillerSize = 4 << 10
	fillerWait = time.Millisecond
)

var filler = []byte(strings.Repeat(" ", fillerSize))

// stream is a body on its way.
type stream struct {
	body    []byte
	n, of   int // pieces sent, and in all
	slow    time.Duration
	last    error // after all pieces
	endless bool
}

func (r *reply) stream() *stream {
	s := &stream{body: r.body, of: 1, slow: r.slow, last: io.EOF, endless: r.endless}
	if r.truncated {
		s.body, s.last = s.body[:len(s.body)/2], io.ErrUnexpectedEOF
	}
	if r.slow > 0 {
		s.of = pieces // some of them empty, if the body is short, but not the last
	}
	return s
}

// next returns the next piece and how long it takes; or, after the last piece, an error.
func (s *stream) next() (piece []byte, wait time.Duration, err error) {
	if s.n == s.of {
		if s.endless {
			return filler, fillerWait, nil
		}
		return nil, 0, s.last
	}
	n, of := time.Duration(s.n), time.Duration(s.of)
	piece = s.body[len(s.body)*s.n/s.of : len(s.body)*(s.n+1)/s.of]
	s.n++
	return piece, s.slow*(n+1)/of - s.slow*n/of, nil
}
