package readbacktest

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Operation makes a write one that goes on after it was answered, with 202: the
// answer names a status monitor, /operations/1 for the first one. That answers
// 200 and a JSON object with the member status: running, then succeeded, with
// the path of what was written in the member resource, or failed. It lags behind
// nothing.
//
// Unless Rule.Execute says otherwise the write is executed when the operation
// ends, and not at all if that fails. Reads show it after its lag: that the
// monitor says succeeded proves nothing to them. A write that is refused when its
// time has come makes the operation fail.
type Operation struct {
	// Takes is how long it takes, from the request on.
	Takes time.Duration

	// Fails makes it end failed.
	Fails bool

	// Header names the monitor. Empty means Operation-Location. If it is
	// another than Location, that names what is to be written.
	Header string

	// SeeOther makes the monitor of an operation that succeeded answer 303,
	// with what was written as its Location.
	SeeOther bool
}

func (o *Operation) check(r *Rule) error {
	switch {
	case o.Takes < 0 || o.Takes > longestDraw:
		return fmt.Errorf("has an operation that takes %v", o.Takes)
	case o.Header != http.CanonicalHeaderKey(o.Header):
		return fmt.Errorf("has an operation with the header %q, which is spelled %q", o.Header, http.CanonicalHeaderKey(o.Header))
	case r.Status >= 300:
		return errors.New("has an operation and a status that says that there is none")
	}
	return nil
}

// operation is one that was begun.
type operation struct {
	Operation
	path     string
	resource string
	ends     time.Duration
	refused  bool
}

const operations = "operations"

func newOperation(o *Operation, n int, resource string, now time.Duration) *operation {
	op := &operation{Operation: *o, path: "/" + operations + "/" + strconv.Itoa(n), resource: resource, ends: now + o.Takes}
	if op.Header == "" {
		op.Header = "Operation-Location"
	}
	return op
}

// times is when the write of an operation is executed.
func (o *Operation) times() []time.Duration {
	if o.Fails {
		return nil
	}
	return []time.Duration{o.Takes}
}

// accepted answers the write.
func (op *operation) accepted() *reply {
	r := object(http.StatusAccepted, map[string]any{"status": "running"})
	if op.resource != "" {
		r.header.Set("Location", op.resource)
	}
	r.header.Set(op.Header, op.path)
	return r
}

// monitor answers a read of the monitor.
func (op *operation) monitor(now time.Duration) *reply {
	switch {
	case now < op.ends:
		return object(http.StatusOK, map[string]any{"status": "running"})
	case op.Fails || op.refused:
		return object(http.StatusOK, map[string]any{"status": "failed"})
	case op.SeeOther:
		r := object(http.StatusSeeOther, map[string]any{"status": "succeeded"})
		r.header.Set("Location", op.resource)
		return r
	}
	return object(http.StatusOK, map[string]any{"status": "succeeded", "resource": op.resource})
}
