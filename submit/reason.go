package submit

import (
	"errors"
	"net/http"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// reasonOf returns in a few words why an outcome is not Confirmed: one of the reasons that
// Stats.Reasons names.
func reasonOf(err error) string {
	var why *consistency.Error
	if !errors.As(err, &why) {
		return ""
	}
	for _, known := range [...]struct {
		err  error
		word string
	}{
		{ErrGaveUp, "gave up"},
		{ErrCancelled, "cancelled"},
		{ErrTooLarge, "too large"},
		{consistency.ErrInvalid, "invalid"},
		{consistency.ErrOperation, "operation failed"},
		{consistency.ErrNoFind, "no find"},
		{consistency.ErrNotProvablyMine, "not provably mine"},
		{poll.ErrDeadline, "not seen in time"},
		{poll.ErrWindow, "not seen in time"},
	} {
		if errors.Is(why.Cause, known.err) {
			return known.word
		}
	}
	switch {
	case why.Outcome == consistency.Failed && why.Status == http.StatusTooManyRequests:
		return "rate limited"
	case why.Outcome == consistency.Failed:
		return "refused"
	case why.Cause != nil:
		return "stopped"
	}
	return "unknown"
}
