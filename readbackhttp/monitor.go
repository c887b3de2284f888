package readbackhttp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/pointer"
)

// Monitor says how to follow the operation that a 202 speaks of: its status
// monitor is what the answer's Operation-Location, Azure-AsyncOperation or
// Location names, the first that is there. The zero value suits the common
// forms.
//
// An operation has ended well if its monitor redirects with 303, or its state is
// one of Done. It has not succeeded if its state is one of Failed. Any other
// answer, also a good one without a state, means that it goes on.
type Monitor struct {
	// State is the JSON pointer to the state. Empty means /status.
	State string

	// Done and Failed are the states in which the operation has ended, in any
	// case. Nil means succeeded, success, completed, complete, done and
	// finished; and failed, failure, error, canceled, cancelled and aborted.
	Done, Failed []string

	// Resource is the JSON pointer to the URL of what was written, in the
	// answer of an operation that ended well. Empty means that the Location of
	// the 303, or the 202's own if that was not the monitor's, is that URL.
	Resource string
}

var (
	monitorHeaders = []string{"Operation-Location", "Azure-AsyncOperation", "Location"}
	doneStates     = []string{"succeeded", "success", "completed", "complete", "done", "finished"}
	failedStates   = []string{"failed", "failure", "error", "canceled", "cancelled", "aborted"}
)

func (m *Monitor) check() error {
	for _, p := range [...]string{m.State, m.Resource} {
		if !pointer.Valid(p) {
			return fmt.Errorf("readbackhttp: %q is not a JSON pointer", p)
		}
	}
	return nil
}

func (m *Monitor) locate(resp *http.Response) string {
	for _, header := range monitorHeaders {
		if at := locate(resp, header); at != "" {
			return at
		}
	}
	return ""
}

// state returns the state that doc tells, in lower case, or "".
func (m *Monitor) state(doc any) string {
	at := m.State
	if at == "" {
		at = "/status"
	}
	value, _ := pointer.Get(doc, at)
	text, _ := scalar(value)
	return strings.ToLower(text)
}

func is(state string, given, usual []string) bool {
	if given == nil {
		given = usual
	}
	return state != "" && slices.ContainsFunc(given, func(s string) bool { return strings.EqualFold(s, state) })
}

// follow looks once at the operation of ref.
func (s *session) follow(ctx context.Context, ref *Ref) (done bool, err error) {
	if ref.Monitor == "" {
		return true, nil // nothing to follow: what is there to read will tell
	}
	at, err := url.Parse(ref.Monitor)
	if err != nil {
		return false, consistency.As(consistency.Refused, &TargetError{Reason: "the monitor is not a URL"})
	}
	got, err := s.get(ctx, at, "")
	switch {
	case got == nil:
		return false, err
	case err != nil:
		return false, got.unreadable(err)
	case got.resp.StatusCode == http.StatusSeeOther:
		if at := locate(got.resp, "Location"); at != "" {
			ref.Location = at
		}
		return true, nil
	case got.resp.StatusCode < 200 || got.resp.StatusCode > 299:
		return false, got.failure()
	}
	doc, err := decode(got.body)
	if err != nil {
		return false, got.unreadable(err)
	}
	state := s.Monitor.state(doc)
	switch {
	case is(state, s.Monitor.Failed, failedStates):
		return false, fmt.Errorf("%w: its state is %q", consistency.ErrOperation, state)
	case !is(state, s.Monitor.Done, doneStates):
		if a := got.answer(); a.RetryAfter > 0 {
			return false, &goesOn{a}
		}
		return false, nil
	}
	if s.Monitor.Resource != "" {
		if value, found := pointer.Get(doc, s.Monitor.Resource); found {
			if text, ok := scalar(value); ok {
				base := *at
				base.User = nil
				if resource, err := parse(&base, text, ""); err == nil {
					ref.Location = resource.String()
				}
			}
		}
	}
	return true, nil
}

// goesOn is the answer of an operation that goes on and asks to be left alone
// for a while. To the rules it is a 202, whatever its status.
type goesOn struct{ answer consistency.Answer }

func (e *goesOn) Error() string { return "readbackhttp: the operation goes on" }

func (e *goesOn) Answer() consistency.Answer {
	a := e.answer
	a.Status = http.StatusAccepted
	return a
}
