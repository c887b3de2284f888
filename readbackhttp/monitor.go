package readbackhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/pointer"
	"github.com/readback-go/readback/internal/redact"
)

// Monitor says how to follow the operation that the answer to a write speaks of.
// The zero value suits the common forms: the status monitor is what the header
// Operation-Location or Azure-AsyncOperation of any good answer names, or else the
// Location of a 202. An answer that names no operation leaves nothing to follow.
//
// A look at it says that the operation
//
//   - has ended well: a state that is one of Done, without an error beside it; a 303
//     or 204; a good answer other than 202 once it has answered 202; of a Location,
//     any good answer without a state;
//   - has not succeeded: a state that is one of Failed, or an error beside one of
//     Done; the error of the flow then has the service's code and message;
//   - goes on: 202, and any other state;
//   - is unknown: a good answer that has no state where one is expected.
//
// A 410, two 404s in a row once it has answered, and 404s for 10 s from the first
// look on say that its record is gone; then the target decides.
type Monitor struct {
	// At is where the monitor is, a template over the answer to the write, such as
	// Template("/tasks/{taskUid}") or Template("/actions/{/action/id}"). Zero
	// means what the headers name.
	At Target

	// State is the JSON pointer to the state. Empty means the first that is there
	// of /status, /state, /done and /properties/provisioningState, a number only if
	// there is nothing else. Set it where /status is that of an envelope, which is
	// "success" while the operation still runs.
	State string

	// Done and Failed are the states in which the operation has ended, in any
	// case. Nil means succeeded, success, completed, complete, done, finished and
	// true; and failed, failure, error, errored, canceled, cancelled, aborted,
	// rejected and timedout, also with blanks, hyphens or underscores between.
	Done, Failed []string

	// Error is the JSON pointer to what the service says went wrong: nothing, null,
	// zero and what is empty or holds only such say that nothing did. Empty means the
	// member error beside the state, or else errors. If neither says why the state is
	// one of Failed, what is beside it is told.
	Error string

	// StatusOnly goes by the status of the answers alone: 202 goes on, any other
	// good one ends.
	StatusOnly bool

	// Resource is the JSON pointer to the URL of what was written, in the
	// answer of an operation that ended well. Empty means that the Location of
	// the 303, or the 202's own if that was not the monitor's, is that URL; or the
	// monitor's own if it is a Location that answered 202 and then something without
	// a state or an error anywhere in it, or whose provisioningState is one of Done.
	Resource string
}

var (
	monitorHeaders = []string{"Operation-Location", "Azure-AsyncOperation"}
	usualStates    = []string{"/status", "/state", "/done", ofResources}
	doneStates     = []string{"succeeded", "success", "completed", "complete", "done", "finished", "true"}
	failedStates   = []string{"failed", "failure", "error", "errored", "canceled", "cancelled", "aborted", "rejected", "timedout"}
)

// ofResources is where resources of Azure have the state of what is done to them;
// operations have theirs in a member status.
const ofResources = "/properties/provisioningState"

func (m *Monitor) check() error {
	for _, p := range [...]string{m.State, m.Resource, m.Error} {
		if !pointer.Valid(p) {
			return fmt.Errorf("readbackhttp: %q is not a JSON pointer", p)
		}
	}
	if m.At.kind == toLocation || m.At.kind == toItself {
		return errors.New("readbackhttp: Monitor.At needs a Template or a URL")
	}
	return m.At.check()
}

// find notes in ref where the monitor is, as the answer to the write tells.
func (m *Monitor) find(ref *Ref, write *url.URL, got *answered, bodyErr error) {
	if !m.At.isZero() {
		named := Ref{Location: ref.Location, Fields: m.At.pick(got, bodyErr)}
		if at, err := m.At.resolve(write, named); err == nil {
			ref.Monitor = at.String()
		} else if m.At.needsBody() {
			_, bad := pointer.Decode(got.body)
			ref.unread = bodyErr != nil || bad != nil && len(got.body) > 0
		}
		return
	}
	for _, header := range monitorHeaders {
		if ref.Monitor = locate(got.resp, header); ref.Monitor != "" {
			return
		}
	}
	if got.resp.StatusCode == http.StatusAccepted {
		ref.Monitor = ref.Location
		ref.byLocation = ref.Monitor != ""
	}
}

// state returns the state that doc tells, in lower case, or "", and the pointer to
// it. A number is one only if there is no other.
func (m *Monitor) state(doc any) (state, at string) {
	where := usualStates
	if m.State != "" {
		where = []string{m.State}
	}
	number := "" // a number may be the status of the answer, or one that counts
	for _, place := range where {
		value, _ := pointer.Get(doc, place)
		text, ok := scalar(value)
		switch _, counts := value.(json.Number); {
		case !ok, counts && number != "":
		case counts:
			number, at = text, place
		default:
			return strings.ToLower(text), place
		}
	}
	if number == "" {
		return "", where[0]
	}
	return number, at
}

// trouble returns what doc says went wrong, beside the state at that place.
func (m *Monitor) trouble(doc any, state string) (code, message string, set bool) {
	places := []string{m.Error}
	if m.Error == "" {
		beside := parent(state)
		places = []string{beside + "/error", beside + "/errors"}
	}
	for _, at := range places {
		if value, _ := pointer.Get(doc, at); !pointer.Blank(value) {
			code, message = reasonIn(value)
			return code, message, true
		}
	}
	return "", "", false
}

// parent returns the JSON pointer to what the state is a member of.
func parent(state string) string { return state[:max(strings.LastIndexByte(state, '/'), 0)] }

