package submit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/readback-go/readback/internal/exact"
)

// read decodes a payload of some version. Errors match ErrUnreadable.
func (o *settings) read(data []byte, version int) (payload any, err error) {
	switch {
	case len(data) == 0:
		return payload, fmt.Errorf("%w: there is no payload", ErrUnreadable)
	case version > o.JobVersion:
		return payload, fmt.Errorf("%w: its payload is of version %d, newer than %d", ErrUnreadable, version, o.JobVersion)
	case version < o.JobVersion && o.Lift != nil:
		payload, err = safely("Options.Lift", func() (any, error) { return o.Lift(version, data) })
	default:
		payload, err = safely("UnmarshalJSON", func() (any, error) { return o.decode(data) })
	}
	if err != nil {
		return payload, fmt.Errorf("%w: its payload: %w", ErrUnreadable, err)
	}
	return payload, nil
}

// readStored is read for a payload that another program may have stored. If today's type has
// no place for a part of it, and has what the payload lacks, some field is likely to have
// another name now: a job that was read without it would be another one.
func (o *settings) readStored(data []byte, version int) (payload any, err error) {
	if payload, err = o.read(data, version); err != nil || version < o.JobVersion && o.Lift != nil {
		return payload, err
	}
	today, err := safely("MarshalJSON", func() ([]byte, error) { return json.Marshal(payload) })
	if err == nil && exact.HasOther(data, today) && exact.HasOther(today, data) {
		err = errors.New("today's type has no place for a part of it, and has fields that it lacks; set JobVersion, and Lift, which says what became of them")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: its payload: %w", ErrUnreadable, err)
	}
	return payload, nil
}

var errPanicked = errors.New("submit: it panicked")

// safely calls a function of the program, on the caller's goroutine, and returns a panic
// as an error.
func safely[T any](name string, f func() (T, error)) (got T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w in %s: %v\n%s", errPanicked, name, p, truncate(string(debug.Stack()), maxStack))
		}
	}()
	return f()
}

// matches returns nil if a payload is that of this call, and otherwise the error that the
// call is to return.
func (in *call) matches(ctx context.Context, data []byte, version int) error {
	if version == in.s.options.JobVersion && bytes.Equal(data, in.data) {
		return nil
	}
	first, err := in.s.options.read(data, version)
	if err != nil {
		return waiting(ctx, in.name(), err)
	}
	same := false
	if f := in.s.options.Same; f != nil {
		again, _ := in.s.options.decode(in.data) // encodeJob has tried it
		same, err = safely("Options.Same", func() (bool, error) { return f(first, again), nil })
		if err != nil {
			return waiting(ctx, in.name(), err)
		}
	} else {
		today, err := safely("MarshalJSON", func() ([]byte, error) { return json.Marshal(first) })
		if err != nil {
			return waiting(ctx, in.name(), fmt.Errorf("%w: %w", ErrUnreadable, err))
		}
		same = bytes.Equal(today, in.data)
		lifted := version < in.s.options.JobVersion && in.s.options.Lift != nil
		if !same && !lifted && !exact.Within(data, today) {
			// Today's type has no place for all of it: it may be the same job all the same.
			return waiting(ctx, in.name(), ErrKeyReused)
		}
	}
	if !same {
		if in.joined || in.before { // its job may have been sent, and forgotten since
			return waiting(ctx, in.name(), ErrKeyReused)
		}
		return refusal(ctx, in.name(), ErrKeyReused)
	}
	return nil
}

// matchesRecord is matches for the payload of a record, or for its fingerprint if the
// payload is not kept.
func (in *call) matchesRecord(ctx context.Context, rec *jobRecord) error {
	if data, version := rec.payload(); len(data) > 0 {
		return in.matches(ctx, data, version)
	}
	if !bytes.Equal(rec.Print, in.print) {
		// It may be the same job, of a type that has changed since.
		return waiting(ctx, in.name(), ErrKeyReused)
	}
	return nil
}
