package consistency

import (
	"errors"
	"fmt"

	"github.com/readback-go/readback/poll"
)

// Class is what the answer to a write proves. Its zero value is invalid.
type Class uint8

const (
	Applied     Class = iota + 1 // carried out: read back
	Accepted                     // will be carried out, or not: follow the monitor, then read back
	NotExecuted                  // never reached the service, or was redirected unexecuted, as by a 307
	Refused                      // answered with a no
	Ambiguous                    // proves neither: it may have been carried out, or may be later
)

// String returns the class in lower case.
func (c Class) String() string {
	switch c {
	case Applied:
		return "applied"
	case Accepted:
		return "accepted"
	case NotExecuted:
		return "not executed"
	case Refused:
		return "refused"
	case Ambiguous:
		return "ambiguous"
	}
	return "invalid class"
}

// As returns err with a class that goes before every rule: for a client whose
// errors say more than a status does. It keeps err's text and chain. As of a nil
// error is nil.
//
// A read may use it too: Refused ends the run, which is then Unconfirmed with
// err as its cause, and any other class makes the read unknown.
func As(class Class, err error) error {
	if err == nil {
		return nil
	}
	return &classed{class: class, err: err}
}

type classed struct {
	class Class
	err   error
}

func (c *classed) Error() string { return c.err.Error() }
func (c *classed) Unwrap() error { return c.err }

// said returns the class that err itself states: the caller's word by As, or the
// outcome of a flow or poll inside the call. The status of such an inner one's
// reads must not be taken for the call's own, nor that in the error of a read
// that was cut short.
func said(err error) (class Class, word, ok bool) {
	for err != nil {
		switch e := err.(type) {
		case *classed:
			return e.class, true, true
		case *Error:
			if e.Outcome == Failed {
				return Refused, false, true
			}
			return Ambiguous, false, true
		case *poll.NotReadyError:
			return Ambiguous, false, true
		case interface{ Unwrap() []error }:
			// Several reasons: one that says ambiguous outweighs the rest.
			for _, inner := range e.Unwrap() {
				if c, w, found := said(inner); found && (!ok || c == Ambiguous) {
					class, word, ok = c, w, true
				}
			}
			return class, word, ok
		}
		if err == poll.ErrReadTimeout {
			return Ambiguous, false, true
		}
		err = errors.Unwrap(err)
	}
	return 0, false, false
}

// statusError stands for an answer whose error was nil but whose status was not
// a success, as generated clients return it.
type statusError int

func (s statusError) Error() string   { return fmt.Sprintf("answered with status %d", int(s)) }
func (s statusError) StatusCode() int { return int(s) }
