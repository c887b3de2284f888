package consistency_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
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

// A rule may have said of the whole body that the write was refused. So an answer whose
// body breaks off proves nothing where a rule asks for it, and what is found is not this
// write's for want of others.
func TestRules_bodyBreaksOff(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		rules []consistency.WriteRule
		want  consistency.Outcome
		class consistency.Class
	}{
		{"no rule asks", nil, confirmed, applied},
		{"a rule asks", []consistency.WriteRule{{From: 200, Body: consistency.JSON("/ok", false), Class: refused}}, unconfirmed, ambiguous},
		{"a rule for other statuses asks", []consistency.WriteRule{{From: 409, Body: consistency.JSON("/ok", false), Class: refused}}, confirmed, applied},
		{"the beginning is enough", []consistency.WriteRule{{From: 200, Body: func(b []byte) bool { return bytes.Contains(b, []byte("false")) }, Class: refused}}, failed, refused},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			site := newSite(t, onPost(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "24")
				_, _ = io.WriteString(w, `{"ok":false,"code"`)
			})).watch()
			flow := site.create()
			flow.Find = func(context.Context) ([]string, error) { return []string{"another's"}, nil }
			var s service
			p := s.policy()
			p.Rules.Write = tt.rules
			res, err := consistency.Do(t.Context(), p, flow)
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
			assert.Equal(t, tt.class, s.class())
			if tt.want == unconfirmed {
				flow.Find = nil
				_, err = consistency.Do(t.Context(), p, flow)
				assert.ErrorIs(t, err, consistency.ErrNoFind)
				assert.ErrorContains(t, err, "the body of the write's answer broke off")
			}
		})
	}
}

// A rule may tell a 404 of the service from one of what is in front of it by its body. One
// whose body breaks off is then no proof that a thing is gone.
func TestRules_bodyOfReadBreaksOff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		rules []consistency.ReadRule
		want  consistency.Outcome
	}{
		{"no rule asks", nil, confirmed},
		{"a rule asks", []consistency.ReadRule{{From: 404, Body: consistency.JSON("/error", "no such route"), Verdict: poll.Unknown, Reason: "no route"}}, unconfirmed},
		{"a rule for other statuses asks", []consistency.ReadRule{{From: 200, Body: consistency.JSON("/error"), Verdict: poll.Unknown}}, confirmed},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			site := newSite(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					w.Header().Set("Content-Length", "24")
					w.WriteHeader(http.StatusNotFound)
					_, _ = io.WriteString(w, `{"error":"no such`)
				}
			}).watch()
			flow := consistency.Delete("delete item", "7", func(ctx context.Context, _ string) error {
				_, err := site.post(ctx)
				return err
			}, site.get)
			res, err := consistency.Do(t.Context(), consistency.Policy{Rules: consistency.Rules{Read: tt.rules}}, flow)
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
		})
	}
}
