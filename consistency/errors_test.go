package consistency_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

func TestError_text(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		flow   string
		writes []reply
		reads  []reply
		want   string
	}{
		{
			"failed", "create item", []reply{{status: 422, body: `{"status":422,"message":"name is taken"}`}}, nil,
			`readback: create item: failed; write: status 422; last status 422 to the write: {"status":422,"message":"name is taken"}`,
		},
		{
			"stopped", "create item", answers(201), []reply{{status: 404}, {status: 401, body: "who are\n\tyou?"}},
			"readback: create item: unconfirmed after 2 reads in 1s, seen last: refused: status 401; last status 401: who are you?",
		},
		{
			"window", "create item", answers(201), answers(403),
			"readback: create item: unconfirmed after 11 reads in 10s, seen last: forbidden: the window of the reason passed: forbidden; last read: status 403; last status 403; Policy.Windows.Forbidden is 10s",
		},
		{
			"not found by", "create item", answers(503), nil,
			"readback: create item: unconfirmed: the write may have been carried out, and the flow has no Find to look for it; write: status 503; last status 503 to the write; set Flow.Find, which looks for what may be this write's",
		},
		{
			"without a name", "", answers(409), nil,
			"readback: failed; write: status 409; last status 409 to the write",
		},
		{
			"in one line", "two\nlines", []reply{{err: errors.Join(errors.New("one"), errors.New("two\r\nthree"))}}, nil,
			"readback: two lines: unconfirmed: the write may have been carried out, and the flow has no Find to look for it; write: one two three; " +
				"no status was found in the error of the write, of type *errors.errorString: use readbackhttp.Watch in the client, set Policy.Answer, " +
				"or return consistency.Status(err, code); set Flow.Find, which looks for what may be this write's",
		},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{writes: tt.writes, reads: tt.reads}
			f := s.create()
			f.Name = tt.flow
			res, err := consistency.Do(t.Context(), s.policy(), f)
			s.onePlainWrite(t, res, err)
			assert.EqualError(t, err, tt.want)
		})
	}
	bubble(t, "bad input", func(t *testing.T) {
		_, err := consistency.Do(t.Context(), consistency.Policy{Settle: -1}, new(service).create())
		assert.EqualError(t, err, "readback: create item: failed: invalid argument: Policy.Settle is negative: -1")
	})
	bubble(t, "context", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(1500*time.Millisecond, func() { cancel(errors.New("shutting down")) })
		s := &service{writes: answers(201), reads: answers(404)}
		_, err := consistency.Do(ctx, s.policy(), s.create())
		assert.EqualError(t, err, "readback: create item: unconfirmed after 2 reads in 1.5s, seen last: not found; last read: status 404; "+
			"context: shutting down (context canceled); last status 404")
	})
	bubble(t, "a long body", func(t *testing.T) {
		s := &service{writes: []reply{{status: 400, body: strings.Repeat("ä", 10_000)}}}
		_, err := consistency.Do(t.Context(), s.policy(), s.create())
		var e *consistency.Error
		require.ErrorAs(t, err, &e)
		assert.LessOrEqual(t, len(e.Body), 512)
		assert.Less(t, len(err.Error()), 700)
	})
}

func TestError_facts(t *testing.T) {
	t.Parallel()
	bubble(t, "cancelled", func(t *testing.T) {
		errStop := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(1500*time.Millisecond, func() { cancel(errStop) })
		s := &service{writes: answers(503), reads: answers(404), found: [][]string{{"w1"}}}
		res, err := consistency.Do(ctx, s.policy(), s.to(consistency.ToPresent))
		s.onePlainWrite(t, res, err)
		var e *consistency.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, unconfirmed, e.Outcome)
		assert.Equal(t, "create item", e.Name)
		assert.Equal(t, 2, e.Reads)
		assert.Equal(t, 1500*time.Millisecond, e.Elapsed)
		assert.Equal(t, 404, e.Status)
		assert.NoError(t, e.Cause)
		assert.EqualError(t, e.Write, "status 503")
		assert.EqualError(t, e.Last, "status 404")
		assert.ErrorIs(t, e.Context, errStop)
		assert.Equal(t, 2, e.History.Reads())

		var texts []string
		for _, err := range e.Unwrap() {
			texts = append(texts, err.Error())
		}
		assert.Equal(t, []string{"status 503", "status 404", "shutting down (context canceled)"}, texts)
	})
	bubble(t, "the order is cause, write, last, context", func(t *testing.T) {
		s := &service{writes: answers(503), reads: answers(404, 401), found: [][]string{{"w1"}}}
		_, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
		var first *fault
		require.ErrorAs(t, err, &first)
		assert.Equal(t, 401, first.status, "the cause of the stop")

		s = &service{writes: answers(503), reads: answers(404), found: [][]string{{"w1"}}}
		_, err = consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
		require.ErrorAs(t, err, &first)
		assert.Equal(t, 503, first.status, "the write, for the deadline has no status")
		assert.ErrorIs(t, err, poll.ErrDeadline)

		e := &consistency.Error{
			Outcome: failed, Cause: errors.New("c"), Write: errors.New("w"), Last: errors.New("l"), Context: errors.New("x"),
		}
		for i, err := range e.Unwrap() {
			assert.EqualError(t, err, "cwlx"[i:i+1])
		}
		assert.Empty(t, (&consistency.Error{}).Unwrap())
	})
}

