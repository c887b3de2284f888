package command

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/readback-go/readback/cmd/readback/internal/handle"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/internal/redact"
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
	if at, found := a.Field(request.LocationField); found && !request.HidesSecrets(at) && hide(at) == at {
		kept.Location = at
	}
	return kept
}

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
	a := &request.Answer{Status: h.Answer.Status, Body: h.Answer.Body, Header: http.Header{}}
	if h.Answer.Location != "" {
		a.Header.Set("Location", h.Answer.Location)
		a.URL = &url.URL{}
	}
	return a
}

// fields gives the reference of a pending write the fields that a template asks
// for, from the answer that its handle keeps: for a template that the run did not
// have. A handle without an answer, or that has them, stays as it is.
func fields(h handle.Handle, template string) (handle.Handle, error) {
	names := request.Fields(template)
	if h.Answer == nil || len(names) == 0 {
		return h, nil
	}
	data, err := json.Marshal(h.Pending)
	if err != nil {
		return h, err
	}
	var pending map[string]json.RawMessage
	if err := json.Unmarshal(data, &pending); err != nil {
		return h, err
	}
	var written map[string]json.RawMessage
	if json.Unmarshal(pending["written"], &written) != nil || written == nil {
		return h, nil
	}
	has := make(map[string]string)
	_ = json.Unmarshal(written["fields"], &has)
	for _, name := range names {
		if _, found := has[name]; found || name == request.LocationField {
			continue
		}
		if value, found := request.Member(h.Answer.Body, name); found {
			has[name] = value
		}
	}
	if len(has) == 0 {
		return h, nil
	}
	written["fields"], _ = json.Marshal(has)
	pending["written"], _ = json.Marshal(written)
	if data, err = json.Marshal(pending); err != nil {
		return h, err
	}
	return h, json.NewDecoder(bytes.NewReader(data)).Decode(&h.Pending)
}
