package readbacktest

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// Eventually reads until check has nothing against the value, and returns that
// value. If the time of the policy ends before, or an answer says that no later
// read can be good, the test ends at once, with what the last check said and the
// timeline of the reads.
//
// The check says what it has against a value to its C, which testify takes for
// a test:
//
//	ws := readbacktest.Eventually(t, policy, read, func(t *readbacktest.C, ws *Workspace) {
//		require.NotNil(t, ws.Plan)
//		assert.Equal(t, "active", ws.Status)
//	})
//
// What is said to the C only makes the value one to read again. Naming it t, as
// here, keeps the test's own t out of the check; that one may be used all the
// same, in the check and in read: a failed require on it ends the test at once.
//
// Reads are judged as by [consistency.Await]: a 404 and a nil pointer are not
// there yet, a 503 and an error without a status say nothing, a 401 ends the
// wait, and of all good answers the check is asked, an empty list included. A nil
// check accepts whatever is there. Policy.Settle asks for several good reads in a
// row.
//
// Read and check run on the calling goroutine, which nothing outlives. Each read
// gets a context that ends with its timeout and with the time of the policy, and
// must heed it. In a [testing/synctest] bubble the waits take no time at all.
func Eventually[R any](t TestingT, p consistency.Policy, read func(context.Context) (R, error), check func(c *C, value R)) R {
	if h, ok := t.(helper); ok {
		h.Helper()
	}
	value, r := await(t, p, "eventually", read, check)
	if r.err != nil {
		r.fail(t, fmt.Sprintf("eventually: not within %s and %d reads", short(r.err.Elapsed), r.err.Reads))
	}
	return value
}

// Never reads until the time of the policy ends. The test ends at once, with the
// timeline of the reads, at the first read of whose value check has nothing to
// complain: what never was to be seen is there.
//
// All else is as with [Eventually], but that one read is enough whatever
// Policy.Settle says, that only a 403 has a window, and that a wait that could not
// have seen anything fails too: if no read said whether the value is there, if
// one said that no later one will, or if the context ended before the policy's
// time. So let Policy.Within be short: Never always takes that long.
func Never[R any](t TestingT, p consistency.Policy, read func(context.Context) (R, error), check func(c *C, value R)) {
	if h, ok := t.(helper); ok {
		h.Helper()
	}
	p.Settle = 1
	p.Windows = consistency.Windows{Forbidden: p.Windows.Forbidden}
	_, r := await(t, p, "never", read, check)
	switch {
	case r.err == nil:
		r.fail(t, fmt.Sprintf("never: seen by read %d", r.timeline.reads))
	case !errors.Is(r.err.Cause, poll.ErrDeadline):
		r.fail(t, fmt.Sprintf("never: the wait ended early, after %s", short(r.err.Elapsed)))
	case !r.timeline.told:
		r.fail(t, fmt.Sprintf("never: none of %d reads said anything", r.err.Reads))
	}
}

// await reads until check accepts a value, and reports the reads.
func await[R any](t TestingT, p consistency.Policy, name string, read func(context.Context) (R, error), check func(*C, R)) (R, *report) {
	r := &report{name: name}
	r.timeline.watch(&p)
	var value R
	var err error
	if check == nil || read == nil {
		value, err = consistency.Await(contextOf(t), p, name, read, nil)
	} else {
		value, err = consistency.Await(contextOf(t), p, name, read, func(value R) bool { return !isNil(value) && ask(r, check, value) })
	}
	errors.As(err, &r.err)
	return value, r
}

// ask asks a check of a value, and reports what it says.
func ask[R any](r *report, check func(*C, R), value R) bool {
	c := new(C)
	c.run(func() { check(c, value) })
	said, good := c.complaints()
	r.check(said)
	return good
}

// isNil reports whether value is a nil pointer or interface, of which no check is
// asked: nothing is there.
func isNil[R any](value R) bool {
	v := reflect.ValueOf(&value).Elem()
	return (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil()
}
