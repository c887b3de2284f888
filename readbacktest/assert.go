package readbacktest

import (
	"context"
	"errors"

	"github.com/readback-go/readback/consistency"
)

// TestingT is what an assertion needs of a test. [*testing.T], testify's TestingT and a [C]
// implement it. FailNow must not return.
//
// Two more methods are used if the value has them. With Helper(), the failure shows the line
// of the call. Context() context.Context returns the context of the flow: to set one, wrap
// the test and replace this method. If that context was cancelled before, it is used without
// its cancellation: so is the context of a test in its cleanups, and their deletions must be
// confirmed too. Without the method, only the policy ends the flow.
type TestingT interface {
	Errorf(format string, args ...any)
	FailNow()
}

// Confirm runs f by [consistency.Do] and returns the value that the reads showed. If the
// outcome is not Confirmed, the test ends at once. The failure shows the reasons and a
// timeline: the write and each read, with its time, status and meaning.
//
// It runs on the calling goroutine, starts no other, and takes no longer than the policy
// allows, if the write obeys its context. In a [testing/synctest] bubble the waits take no
// real time.
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

// Unconfirmed runs f by [consistency.Do] and returns its result and error, so that the test
// can check the handle or the cause. If the outcome is not Unconfirmed, the test ends at
// once, as with [Confirm].
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

// Failed runs f by [consistency.Do] and returns its result and error. If the outcome is not
// Failed, the test ends at once, as with [Confirm]. It also ends if the flow or the policy
// is invalid, since then nothing was sent.
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

// contextOf returns the context of t, see TestingT.
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
