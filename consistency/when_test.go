package consistency_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

func times(n int, r reply) []reply {
	var replies []reply
	for range n {
		replies = append(replies, r)
	}
	return replies
}

// Case D10: writes that are refused until something has spread, and then pass.
func TestResend_when(t *testing.T) {
	t.Parallel()
	const assume = "role cannot be assumed"
	spreading := func(a consistency.Answer) bool {
		return a.Status == 400 && strings.Contains(string(a.Body), assume) || a.Status == 409 && strings.Contains(string(a.Body), "still being deleted")
	}
	tests := []struct {
		name   string
		writes []reply
		want   consistency.Outcome
		wantAt int // writes
	}{
		{"role cannot be assumed", append(times(4, reply{status: 400, body: assume}), reply{status: 201}), confirmed, 5},
		{"still being deleted", append(times(2, reply{status: 409, body: "still being deleted"}), reply{status: 201}), confirmed, 3},
		{"another 400", []reply{{status: 400, body: "no such region"}}, failed, 1},
		{"one, then another", []reply{{status: 400, body: assume}, {status: 400, body: "no such region"}}, failed, 2},
		{"never passes", []reply{{status: 400, body: assume}}, failed, 30},
		{"it is not asked of an ambiguous answer", []reply{{status: 503, body: assume}}, unconfirmed, 1},
		{"nor after doubt", []reply{{status: 400, body: assume}, {status: 503}, {status: 400, body: assume}}, unconfirmed, 2},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{writes: tt.writes, reads: answers(200)}
			p := s.policy()
			p.Resend.When = spreading
			res, err := consistency.Do(t.Context(), p, s.create())
			s.told(t, res, err)
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
			assert.Len(t, s.writeAt, tt.wantAt)
		})
	}
	bubble(t, "nor after doubt, though the key is honoured", func(t *testing.T) {
		s := &service{writes: answers(503, 422), reads: answers(404)}
		p := s.policy()
		p.Resend = consistency.Resend{WithKey: time.Minute, When: func(consistency.Answer) bool { return true }}
		res, _ := consistency.Do(t.Context(), p, s.create())
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.Len(t, s.writeAt, 2)
	})
	bubble(t, "asked of refused answers only", func(t *testing.T) {
		var asked []int
		for status := range 600 {
			s := &service{writes: []reply{{status: status, asError: true}}, reads: answers(401)}
			p := s.policy()
			p.Resend.When = func(a consistency.Answer) bool {
				asked = append(asked, a.Status)
				assert.Equal(t, consistency.PhaseWrite, a.Phase)
				return false
			}
			_, _ = consistency.Do(t.Context(), p, s.create())
		}
		for _, status := range asked {
			assert.Equal(t, refused, consistency.Rules{}.ClassOf(consistency.ToPresent, consistency.Answer{Status: status}))
		}
		assert.Len(t, asked, 23)
	})
	bubble(t, "before anything is looked for", func(t *testing.T) {
		s := &service{writes: []reply{{status: 409, body: "still being deleted"}, {status: 201}}, reads: answers(200), found: [][]string{{"w1"}}}
		p := s.policy()
		p.Resend.When = spreading
		_, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
		require.NoError(t, err)
		assert.Empty(t, s.findAt)
		assert.Len(t, s.writeAt, 2)
	})
	bubble(t, "by a class of the caller's, too", func(t *testing.T) {
		serialization := errors.New("40001")
		s := &service{writes: []reply{{err: consistency.As(refused, serialization)}, {status: 200}}, reads: []reply{{status: 200, version: wanted}}}
		p := s.policy()
		p.Resend.When = func(consistency.Answer) bool { return true }
		_, err := consistency.Do(t.Context(), p, s.update())
		require.NoError(t, err)
		assert.Len(t, s.writeAt, 2)
	})
	bubble(t, "after several requests a refusal is none", func(t *testing.T) {
		s := &service{writes: []reply{{status: 400}}}
		f := s.create()
		write := f.Write
		f.Write = func(ctx context.Context) (ref, error) {
			trace(ctx, true)
			trace(ctx, true)
			return write(ctx)
		}
		p := s.policy()
		p.Resend.When = func(consistency.Answer) bool { t.Error("asked"); return true }
		res, _ := consistency.Do(t.Context(), p, f)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.Len(t, s.writeAt, 1)
	})
}

