package consistency

import (
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

	// ErrNoFind is the cause of an ambiguous write that nothing can be read
	// back of: its answer was lost, and the flow has no Find.
	ErrNoFind = errors.New("the write's answer was lost and the flow has no Find")

	// ErrNotProvablyMine is in the error of an ambiguous write of which Find
	// did not show exactly one candidate that is proven: none, several, or one
	// without proof; also of an update that has a Behind and no Match.
	ErrNotProvablyMine = errors.New("no candidate is provably this write's")

	// ErrOperation is returned, wrapped, by a Monitor whose operation ended
	// failed or cancelled: the write was not carried out as asked, but parts of
	// it may exist.
	ErrOperation = errors.New("the operation did not succeed")
)

// Error reports an outcome that is not Confirmed, with every reason that is
// known. [errors.Is] matches it with [ErrFailed] or [ErrUnconfirmed] by its
// outcome; then [errors.Is] and [errors.As] look through Cause, Write, Last and
// Context, in this order.
//
// Only Context makes it match context.Canceled or context.DeadlineExceeded: the
// timeout of a single read or of the write does not.
type Error struct {
	Outcome Outcome
	Name    string        // the flow's
	Reads   int           // reads after the write
	Elapsed time.Duration // from the write's answer to the end
	Status  int           // of the last answer; 0 if none is known
	Body    string        // the beginning of the last error's body, secrets hidden
	Cause   error         // why it ended; nil if Write or Context says it
	Write   error         // of the write; its text hides secrets
	Last    error         // of the last read that was not cut short
	Context error         // context.Cause of the caller's context, if that ended
	History *poll.History // the reads; never nil
}

// Error says in one line what is known: the name, the outcome, the number of
// reads, the time they took and each reason once. Secrets in URLs and headers
// are hidden.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("readback: ")
	if e.Name != "" {
		b.WriteString(e.Name)
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
	say("; last read: ", e.Last)
	say("; context: ", e.Context)
	if e.Status != 0 {
		fmt.Fprintf(&b, "; last status %d", e.Status)
	}
	if e.Body != "" && !strings.Contains(b.String(), e.Body) {
		b.WriteString(": ")
		b.WriteString(e.Body)
	}
	return strings.Join(strings.Fields(b.String()), " ")
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

// Unwrap returns the reasons: Cause, Write, Last and Context, as far as they
// are known.
func (e *Error) Unwrap() []error {
	errs := make([]error, 0, 4)
	for _, err := range []error{cause.Veil(e.Cause), cause.Veil(e.Write), cause.Veil(e.Last), e.Context} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}
