// Package exit gives errors the exit status of the process.
package exit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// The exit statuses. A command that ran another one ends with that one's.
const (
	Confirmed   = 0
	Failed      = 1   // there is proof that nothing was carried out
	Usage       = 2   // the command line, or a file that it names, is wrong: nothing was sent
	ReadRefused = 3   // unconfirmed, since a read was refused: waiting does not change that
	Output      = 74  // the outcome stands, but the result could not be written
	Unconfirmed = 124 // neither could be shown in time
	Interrupted = 130
)

// Error is an error with an exit status. Its text is Err's; without an Err, all
// was said already.
type Error struct {
	Status int
	Err    error
}

// Error returns the text of e.Err.
func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit status %d", e.Status)
	}
	return e.Err.Error()
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// With returns err with a status, and nil if err is nil.
func With(status int, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Status: status, Err: err}
}

// Usagef returns an error in the use of the command.
func Usagef(format string, args ...any) error {
	return &Error{Status: Usage, Err: fmt.Errorf(format, args...)}
}

// Quiet returns an error that says nothing, since all was said, and nil for the
// status 0.
func Quiet(status int) error {
	if status == 0 {
		return nil
	}
	return &Error{Status: status}
}

// Signal is the cause of a context that a signal ended.
type Signal struct{ os.Signal }

// Error names the signal.
func (s Signal) Error() string { return "received " + s.String() }

// Status returns 128 and the number of the signal, as a shell does.
func (s Signal) Status() int {
	if n, ok := s.Signal.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return Interrupted
}

// Signalled returns the signal that ended ctx, and whether one did.
func Signalled(ctx context.Context) (Signal, bool) {
	var s Signal
	ok := errors.As(context.Cause(ctx), &s)
	return s, ok
}

// StatusOf returns the status of err: 0 for nil, that of the outermost [Error],
// and otherwise else.
func StatusOf(err error, otherwise int) int {
	var e *Error
	switch {
	case err == nil:
		return Confirmed
	case errors.As(err, &e):
		return e.Status
	}
	return otherwise
}
