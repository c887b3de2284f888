package readbackgrpc

import (
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/redact"
)

// noteLimit is how much of the details of a status goes into a note.
const noteLimit = 300

// readDetails puts into a what the details of st add to its code. Details of a
// type that is not known, or that cannot be read, add nothing.
func readDetails(a *consistency.Answer, st *status.Status) {
	if len(st.Proto().GetDetails()) == 0 {
		return
	}
	var notes []string
	for _, detail := range st.Details() {
		switch d := detail.(type) {
		case *errdetails.RetryInfo:
			a.RetryAfter = max(a.RetryAfter, d.GetRetryDelay().AsDuration())
		case *errdetails.ErrorInfo:
			notes = append(notes, join(" of ", d.GetReason(), d.GetDomain()))
		case *errdetails.BadRequest:
			for _, fault := range d.GetFieldViolations() {
				notes = append(notes, join(": ", fault.GetField(), fault.GetDescription()))
			}
		}
	}
	if len(notes) > 0 {
		a.Note = redact.Snippet([]byte(strings.Join(notes, "; ")), noteLimit)
	}
}

// join joins what there is of two texts.
func join(with, a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + with + b
}
