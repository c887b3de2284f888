package consistency

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/readback-go/readback/internal/cause"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/internal/wire"
	"github.com/readback-go/readback/poll"
)

// noStatus is what there is to say of a creation that is read as an interface.
const noStatus = "the read returns an interface and no status is known, so a 404 may look like a value: " +
	"use readbackhttp.Watch in the client, set Policy.Answer, return a value with a StatusCode method, or set a Match"

// brokeOff is what there is to say of a write whose answer cannot be judged by its status.
const brokeOff = "the body of the write's answer broke off, and a rule asks for it"

// opaque returns what to do about the error of a call in which no status was found;
// empty if the answer was lost, since then there is none.
func opaque(call string, err error) (hint string) {
	const text = "no status was found in the error of the %s, of type %T: use readbackhttp.Watch in the client, set Policy.Answer, or return consistency.Status(err, code)"
	defer func() {
		if recover() != nil { // a method of the caller's error
			hint = fmt.Sprintf(text, call, err)
		}
	}()
	if err == nil || wire.Tells(err) {
		return ""
	}
	inner := err
	for {
		next := errors.Unwrap(inner)
		if next == nil {
			break
		}
		inner = next
	}
	return fmt.Sprintf(text, call, inner)
}

func joinHints(hints ...string) string {
	var some []string
	for _, hint := range hints {
		if hint != "" {
			some = append(some, hint)
		}
	}
	return strings.Join(some, "; ")
}

// window says which field ended a run whose time was up, and so widens it.
func (r *run[W, R]) window(why error, reason poll.Reason) string {
	switch {
	case cause.Is(why, poll.ErrWindow):
		field, length := "", r.policy.Windows.Stale
		switch reason {
		case NotFound:
			field, length = "NotFound", r.policy.Windows.NotFound
		case Stale:
			field = "Stale"
		case StillThere:
			field, length = "StillThere", r.policy.Windows.StillThere
		case BehindToken:
			field, length = "BehindToken", r.policy.Windows.BehindToken
		case Forbidden:
			field, length = "Forbidden", r.policy.forbiddenWindow()
		default:
			return ""
		}
		return fmt.Sprintf("Policy.Windows.%s is %v", field, length)
	case cause.Is(why, poll.ErrDeadline):
		return fmt.Sprintf("Policy.Within is %v", r.options(PhaseRead).Within)
	}
	return ""
}

// seenLimit is how much of a value an error shows.
const seenLimit = 200

// shows returns the text of the value that was read last, and of what was wanted
// instead, if the value knows.
func (r *run[W, R]) shows() (text string) {
	defer func() {
		if recover() != nil { // a method of the caller's value
			text = ""
		}
	}()
	if wanted, ok := carrier(&r.value).(interface{ Wanted() string }); ok && wanted.Wanted() != "" {
		return redact.Snippet([]byte(wanted.Wanted()), seenLimit)
	}
	body := r.heard.answer.Body
	if body == nil || len(body) > bodyKept {
		body = r.answer.Body
	}
	if len(body) == 0 {
		encoded, err := json.Marshal(&r.value)
		if err != nil || string(encoded) == `""` { // an empty text tells nothing
			return ""
		}
		body = encoded
	}
	return redact.Snippet(body, seenLimit)
}
