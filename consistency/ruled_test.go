package consistency_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// labelled is a value that knows the status that it came with.
type labelled struct {
	status int
	text   string
}

func (l labelled) StatusCode() int { return l.status }

// A rule may call an answer ready whose status is not a good one, or a 202. What it
// shows is still asked of the match and of the Fault.
func TestRules_readyWithBadStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []int{202, 404, 503} {
		for text, want := range map[string]consistency.Outcome{
			"new": consistency.Confirmed, "old": consistency.Unconfirmed, "broken": consistency.Failed,
		} {
			bubble(t, text, func(t *testing.T) {
				flow := consistency.Update("change", func(context.Context) (string, error) { return "7", nil },
					func(context.Context, string) (labelled, error) { return labelled{status, text}, nil },
					func(_ string, value labelled) bool { return value.text == "new" })
				flow.Fault = func(_ string, value labelled) error {
					if value.text == "broken" {
						return errors.New("it broke")
					}
					return nil
				}
				p := consistency.Policy{Within: time.Second}
				p.Rules.Read = []consistency.ReadRule{{From: status, Verdict: poll.Ready}}
				res, _ := consistency.Do(t.Context(), p, flow)
				assert.Equal(t, want, res.Outcome, status)
			})
		}
	}
}
