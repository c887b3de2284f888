package submit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
)

// read decodes a payload of some version. Errors match ErrUnreadable.
func (o *Options[J, W, R]) read(data []byte, version int) (payload J, err error) {
	switch {
	case len(data) == 0:
		return payload, fmt.Errorf("%w: there is no payload", ErrUnreadable)
	case version > o.JobVersion:
		return payload, fmt.Errorf("%w: its payload is of version %d, newer than %d", ErrUnreadable, version, o.JobVersion)
	case version < o.JobVersion && o.Lift != nil:
		payload, err = safely("Options.Lift", func() (J, error) { return o.Lift(version, data) })
	default:
		payload, err = safely("UnmarshalJSON", func() (J, error) {
			var read J
			err := json.Unmarshal(data, &read)
			return read, err
		})
	}
	if err != nil {
		return payload, fmt.Errorf("%w: its payload: %w", ErrUnreadable, err)
	}
	return payload, nil
}

// readStored is read for a payload that another program may have stored. If today's type has
// no place for a part of it, and has what the payload lacks, some field is likely to have
// another name now: a job that was read without it would be another one.
func (o *Options[J, W, R]) readStored(data []byte, version int) (payload J, err error) {
	if payload, err = o.read(data, version); err != nil || version < o.JobVersion && o.Lift != nil {
		return payload, err
	}
	today, err := safely("MarshalJSON", func() ([]byte, error) { return json.Marshal(payload) })
	if err == nil && hasOther(data, today) && hasOther(today, data) {
		err = errors.New("today's type has no place for a part of it, and has fields that it lacks; set JobVersion, and Lift, which says what became of them")
	}
	if err != nil {
		var none J
		return none, fmt.Errorf("%w: its payload: %w", ErrUnreadable, err)
	}
	return payload, nil
}

// hasOther reports whether one JSON document has members that another one lacks, whatever
// their values are.
func hasOther(one, than []byte) bool {
	var a, b any
	if json.Unmarshal(one, &a) != nil || json.Unmarshal(than, &b) != nil {
		return false
	}
	return otherMembers(a, b)
}

func otherMembers(one, than any) bool {
	switch one := one.(type) {
	case map[string]any:
		than, object := than.(map[string]any)
		for name, value := range one {
			if other, there := member(than, name); object && (!there || otherMembers(value, other)) {
				return true
			}
		}
	case []any:
		than, _ := than.([]any)
		for i := range min(len(one), len(than)) {
			if otherMembers(one[i], than[i]) {
				return true
			}
		}
	}
	return false
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
func (in *call[J, W, R]) matches(ctx context.Context, data []byte, version int) error {
	if version == in.s.options.JobVersion && bytes.Equal(data, in.data) {
		return nil
	}
	first, err := in.s.options.read(data, version)
	if err != nil {
		return waiting(ctx, in.name(), err)
	}
	same := false
	if f := in.s.options.Same; f != nil {
		var again J
		_ = json.Unmarshal(in.data, &again) // encodeJob has tried it
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
		if !same && !lifted && !within(data, today) {
			// Today's type has no place for all of it: it may be the same job all the same.
			return waiting(ctx, in.name(), ErrKeyReused)
		}
	}
	if !same {
		return refusal(ctx, in.name(), ErrKeyReused)
	}
	return nil
}

// within reports whether all that a JSON document says is also said by another one,
// which may say more.
func within(part, whole []byte) bool {
	var values [2]any
	for i, data := range [...][]byte{part, whole} {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		if decoder.Decode(&values[i]) != nil {
			return false
		}
	}
	return covers(values[1], values[0])
}

func covers(whole, part any) bool {
	switch part := part.(type) {
	case map[string]any:
		whole, _ := whole.(map[string]any)
		for name, value := range part {
			if other, there := member(whole, name); !there || !covers(other, value) {
				return false
			}
		}
		return true
	case []any:
		whole, _ := whole.([]any)
		return slices.EqualFunc(whole, part, covers)
	}
	return whole == part
}

// member finds a member of an object as package json finds a field: upper and lower case are
// the same where there is no better.
func member(of map[string]any, name string) (value any, there bool) {
	if value, there = of[name]; there {
		return value, true
	}
	for other, value := range of {
		if strings.EqualFold(other, name) {
			return value, true
		}
	}
	return nil, false
}

// matchesRecord is matches for the payload of a record, or for its fingerprint if the
// payload is not kept.
func (in *call[J, W, R]) matchesRecord(ctx context.Context, rec *jobRecord) error {
	if data, version := rec.payload(); len(data) > 0 {
		return in.matches(ctx, data, version)
	}
	if !bytes.Equal(rec.Print, in.print) {
		// It may be the same job, of a type that has changed since.
		return waiting(ctx, in.name(), ErrKeyReused)
	}
	return nil
}
