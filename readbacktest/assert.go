package readbacktest

import (
	"context"
	"errors"

	"github.com/readback-go/readback/consistency"
)

// TestingT is what an assertion needs of a test. [*testing.T] has it, as do
// testify's TestingT and a [C]. As in these, FailNow does not return.
//
// Two more methods are used where there are any. Helper() lets the failure show
// the line of the call. Context() context.Context gives the context: to set one,
// wrap the test and replace this method. One that was cancelled already is used
// without its end, since that is how a test's context looks in its cleanups, and
// what these delete is to be confirmed too. Without the method there is no end
// but that of the policy.
type TestingT interface {
	Errorf(format string, args ...any)
	FailNow()
}

// Confirm runs f as [consistency.Do] does and returns the value that the reads
// showed. If the outcome is not Confirmed, the test ends at once, with the
// reasons and the timeline of the flow: the write and each read with its time,
// its status and what it said.
//
// It runs on the calling goroutine, starts none, and takes no longer than the
// policy allows; a write must heed its context, or t's, to be bounded. In a
// [testing/synctest] bubble the waits take no time at all.
func Confirm[W, R any](t TestingT, p consistency.Policy, f consistency.Flow[W, R]) R {
	if h, ok := t.(helper); ok {
		h.Helper()
	}
	res, report := run(t, p, f)
	if res.Outcome != consistency.Confirmed {
		report.fail(t, report.mismatch(consistency.Confirmed))
	}
	return res.Value
}

// Unconfirmed runs f as [consistency.Do] does and returns what is known of it,
// which the test may check further: that the handle is there, say, or what the
// cause is. If the outcome is not Unconfirmed, the test ends at once, as with
// [Confirm].
func Unconfirmed[W, R any](t TestingT, p consistency.Policy, f consistency.Flow[W, R]) (consistency.Result[W, R], *consistency.Error) {
	if h, ok := t.(helper); ok {
		h.Helper()
	}
	res, report := run(t, p, f)
	if res.Outcome != consistency.Unconfirmed {
		report.fail(t, report.mismatch(consistency.Unconfirmed))
	}
	return res, report.err
}

// Failed runs f as [consistency.Do] does and returns what is known of it. If the
// outcome is not Failed, the test ends at once, as with [Confirm]; and also if
// the flow or the policy was invalid, since then nothing was sent that could
// have failed.
func Failed[W, R any](t TestingT, p consistency.Policy, f consistency.Flow[W, R]) (consistency.Result[W, R], *consistency.Error) {
	if h, ok := t.(helper); ok {
		h.Helper()
	}
	res, report := run(t, p, f)
	if res.Outcome != consistency.Failed || errors.Is(report.err, consistency.ErrInvalid) {
		report.fail(t, report.mismatch(consistency.Failed))
	}
	return res, report.err
}

type helper interface{ Helper() }

// run runs a flow and reports it.
func run[W, R any](t TestingT, p consistency.Policy, f consistency.Flow[W, R]) (consistency.Result[W, R], *report) {
	r := &report{name: f.Name}
	r.timeline.watch(&p)
	res, err := consistency.Do(contextOf(t), p, f)
	errors.As(err, &r.err)
	return res, r
}

// contextOf returns the context that t gives.
func contextOf(t TestingT) context.Context {
	has, ok := t.(interface{ Context() context.Context })
	if !ok {
		return context.Background()
	}
	ctx := has.Context()
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.WithoutCancel(ctx)
	}
	return ctx
}
