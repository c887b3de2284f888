package command

import (
	"net/http"
	"net/url"

	"github.com/readback-go/readback/cmd/readback/internal/handle"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/readbackhttp"
)

// shownAnswer is how much of an answer a line shows.
const shownAnswer = 300

// keptAnswer returns the answer to the write as a handle keeps it, and nil if
// there was no good one.
func (s *session) keptAnswer(hide func(string) string) *handle.Answer {
	a := s.flow.Answer()
	if a == nil || a.Status >= 400 {
		return nil
	}
	kept := &handle.Answer{Status: a.Status, Body: request.KeepAnswer(a.Body, hide)}
	open := func(at string, found bool) string {
		if !found || request.HidesSecrets(at) || hide(at) != at {
			return ""
		}
		return at
	}
	kept.Location = open(a.Field(request.LocationField))
	for _, header := range operationHeaders {
		if kept.Operation == "" {
			kept.Operation = open(a.URLOf(header))
		}
	}
	return kept
}

// operationHeaders name the operation that an answer speaks of, as the library
// knows them.
var operationHeaders = []string{"Operation-Location", "Azure-Asyncoperation"}

// answerText returns the beginning of the answer to the write, for a line.
func (s *session) answerText() string {
	if a := s.keptAnswer(s.scrub); a != nil && a.Body != nil {
		return redact.Snippet(a.Body, shownAnswer)
	}
	return ""
}

// answerOf returns the answer that a handle keeps, as its run had it, and nil for
// none.
func answerOf(h handle.Handle) *request.Answer {
	if h.Answer == nil {
		return nil
	}
	a := &request.Answer{Status: h.Answer.Status, Body: request.WithoutHidden(h.Answer.Body), Header: http.Header{}}
	if h.Answer.Operation != "" {
		a.Header.Set(operationHeaders[0], h.Answer.Operation)
	}
	if h.Answer.Location != "" {
		a.Header.Set("Location", h.Answer.Location)
		a.URL = &url.URL{}
	}
	return a
}

// named returns what the answer that a handle keeps names, for a template that the
// run did not have, and false if it names nothing. The Location of a 202 is that of
// an operation, unless the command line says otherwise.
func named(h handle.Handle, template string, accepted bool) (ref readbackhttp.Ref, ok bool) {
	if h.Answer == nil {
		return ref, false
	}
	if h.Answer.Status != http.StatusAccepted || accepted {
		ref.Location = h.Answer.Location
	}
	for _, name := range request.Fields(template) {
		if name == request.LocationField {
			continue
		}
		if value, found := request.Member(request.WithoutHidden(h.Answer.Body), name); found {
			if ref.Fields == nil {
				ref.Fields = make(map[string]string)
			}
			ref.Fields[name] = value
		}
	}
	return ref, ref.Location != "" || ref.Fields != nil
}