// Only the caller's context makes an error match those of package context.
func TestError_isNotOfAnotherContext(t *testing.T) {
	t.Parallel()
	ctxErrors := []error{context.DeadlineExceeded, context.Canceled}
	for _, inner := range ctxErrors {
		bubble(t, "write: "+inner.Error(), func(t *testing.T) {
			s := &service{writes: []reply{{err: fmt.Errorf("mine: %w", inner)}}}
			_, err := consistency.Do(t.Context(), s.policy(), s.create())
			assert.NotErrorIs(t, err, inner)
			assert.ErrorContains(t, err, inner.Error())
		})
		bubble(t, "read: "+inner.Error(), func(t *testing.T) {
			s := &service{writes: answers(201), reads: []reply{{err: fmt.Errorf("mine: %w", inner)}}}
			_, err := consistency.Do(t.Context(), s.policy(), s.create())
			assert.NotErrorIs(t, err, inner)
			assert.ErrorContains(t, err, inner.Error())
		})
		bubble(t, "stop: "+inner.Error(), func(t *testing.T) {
			s := &service{writes: answers(201), reads: []reply{{err: consistency.As(refused, fmt.Errorf("mine: %w", inner))}}}
			_, err := consistency.Do(t.Context(), s.policy(), s.create())
			assert.NotErrorIs(t, err, inner)
			assert.ErrorContains(t, err, inner.Error())
		})
	}
	bubble(t, "a read that timed out", func(t *testing.T) {
		s := &service{writes: answers(201), reads: []reply{{took: time.Hour}}}
		res, err := consistency.Do(t.Context(), s.policy(), s.create())
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorIs(t, err, poll.ErrDeadline)
		for read := range res.History.All() {
			assert.ErrorIs(t, read.Err, poll.ErrReadTimeout)
			break
		}
	})
	bubble(t, "what else is in a chain is found", func(t *testing.T) {
		s := &service{writes: []reply{{err: fmt.Errorf("a: %w", errors.Join(context.Canceled, errLost))}}}
		_, err := consistency.Do(t.Context(), s.policy(), s.create())
		assert.ErrorIs(t, err, errLost)
		assert.NotErrorIs(t, err, context.Canceled)
	})
}

func TestAs(t *testing.T) {
	t.Parallel()
	assert.NoError(t, consistency.As(refused, nil))
	err := consistency.As(refused, errLost)
	assert.EqualError(t, err, errLost.Error())
	assert.ErrorIs(t, err, errLost)

	said := func(class consistency.Class, status int) reply {
		return reply{err: fmt.Errorf("wrapped: %w", consistency.As(class, &fault{status: status}))}
	}
	writes := []struct {
		name  string
		write reply
		class consistency.Class
		want  consistency.Outcome
	}{
		{"503 is refused", said(refused, 503), refused, failed},
		{"422 is ambiguous", said(ambiguous, 422), ambiguous, confirmed},
		{"422 is applied", said(applied, 422), applied, confirmed},
		{"422 is accepted", said(accepted, 422), accepted, confirmed},
		{"503 was not executed", said(notExecuted, 503), notExecuted, failed},
		{"the outermost counts", reply{err: consistency.As(ambiguous, consistency.As(refused, errLost))}, ambiguous, confirmed},
		{"of several, the ambiguous one", reply{err: errors.Join(consistency.As(refused, errLost), consistency.As(ambiguous, errLost))}, ambiguous, confirmed},
		{"one of several is refused, the other ambiguous", reply{err: errors.Join(&fault{status: 503}, consistency.As(refused, errLost))}, ambiguous, confirmed},
		{"all of several are refused", reply{err: errors.Join(&fault{status: 422}, consistency.As(refused, errLost))}, refused, failed},
	}
	for _, tt := range writes {
		bubble(t, "write: "+tt.name, func(t *testing.T) {
			s := &service{writes: []reply{tt.write}, reads: answers(200), found: [][]string{{"w1"}}}
			res, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
			s.onePlainWrite(t, res, err)
			assert.Equal(t, tt.class, s.class())
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
		})
	}
	for _, class := range []consistency.Class{applied, accepted, notExecuted, refused, ambiguous} {
		for _, goal := range goals {
			bubble(t, fmt.Sprintf("read: %s to %s", class, goal), func(t *testing.T) {
				s := &service{writes: answers(201), reads: []reply{said(class, 404), {status: 200, version: wanted}}}
				if goal == consistency.ToAbsent {
					s.reads[1].status = 404
				}
				res, err := consistency.Do(t.Context(), s.policy(), s.to(goal))
				s.onePlainWrite(t, res, err)
				verdict, _ := s.judged(1)
				if class == refused {
					assert.Equal(t, poll.Stop, verdict)
					assert.Equal(t, unconfirmed, res.Outcome)
					return
				}
				assert.Equal(t, poll.Unknown, verdict)
				assert.Equal(t, confirmed, res.Outcome)
			})
		}
	}
}

