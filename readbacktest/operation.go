package readbacktest

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Operation makes a write an asynchronous operation. The write is answered with 202 and the
// path of a status monitor: /operations/1 for the first one. The monitor answers 200 and a
// JSON object. Its member status is running, then succeeded or failed; after success, the
// member resource is the path of the written thing. The monitor itself does not lag.
//
// Unless Rule.Execute says otherwise, the write is executed when the operation ends, and not
// at all if it fails. Reads show it after its lag, which may be long after the monitor says
// succeeded. If the write is refused when it is executed, the operation fails.
type Operation struct {
	// Takes is how long the operation takes, measured from the request.
	Takes time.Duration

	// Fails makes the operation fail.
	Fails bool

	// Header is the header that names the monitor. Empty means Operation-Location.
	// Unless it is Location, the header Location names the thing to be written.
	Header string

	// SeeOther makes the monitor of a succeeded operation answer 303, with the path of
	// the written thing as its Location.
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

// operation is an Operation that has begun.
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