// Case D9: with a key a 409, 425 or 429 after an ambiguous try says that it still
// runs: it is tried until the key's time or Within ends.
func TestResend_withKeyGoesOn(t *testing.T) {
	t.Parallel()
	for _, status := range []int{409, 425, 429} {
		bubble(t, fmt.Sprintf("%d while it runs", status), func(t *testing.T) {
			s := &service{writes: append(append(answers(504), times(5, reply{status: status})...), reply{status: 201}), reads: answers(200), found: [][]string{nil}}
			p := s.policy()
			p.Resend.WithKey = time.Minute
			res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
			require.NoError(t, err)
			s.told(t, res, err)
			assert.Len(t, s.writeAt, 7)
		})
		bubble(t, fmt.Sprintf("%d, and meanwhile it is there", status), func(t *testing.T) {
			s := &service{writes: append(answers(504), reply{status: status}), reads: answers(200), found: [][]string{nil, nil, nil, {"x", "w1"}}}
			p := s.policy()
			p.Resend.WithKey = time.Minute
			res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
			require.NoError(t, err)
			assert.Equal(t, "w1", res.Written.ID)
			assert.Len(t, s.writeAt, 4)
		})
		bubble(t, fmt.Sprintf("%d until the key ends", status), func(t *testing.T) {
			s := &service{writes: append(answers(504), reply{status: status}), found: [][]string{nil}}
			p := s.policy()
			p.Resend.WithKey = 10 * time.Second
			res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.ErrorIs(t, err, consistency.ErrNotProvablyMine)
			assert.Len(t, s.writeAt, 10)
		})
		bubble(t, fmt.Sprintf("%d to the first try is what the table says", status), func(t *testing.T) {
			s := &service{writes: answers(status), found: [][]string{nil}}
			p := s.policy()
			p.Resend.WithKey = 2 * time.Second
			res, _ := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
			assert.Equal(t, status != 425, res.Outcome == failed)
			assert.Equal(t, status == 425, len(s.writeAt) == 2)
		})
	}
	bubble(t, "another refusal is evidence", func(t *testing.T) {
		s := &service{writes: answers(504, 422), reads: answers(200), found: [][]string{nil, {"w1"}}}
		p := s.policy()
		p.Resend.WithKey = time.Minute
		_, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
		require.NoError(t, err)
		assert.Len(t, s.writeAt, 2)
	})
	bubble(t, "of an earlier process", func(t *testing.T) {
		s := &service{writes: answers(409, 409, 201), reads: answers(200), found: [][]string{nil}}
		f := s.to(consistency.ToPresent)
		p := s.policy()
		p.Resend.WithKey = time.Minute
		var course consistency.Course
		h, err := consistency.NewStepper(p, f).Send(t.Context(), f.Lost(), &course)
		require.NoError(t, err)
		res, err := visitAll(t.Context(), p, f, h, &course)
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome)
		assert.Len(t, s.writeAt, 3)
	})
}

// An update or a deletion is read back between the tries too.
func TestResend_readsBackBetweenTries(t *testing.T) {
	t.Parallel()
	for _, goal := range []consistency.Goal{consistency.ToMatch, consistency.ToAbsent} {
		bubble(t, goal.String(), func(t *testing.T) {
			s := &service{writes: answers(504), reads: []reply{{status: 200, version: 1}, {status: 200, version: wanted}}, found: [][]string{{"w1"}}}
			if goal == consistency.ToAbsent {
				s.reads = answers(200, 404)
			}
			p := s.policy()
			p.Resend.WithKey = time.Minute
			res, err := consistency.Do(t.Context(), p, s.to(goal))
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome)
			assert.Len(t, s.writeAt, 2, "one read showed the old value, the next what was asked")
		})
	}
}

// Case D15: never sent is the word of any client.
func TestResend_onNotSentByWord(t *testing.T) {
	t.Parallel()
	answer := func(counted int) func(consistency.Phase, any, error) (consistency.Answer, bool) {
		return func(phase consistency.Phase, _ any, err error) (consistency.Answer, bool) {
			return consistency.Answer{NotSent: true}, phase == consistency.PhaseWrite && err == errLost
		}
	}
	tests := []struct {
		name    string
		err     error
		answers bool
		counted int
		want    consistency.Outcome
		writes  int
	}{
		{"As", consistency.As(notExecuted, errLost), false, 0, confirmed, 3},
		{"Policy.Answer", errLost, true, 0, confirmed, 3},
		{"Policy.Answer, against what was counted", errLost, true, 1, unconfirmed, 1},
		{"As, against what was counted", consistency.As(notExecuted, errLost), false, 2, unconfirmed, 1},
		{"a 307 is no such word", &fault{status: 307}, false, 0, failed, 1},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{writes: []reply{{err: tt.err}, {err: tt.err}, {status: 201}}, reads: answers(200)}
			f := s.create()
			write := f.Write
			f.Write = func(ctx context.Context) (ref, error) {
				for range tt.counted {
					consistency.CountTry(ctx)
				}
				return write(ctx)
			}
			p := s.policy()
			p.Resend.OnNotSent = true
			if tt.answers {
				p.Answer = answer(tt.counted)
			}
			res, err := consistency.Do(t.Context(), p, f)
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
			assert.Len(t, s.writeAt, tt.writes)
		})
	}
}

// Case C1: a wait that is a time of the Unix clock in milliseconds, or too long in
// any other way, is no hurry.
func TestResend_longestWaits(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"1764460800000", "1764460800", "9223372036854775807", "99999999999999999999999999", "1e300", "1000000000000000",
		"Fri, 31 Dec 9999 23:59:59 GMT", "86400",
	} {
		bubble(t, value, func(t *testing.T) {
			posts := 0
			site := newSite(t, onPost(func(w http.ResponseWriter, _ *http.Request) {
				posts++
				w.Header().Set("Retry-After", value)
				w.WriteHeader(429)
			})).watch()
			var s service
			p := s.policy()
			p.Resend.OnRateLimited = true
			res, err := consistency.Do(t.Context(), p, site.create())
			assert.Equal(t, failed, res.Outcome, "%v", err)
			if value == "1e300" { // no number of HTTP's
				assert.Equal(t, 30, posts)
				return
			}
			assert.Equal(t, 1, posts)
		})
	}
}

// All consents together, and each for its own answer.
func TestResend_allConsents(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := &service{
			writes: []reply{
				{err: consistency.As(notExecuted, errLost)}, {status: 429, after: 2 * time.Second}, {status: 404}, {status: 400, body: "not yet"},
				{status: 504}, {status: 409}, {status: 429}, {status: 425}, {status: 201},
			},
			reads: answers(200), found: [][]string{nil},
		}
		p := s.policy()
		p.Resend = resendAll
		p.Resend.When = func(a consistency.Answer) bool { return string(a.Body) == "not yet" }
		res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
		require.NoError(t, err)
		s.told(t, res, err)
		assert.Len(t, s.writeAt, 9)
		assert.Equal(t, "w1", res.Written.ID)
	})
}