// Where secrets may come from: errors of clients, bodies, URLs.
func TestError_secretsAppearNowhere(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	leaks := map[string]reply{
		"query":    {err: &url.Error{Op: "Post", URL: "https://service/items?api_key=" + secret, Err: errLost}},
		"userinfo": {err: &url.Error{Op: "Get", URL: "https://me:" + secret + "@service/items", Err: errLost}},
		"in text":  {err: errors.New("GET https://me:" + secret + "@service/?sig=" + secret + ": refused")},
		"header":   {err: errors.New("sent Authorization: Bearer " + secret)},
		"body":     {status: 401, body: `{"message":"no","access_token":"` + secret + `"}`},
		"joined":   {err: errors.Join(errLost, &url.Error{Op: "Post", URL: "https://service/?token=" + secret, Err: errLost})},
	}
	for name, leak := range leaks {
		bubble(t, name, func(t *testing.T) {
			core, logs := observer.New(zap.DebugLevel)
			for _, s := range []*service{
				{writes: []reply{leak}, reads: []reply{leak}, found: [][]string{{"w1"}}},
				{writes: answers(201), reads: []reply{{status: 404}, leak}},
				{writes: answers(202), monitored: []reply{leak}},
			} {
				p := consistency.Policy{Schedule: everySecond, Logger: zap.New(core), Within: 3 * time.Second}
				res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
				require.Error(t, err)
				s.onePlainWrite(t, res, err)
				assert.NotContains(t, err.Error(), secret)
				assert.NotContains(t, fmt.Sprintf("%v %+v %s %q", err, err, err, err), secret)
				var e *consistency.Error
				require.ErrorAs(t, err, &e)
				assert.NotContains(t, e.Body, secret)
				handle, err := json.Marshal(append(s.started, res.Pending))
				require.NoError(t, err)
				assert.NotContains(t, string(handle), secret)
			}
			require.NotZero(t, logs.Len())
			for _, entry := range logs.All() {
				assert.NotContains(t, fmt.Sprint(entry.Message, entry.ContextMap()), secret)
			}
		})
	}
}

// An error is one line of text that a terminal shows as it is, whatever the service
// and the client say.
func TestError_isOneLineOfText(t *testing.T) {
	t.Parallel()
	const odd = "a\x1b[31m\x00b\u202ec\xffd\r\ne\u2028f\x85g"
	const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.c2lnbmF0dXJlMQ"
	plain := func(t *testing.T, text string) {
		assert.True(t, utf8.ValidString(text), "%q", text)
		for _, r := range text {
			assert.True(t, unicode.IsPrint(r) || r == utf8.RuneError, "%q in %q", r, text)
		}
		assert.NotContains(t, text, jwt)
	}
	bubble(t, "in every text", func(t *testing.T) {
		p := consistency.Policy{Within: time.Second, Schedule: everySecond}
		var events []consistency.Event
		p.Observer = func(e consistency.Event) { events = append(events, e) }
		p.Answer = func(_ consistency.Phase, _ any, err error) (consistency.Answer, bool) {
			return consistency.Answer{Status: 404, Code: odd, Note: odd + " " + jwt}, err != nil
		}
		f := consistency.Create("name\x1b[0m", func(context.Context) (string, error) { return "1", nil },
			func(context.Context, string) (int, error) { return 0, errors.New(odd + " for " + jwt) })
		f.Instance = "instance " + odd
		_, err := consistency.Do(t.Context(), p, f)
		require.Error(t, err)
		plain(t, err.Error())
		assert.Contains(t, err.Error(), "instance a")
		for _, e := range events {
			plain(t, e.String())
		}
		encoded, bad := json.Marshal(err)
		require.NoError(t, bad)
		var said map[string]any
		require.NoError(t, json.Unmarshal(encoded, &said))
		plain(t, said["error"].(string))
		assert.Contains(t, said["instance"], "instance a")
	})
}
