package consistency

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/readback-go/readback/internal/cause"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/poll"
)

var (
	// ErrFailed matches the error of an outcome that is Failed.
	ErrFailed = errors.New("failed")

	// ErrUnconfirmed matches the error of an outcome that is Unconfirmed.
	ErrUnconfirmed = errors.New("unconfirmed")

	// ErrInvalid is the cause of a run that refused its arguments: nothing was
	// sent, nothing was read.
	ErrInvalid = errors.New("invalid argument")

	// ErrNoFind is the cause of a run whose write was ambiguous, and whose flow has
	// no Find to look for it.
	ErrNoFind = errors.New("the write may have been carried out, and the flow has no Find to look for it")

	// ErrNoReference is the cause of a write that was carried out, but whose
	// answer names nothing that could be read, if there is no Find, or if that
	// shows several candidates and there is no Mine.
	ErrNoReference = errors.New("the write's answer names nothing to read")

	// ErrNotProvablyMine is in the error if, after an ambiguous write, Find did not
	// show exactly one candidate that is proven to be this write's, or if an update
	// has a Behind and no Match.
	ErrNotProvablyMine = errors.New("no candidate is provably this write's")

	// ErrOperation is returned, wrapped, by a Monitor whose operation ended
	// failed or cancelled, and is in the error of a Fault: the write was not
	// carried out as asked, but parts of it may exist.
	ErrOperation = errors.New("the operation did not succeed")
)

// Error reports an outcome that is not Confirmed, with every reason that is
// known. [errors.Is] matches it with [ErrFailed] or [ErrUnconfirmed] by its
// outcome; then [errors.Is] and [errors.As] look through Cause, Write, Last,
// Started, Missing and Context, in this order.
//
// Only Context makes it match context.Canceled or context.DeadlineExceeded: the
// timeout of a single read or of the write does not.
type Error struct {
	Outcome  Outcome
	Name     string        // the flow's
	Instance string        // the flow's
	Reads    int           // reads after the write
	Elapsed  time.Duration // from the write's answer to the end
	Reason   poll.Reason   // why the last read was not ready; empty if the reads did not end the run
	Seen     string        // what that read showed, or how it differed from what was wanted; at most 200 bytes
	Status   int           // of the last answer; 0 if none is known
	Phase    Phase         // of the call that it answered
	Code     string        // the client's own code of it
	Note     string        // what else there is to know of it, such as that a cache answered
	Body     string        // the beginning of its body, if it is an error's, secrets hidden
	Counted  string        // the tries that were counted, if a refusal proves nothing because of them
	Hint     string        // what was missing, what ended the run, and how to widen it
	Cause    error         // why it ended; nil if Write or Context says it
	Write    error         // of the write; its text hides secrets
	Last     error         // of the last read that was not cut short
	Started  error         // of Flow.Started
	Missing  error         // why the handle has no reference, see Pending.Missing
	Context  error         // context.Cause of the caller's context, if that ended
	History  *poll.History // the reads; never nil
}

// Error says in one line what is known: the name, the outcome, the number of
// reads, the time they took and each reason once. Secrets in URLs and headers
// are hidden.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("readback: ")
	if e.Name != "" {
		b.WriteString(e.Name)
		if e.Instance != "" && !strings.Contains(e.Name, e.Instance) {
			b.WriteString(" (" + e.Instance + ")")
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Outcome.String())
	if e.Reads > 0 {
		reads := "reads"
		if e.Reads == 1 {
			reads = "read"
		}
		fmt.Fprintf(&b, " after %d %s in %v", e.Reads, reads, e.Elapsed.Round(time.Millisecond))
	}
	if e.Reason != "" {
		b.WriteString(", seen last: " + string(e.Reason))
		if e.Seen != "" {
			b.WriteString(" (" + e.Seen + ")")
		}
	}
	said := make(map[string]bool, 4)
	say := func(what string, err error) {
		if err == nil {
			return
		}
		text := redact.Error(err)
		if said[text] {
			return
		}
		said[text] = true
		b.WriteString(what)
		b.WriteString(text)
	}
	say(": ", e.Cause)
	say("; write: ", e.Write)
	if e.Counted != "" {
		b.WriteString("; " + e.Counted)
	}
	say("; last read: ", e.Last)
	say("; context: ", e.Context)
	e.lastAnswer(&b)
	say("; the callback Started: ", e.Started)
	say("; the handle has no reference: ", e.Missing)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return redact.OneLine(b.String())
}

// lastAnswer tells of the last answer.
func (e *Error) lastAnswer(b *strings.Builder) {
	if e.Status != 0 || e.Code != "" {
		b.WriteString("; last status")
		if e.Status != 0 {
			fmt.Fprintf(b, " %d", e.Status)
		}
		if e.Code != "" {
			fmt.Fprintf(b, " %s", e.Code)
		}
		switch e.Phase {
		case PhaseWrite:
			b.WriteString(" to the write")
		case PhaseMonitor:
			b.WriteString(" to a look at the operation")
		}
	}
	if e.Body != "" && !strings.Contains(b.String(), e.Body) {
		b.WriteString(": ")
		b.WriteString(e.Body)
	}
	if e.Note != "" {
		b.WriteString(" (" + e.Note + ")")
	}
}

// Is reports whether target is the sentinel of e's outcome.
func (e *Error) Is(target error) bool {
	switch e.Outcome {
	case Failed:
		return target == ErrFailed
	case Unconfirmed:
		return target == ErrUnconfirmed
	}
	return false
}

// Unwrap returns the reasons: Cause, Write, Last, Started, Missing and Context, as
// far as they are known.
func (e *Error) Unwrap() []error {
	errs := make([]error, 0, 6)
	for _, err := range []error{
		cause.Veil(e.Cause), cause.Veil(e.Write), cause.Veil(e.Last), cause.Veil(e.Started), cause.Veil(e.Missing), e.Context,
	} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// MarshalJSON returns the reasons as a JSON object, each error as its text.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Outcome string  `json:"outcome"`
		Name    string  `json:"name,omitempty"`
		Which   string  `json:"instance,omitempty"`
		Text    string  `json:"error"`
		Reads   int     `json:"reads"`
		Seconds float64 `json:"seconds"`
		Reason  string  `json:"reason,omitempty"`
		Seen    string  `json:"seen,omitempty"`
		Status  int     `json:"status,omitempty"`
		Phase   string  `json:"phase,omitempty"`
		Code    string  `json:"code,omitempty"`
		Note    string  `json:"note,omitempty"`
		Body    string  `json:"body,omitempty"`
		Counted string  `json:"counted,omitempty"`
		Hint    string  `json:"hint,omitempty"`
		Cause   string  `json:"cause,omitempty"`
		Write   string  `json:"write,omitempty"`
		Last    string  `json:"last,omitempty"`
		Started string  `json:"started,omitempty"`
		Missing string  `json:"missing,omitempty"`
		Context string  `json:"context,omitempty"`
	}{
		e.Outcome.String(), e.Name, e.Instance, e.Error(), e.Reads, e.Elapsed.Seconds(),
		string(e.Reason), e.Seen, e.Status, string(e.Phase), e.Code, e.Note, e.Body, e.Counted, e.Hint,
		redact.Error(e.Cause), redact.Error(e.Write), redact.Error(e.Last), redact.Error(e.Started),
		redact.Error(e.Missing), redact.Error(e.Context),
	})
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}