// reasonIn returns the code and the message in what says that something went wrong: all
// of it, if it has neither.
func reasonIn(value any) (code, message string) {
	switch v := value.(type) {
	case string:
		return "", v
	case bool:
		return "", ""
	case []any:
		if len(v) == 1 {
			return reasonIn(v[0])
		}
	case map[string]any:
		code, _ = scalar(v["code"])
		for _, name := range [...]string{"message", "detail", "reason"} {
			if message, ok := scalar(v[name]); ok {
				return code, message
			}
		}
		if code != "" && len(v) == 1 {
			return code, ""
		}
	}
	return code, jsonText(value)
}

// unspaced leaves out what may stand between the words of a state, as in timed_out.
var unspaced = strings.NewReplacer(" ", "", "-", "", "_", "")

func is(state string, given, usual []string) bool {
	if given == nil {
		given, state = usual, unspaced.Replace(state)
	}
	return state != "" && slices.ContainsFunc(given, func(s string) bool { return strings.EqualFold(s, state) })
}

// follows reports whether ref names an operation, or should.
func follows(ref Ref) bool { return ref.Monitor != "" || ref.unread }

var errUnread = errors.New("readbackhttp: the answer to the write should name an operation, but could not be read")

// follow looks once at the operation of ref.
func (s *session) follow(ctx context.Context, ref *Ref) (done bool, err error) {
	if ref.unread {
		return false, consistency.As(consistency.Refused, errUnread)
	}
	at, err := url.Parse(ref.Monitor)
	if err != nil {
		return false, consistency.As(consistency.Refused, &TargetError{Reason: "the monitor is not a URL"})
	}
	got, err := s.get(ctx, at, "", *ref)
	if got == nil {
		return false, err
	}
	status := got.resp.StatusCode
	switch {
	case status == http.StatusSeeOther:
		if at := locate(got.resp, "Location"); at != "" && at != ref.Monitor {
			ref.Location = at
		}
		return true, nil
	case status == http.StatusNoContent:
		return true, nil
	case !good(got.resp):
		return false, got.failure()
	case s.Monitor.StatusOnly && status != http.StatusAccepted:
		return true, nil
	}
	return s.Monitor.judge(ref, at, got, err)
}

// judge says what a good answer of the monitor means.
func (m *Monitor) judge(ref *Ref, at *url.URL, got *answered, bodyErr error) (done bool, err error) {
	accepted := got.resp.StatusCode == http.StatusAccepted
	// Then it shows what was written, or at least that there is nothing to wait for.
	ends := !accepted && (ref.polled || ref.byLocation)
	ref.polled = ref.polled || accepted
	doc, bad := pointer.Decode(got.body)
	if bodyErr != nil && !errors.Is(bodyErr, errTooLong) {
		return false, got.unreadable(bodyErr)
	}
	state, place := "", ""
	if bad == nil && !m.StatusOnly {
		state, place = m.state(doc)
	}
	if state != "" {
		code, message, trouble := m.trouble(doc, place)
		failed := is(state, m.Failed, failedStates)
		if failed && !trouble {
			if beside, _ := pointer.Get(doc, parent(place)); beside != nil {
				code, message = reasonIn(beside) // somewhere it says why
			}
		}
		if failed || trouble && is(state, m.Done, doneStates) {
			return false, &operationError{state: state, code: code, message: message, answer: got.answer()}
		}
	}
	switch {
	case is(state, m.Done, doneStates):
		m.resource(ref, at, doc, place == ofResources)
		return true, nil
	case ends && (state == "" || ref.polled):
		m.resource(ref, at, doc, isResource(doc))
		return true, nil
	case accepted || state != "":
		return false, nil
	case bad != nil:
		return false, got.unreadable(bad)
	}
	return false, got.unreadable(fmt.Errorf("it has no state at %s", place))
}

// isResource reports whether doc, with which a Location ended, shows what was
// written: what has a state or an error, however deep, may still be the operation.
func isResource(doc any) bool {
	_, ok := doc.(map[string]any)
	return ok && !tellsOfAnOperation(doc)
}

func tellsOfAnOperation(doc any) bool {
	switch v := doc.(type) {
	case map[string]any:
		for name, member := range v {
			switch name = strings.ToLower(name); {
			case strings.HasSuffix(name, "status"), strings.HasSuffix(name, "state"),
				slices.Contains([]string{"phase", "done", "error", "errors", "progress", "percentcomplete"}, name),
				tellsOfAnOperation(member):
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, tellsOfAnOperation)
	}
	return false
}

// resource notes in ref the URL of what was written, if doc has it, or if doc, with
// which a Location ended, is that itself.
func (m *Monitor) resource(ref *Ref, at *url.URL, doc any, itself bool) {
	if m.Resource == "" {
		if itself && ref.byLocation && ref.polled && ref.Location == "" {
			ref.Location = ref.Monitor
		}
		return
	}
	value, _ := pointer.Get(doc, m.Resource)
	text, ok := scalar(value)
	if !ok {
		return
	}
	base := *at
	base.User = nil
	if resource, err := parse(&base, text, ""); err == nil {
		ref.Location = resource.String()
	}
}

// operationError is an operation that did not succeed, in the service's words.
type operationError struct {
	state, code, message string
	answer               consistency.Answer
}

func (e *operationError) Error() string {
	text := fmt.Sprintf("%v: its state is %q", consistency.ErrOperation, e.state)
	said := strings.TrimSpace(strings.TrimSuffix(e.code+": "+e.message, ": "))
	if said = strings.TrimPrefix(said, ": "); said != "" {
		text += ": " + redact.Snippet([]byte(said), snippetLimit)
	}
	return text
}

func (e *operationError) Unwrap() error              { return consistency.ErrOperation }
func (e *operationError) Answer() consistency.Answer { return e.answer }

// Code returns the service's code for what went wrong, or "".
func (e *operationError) Code() string { return e.code }
