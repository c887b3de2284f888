package readbackhttp

import (
	"net/http"

	"github.com/readback-go/readback/consistency"
)

// Ref is what the answer to a write tells about where to read it back. It is
// kept in handles: only what the answer told is in it, never what the caller
// knows anyway.
type Ref struct {
	// Location is the absolute URL of the Location header.
	Location string `json:"location,omitempty"`

	// Fields are the values that a template asked for.
	Fields map[string]string `json:"fields,omitempty"`

	// Monitor is the absolute URL of an operation's status monitor.
	Monitor string `json:"monitor,omitempty"`

	// Token is the position of the write, for reads to ask for.
	Token string `json:"token,omitempty"`

	answer consistency.Answer
}

// Answer returns what the rules of package consistency need of the answer to
// the write. It is not kept in handles.
func (r Ref) Answer() consistency.Answer { return r.answer }

// refer takes from the answer to the write what is needed to read it back. What
// is missing is found out when it is needed.
func (s *session) refer(got *answered, bodyErr error) Ref {
	ref := Ref{Location: locate(got.resp, "Location"), Token: take(s.Token, got.resp), answer: got.answer()}
	if got.resp.StatusCode == http.StatusAccepted && s.Monitor != nil {
		ref.Monitor = s.Monitor.locate(got.resp)
		if ref.Monitor == ref.Location {
			ref.Location = "" // it is the monitor's, and not what was written
		}
	}
	if len(s.Read.fields) > 0 {
		ref.Fields = s.Read.pick(got, bodyErr)
	}
	return ref
}
