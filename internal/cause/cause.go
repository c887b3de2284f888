// Package cause separates two kinds of errors of contexts: those of the caller's context,
// which end a run, and those of a read, which do not.
package cause

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

// Veil returns an error with the text of err. errors.Is and errors.As find what they find
// in err, except for context.Canceled and context.DeadlineExceeded. Veil of nil is nil.
//
// A read that fails by a timeout of its own, such as http.Client.Timeout,
// matches context.DeadlineExceeded. In a result that must mean one thing: the
// caller's context ended.
func Veil(err error) error {
	if err == nil {
		return nil
	}
	return veiled{err}
}

// veiled has no Unwrap, which would show what Is hides.
type veiled struct{ error }

func (v veiled) Is(target error) bool {
	if target == context.DeadlineExceeded || target == context.Canceled {
		return false
	}
	return Is(v.error, target)
}

func (v veiled) As(target any) bool { return guarded(v).As(target) }

// Is is [errors.Is] for errors of unknown types: if a comparison or a method panics, errors
// are the same if they are deeply equal.
func Is(err, target error) (is bool) {
	defer func() {
		if recover() != nil {
			is = reflect.DeepEqual(err, target)
		}
	}()
	return errors.Is(err, target)
}

// As is [errors.As] for errors of unknown types: it finds nothing if a method panics.
func As[T any](err error) (found T, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	ok = errors.As(err, &found)
	return found, ok
}

// Ended is the error of a run that ended with its caller's context. It matches
// the context's error and its cause.
type Ended struct {
	Err   error // context.Canceled or context.DeadlineExceeded
	Cause error // context.Cause
}

// Of returns why ctx ended. Ctx must have ended.
func Of(ctx context.Context) *Ended {
	return &Ended{Err: ctx.Err(), Cause: context.Cause(ctx)}
}

// Error returns the text of the cause, and that of the context's error if it differs.
func (e *Ended) Error() string {
	if e.Cause == e.Err {
		return e.Err.Error()
	}
	return fmt.Sprintf("%v (%v)", e.Cause, e.Err)
}

// Unwrap returns the context's error and the cause, in a form in which errors.Is and
// errors.As never panic.
func (e *Ended) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Err}
	}
	return []error{guarded{e.Cause}, e.Err}
}

// guarded has no Unwrap, which would show an error whose methods may panic.
type guarded struct{ error }

func (g guarded) Is(target error) bool { return Is(g.error, target) }

func (g guarded) As(target any) (found bool) {
	defer func() {
		if recover() != nil {
			found = false
		}
	}()
	return errors.As(g.error, target)
}
