package readbackhttp

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/redact"
)

// snippetLimit is how many bytes of a body go into an error.
const snippetLimit = 512

// StatusError is an answer that is not a success. Package consistency finds its
// status and body by the method Answer.
type StatusError struct {
	Method  string
	URL     string      // with secrets hidden
	Status  int         // HTTP status code
	Header  http.Header // those that help to find out why and hold no secrets; nil if none
	Body    string      // the beginning of the body in one line, with secrets hidden
	Problem Problem     // what the body says, if it is JSON

	answer consistency.Answer
}

// Error says in one line what was asked and what the answer was.
func (e *StatusError) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("%s %s answered %d %s", e.Method, e.URL, e.Status, http.StatusText(e.Status)))
	if said := e.Problem.String(); said != "" {
		return text + ": " + said
	}
	if e.Body != "" {
		return text + ": " + e.Body
	}
	return text
}

// StatusCode returns e.Status.
func (e *StatusError) StatusCode() int { return e.Status }

// Answer returns what the rules of package consistency need of e.
func (e *StatusError) Answer() consistency.Answer {
	a := e.answer
	a.Method, a.Status = e.Method, e.Status
	return a
}

// TargetError is a place that is not read: what a write's answer pointed to is
// not to be trusted, or not to be found.
type TargetError struct {
	URL    *url.URL // nil if there is none
	Reason string
}

// Error says what is wrong with the place.
func (e *TargetError) Error() string {
	if e.URL == nil {
		return "readbackhttp: no place to read back: " + e.Reason
	}
	return fmt.Sprintf("readbackhttp: will not read %s: %s", redact.URL(e.URL), e.Reason)
}
