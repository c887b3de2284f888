package poll

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/readback-go/readback/internal/cause"
)

var (
	// ErrNotReady matches every [*NotReadyError].
	ErrNotReady = errors.New("poll: not ready")

	// ErrDeadline is the cause of a poll that ended at its own deadline, not at the
	// deadline of its context.
	ErrDeadline = errors.New("the deadline of the poll passed")

	// ErrWindow is the cause of a poll that ended because one reason lasted longer
	// than its window, see Judgement.Until.
	ErrWindow = errors.New("the window of the reason passed")

	// ErrReadTimeout is in the error of a read that took longer than
	// Options.ReadTimeout.
	ErrReadTimeout error = timedOut{}
)

// timedOut is what the errors of net say of a timeout, so that a client which returns the cause
// of its context is understood as one that returns the context's error.
type timedOut struct{}

func (timedOut) Error() string { return "read timed out" }
func (timedOut) Timeout() bool { return true }

// errStopped is the cause of a Stop without a cause or an error.
var errStopped = errors.New("the judge said stop")

// errCut is in the error of a read that was cut short to let the closing reads
// begin in time, or by the deadline.
var errCut = errors.New(cutShort)

const cutShort = "read cut short"

// NotReadyError is the error of a poll that ended before the value was ready. [errors.Is]
// and [errors.As] find Cause and Last, in this order, and [errors.Is] matches
// [ErrNotReady]. It matches context.DeadlineExceeded or context.Canceled only because of
// the caller's context, never because of the timeout of a read.
type NotReadyError struct {
	Reads   int           // calls of read, including those of an earlier run in the history
	Elapsed time.Duration // from the beginning of the run to its end
	Cause   error         // why the poll ended: context.Cause, ErrDeadline, ErrWindow or the cause of a judge
	Last    error         // error of the last read that was not cut short; of the first one if all were
	History *History      // the reads; never nil
}

// Error says in one line how many reads there were, why the poll ended and how
// the last read failed.
func (e *NotReadyError) Error() string {
	var b strings.Builder
	reads := "reads"
	if e.Reads == 1 {
		reads = "read"
	}
	fmt.Fprintf(&b, "poll: not ready after %d %s in %v: %v", e.Reads, reads, e.Elapsed.Round(time.Millisecond), e.Cause)
	if e.Last != nil && !cause.Is(e.Cause, e.Last) {
		fmt.Fprintf(&b, "; last read: %v", e.Last)
	}
	return b.String()
}

// Is reports whether target is ErrNotReady.
func (e *NotReadyError) Is(target error) bool { return target == ErrNotReady }

// Unwrap returns Cause and Last.
func (e *NotReadyError) Unwrap() []error {
	errs := make([]error, 0, 2)
	switch why := e.Cause.(type) {
	case nil:
	case *cause.Ended:
		errs = append(errs, why)
	default:
		errs = append(errs, cause.Veil(why))
	}
	if e.Last != nil {
		errs = append(errs, cause.Veil(e.Last))
	}
	return errs
}

// cutError is the error of a read whose own context ended.
type cutError struct {
	why   error // ErrReadTimeout or errCut
	after time.Duration
	err   error // as the read returned it
}

func (e *cutError) Error() string {
	return fmt.Sprintf("%v after %v: %v", e.why, e.after.Round(time.Millisecond), e.err)
}

func (e *cutError) Unwrap() []error { return []error{e.why, cause.Veil(e.err)} }
