package readbackhttp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/redact"
)

// answered is an answer whose body was read, up to a limit, and closed.
type answered struct {
	resp  *http.Response
	body  []byte
	whole bool
}

const (
	// errorBodyLimit is how much of an error's body is kept.
	errorBodyLimit = 16 << 10
	// bodyLimit is how much of any other is kept to be judged.
	bodyLimit = 64 << 10
	// drainLimit is how much more of a body is read to keep its connection.
	drainLimit = 256 << 10
)

var errTooLong = errors.New("the body is too long")

// send sends req and reads the answer. If the answer arrived, it is not nil,
// whatever became of its body.
func send(client *http.Client, req *http.Request, maxBody int64) (*answered, error) {
	resp, err := client.Do(req)
	if err != nil {
		if resp != nil && resp.Body != nil {
			_ = resp.Body.Close()
		}
		return nil, &transportError{err}
	}
	defer func(body io.ReadCloser) {
		_, _ = io.CopyN(io.Discard, body, drainLimit)
		_ = body.Close()
	}(resp.Body)
	unzip(resp)
	good := resp.StatusCode < 300
	limit := maxBody
	if !good {
		limit = errorBodyLimit
	}
	got := &answered{resp: resp}
	got.body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
	got.whole = err == nil
	if int64(len(got.body)) > limit {
		got.body, got.whole = got.body[:limit], false
		if good {
			err = fmt.Errorf("%w: over %d bytes", errTooLong, limit)
		}
	}
	if !good {
		err = nil // the beginning of an error's body is enough
	}
	return got, err
}

// answer returns what the rules need.
func (got *answered) answer() consistency.Answer {
	a := consistency.AnswerOf(got.resp)
	a.Body = got.body[:min(len(got.body), bodyLimit)]
	a.Whole = got.whole && len(got.body) <= bodyLimit
	return a
}

func (got *answered) document() *Document {
	return &Document{Status: got.resp.StatusCode, Header: got.resp.Header, Body: got.body, answer: got.answer()}
}

func (got *answered) failure() *StatusError {
	e := &StatusError{
		Method: got.resp.Request.Method,
		URL:    redact.URL(got.resp.Request.URL),
		Status: got.resp.StatusCode,
		Header: redact.Header(got.resp.Header),
		Body:   redact.Snippet(got.body[:min(len(got.body), 2*snippetLimit)], snippetLimit),
		answer: got.answer(),
	}
	e.Problem, _ = parseProblem(got.body)
	return e
}

// unreadable returns the error of a good answer whose body was not.
func (got *answered) unreadable(err error) error {
	return &bodyError{answer: got.answer(), err: fmt.Errorf("readbackhttp: %s %s answered %d, but %w",
		got.resp.Request.Method, redact.URL(got.resp.Request.URL), got.resp.StatusCode, err)}
}

// bodyError is a good answer whose body could not be read. Its status still
// counts, but never as ready.
type bodyError struct {
	answer consistency.Answer
	err    error
}

func (e *bodyError) Error() string              { return e.err.Error() }
func (e *bodyError) Unwrap() error              { return e.err }
func (e *bodyError) Answer() consistency.Answer { return e.answer }

// Document is a good answer to a read.
type Document struct {
	Status int
	Header http.Header
	Body   []byte

	answer consistency.Answer
	wanted string // how it differs from what a match wanted
}

// Wanted says how d differs from what [HasJSON], [HasETag] or [AtLeast] last compared it
// with; empty if it does not. Errors show it.
func (d *Document) Wanted() string { return d.wanted }

// Answer returns what the rules need of d.
func (d *Document) Answer() consistency.Answer { return d.answer }

// MarshalJSON returns the body: as it is if it is JSON, and otherwise as a string. Headers
// may hold secrets and are left out, so d may be logged.
func (d *Document) MarshalJSON() ([]byte, error) {
	if json.Valid(d.Body) {
		return d.Body, nil
	}
	return json.Marshal(string(d.Body))
}

// Decode decodes the body, which is JSON, into v.
func (d *Document) Decode(v any) error {
	if err := json.Unmarshal(d.Body, v); err != nil {
		return fmt.Errorf("readbackhttp: the answer is not the JSON expected: %w", err)
	}
	return nil
}

// transportError is the error of a request that got no answer. Its text hides
// secrets in the URL.
type transportError struct{ err error }

func (e *transportError) Error() string { return "readbackhttp: " + redact.Error(e.err) }
func (e *transportError) Unwrap() error { return e.err }

func sameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) &&
		strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	switch strings.ToLower(u.Scheme) {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return ""
}
