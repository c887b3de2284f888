package readbacktest

import (
	"fmt"
	"strings"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/redact"
)

// report is what the failure of an assertion shows.
type report struct {
	name     string             // of the flow
	err      *consistency.Error // nil if confirmed
	timeline timeline
	said     []string // complaints of the last check
}

// mismatch returns the title of a report about a flow with a wrong outcome.
func (r *report) mismatch(want consistency.Outcome) string {
	if r.err == nil {
		return fmt.Sprintf("%s: confirmed, want %v", r.name, want)
	}
	if r.err.Outcome == want { // Failed because it is invalid: not what the test means
		return fmt.Sprintf("%s: invalid, want %v", r.name, want)
	}
	return fmt.Sprintf("%s: %v, want %v", r.name, r.err.Outcome, want)
}

// fail ends the test with the whole report below a title.
func (r *report) fail(t TestingT, title string) {
	if h, ok := t.(helper); ok {
		h.Helper()
	}
	t.Errorf("%s", r.text(title))
	t.FailNow()
}

// text returns the whole report, with the secrets hidden.
func (r *report) text(title string) string {
	var b strings.Builder
	b.WriteString(oneLine(title, longest))
	if e := r.err; e != nil {
		said := make(map[string]bool, 4)
		say := func(what string, err error) {
			if text := oneLine(redact.Error(err), longest); text != "" && !said[text] {
				said[text] = true
				fmt.Fprintf(&b, "\n%-11s%s", what, text)
			}
		}
		say("cause:", e.Cause)
		say("write:", e.Write)
		say("last read:", e.Last)
		say("context:", e.Context)
		if e.Body != "" {
			fmt.Fprintf(&b, "\n%-11s%s", "body:", oneLine(e.Body, longest))
		}
	}
	if len(r.said) > 0 {
		b.WriteString("\nlast check:\n" + complaints(r.said))
	}
	if r.timeline.steps > 0 {
		b.WriteString("\n\n" + r.timeline.String())
	}
	return b.String()
}
