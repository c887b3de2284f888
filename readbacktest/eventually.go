package readbacktest

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// Eventually reads until check accepts the value, and returns that value. If the time of the
// policy ends first, or an answer says that no later read can be good, the test ends at
// once. The failure shows the complaints of the last check and the timeline of the reads.
//
// The check reports complaints to its C, which works as a test for testify:
//
//	ws := readbacktest.Eventually(t, policy, read, func(t *readbacktest.C, ws *Workspace) {
//		require.NotNil(t, ws.Plan)
//		assert.Equal(t, "active", ws.Status)
//	})
//
// A complaint to the C only means that the value must be read again. If the C is named t, as
// here, the check cannot use the test's own t by mistake. With another name, the check may
// use the test's t too: a failed require on that ends the test at once.
//
// Reads are judged as by [consistency.Await]: a 404 and a nil pointer are pending, a 503 and
// an error without a status say nothing, and a 401 ends the wait. All other good answers go
// to the check, also an empty list. A nil check accepts any value that is there. Policy.Settle
// asks for several good reads in a row.
//
// Read and check run on the calling goroutine, and no other is started. Each read gets a
// context that ends with its timeout and with the time of the policy, and must obey it. In a
// [testing/synctest] bubble the waits take no real time.
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

// Never reads until the time of the policy ends, and passes if check accepted no value. At
// the first value that check accepts, the test ends at once, and the failure shows the
// timeline of the reads. Never takes as long as Policy.Within: keep that short.
//
// It works as [Eventually], with these differences: one accepted read is enough to fail,
// whatever Policy.Settle says; only a 403 has a window; and the test also fails if the wait
// could not have seen the value: if no read showed whether it is there, if an answer said
// that no later read can be good, or if the context ended before the policy's time.
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
		r.fail(t, fmt.Sprintf("never: none of %d reads showed whether the value is there", r.err.Reads))
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

// ask calls a check with a value, reports its complaints, and returns whether it accepts.
func ask[R any](r *report, check func(*C, R), value R) bool {
	c := new(C)
	c.run(func() { check(c, value) })
	said, good := c.complaints()
	r.check(said)
	return good
}

// isNil reports whether value is a nil pointer or interface: nothing is there to check.
func isNil[R any](value R) bool {
	v := reflect.ValueOf(&value).Elem()
	return (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil()
}
