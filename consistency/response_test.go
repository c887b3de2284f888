package consistency_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// The plainest client: what net/http returns, for reads; of the write what refers
// to the thing, and the status beside it.
type plainFlow = consistency.Flow[located, *http.Response]

type located struct {
	URL  string
	Code int `json:"-"`
}

func (l located) StatusCode() int { return l.Code }

func (s *site) responses() plainFlow {
	send := func(ctx context.Context, method, url string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, method, url, nil)
		if err != nil {
			return nil, err
		}
		return s.client.Do(req)
	}
	return consistency.Create("create item",
		func(ctx context.Context) (located, error) {
			resp, err := send(ctx, http.MethodPost, "http://service/items")
			if err != nil {
				return located{}, err
			}
			_ = resp.Body.Close()
			return located{URL: resp.Header.Get("Location"), Code: resp.StatusCode}, nil
		},
		func(ctx context.Context, written located) (*http.Response, error) {
			return send(ctx, http.MethodGet, "http://service"+written.URL)
		})
}

// plain answers a POST with 201 and a GET with one handler after the other.
func plain(gets ...http.HandlerFunc) http.HandlerFunc {
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Location", "/items/1")
			w.WriteHeader(201)
			return
		}
		n++
		nth(gets, n)(w, r)
	}
}

func header(status int, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(fields); i += 2 {
			w.Header().Set(fields[i], fields[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(strings.Repeat("x", 32<<10)))
	}
}

// A 404 has a nil error, and each body is drained, so that one connection is
// enough.
func TestDo_responses(t *testing.T) {
	t.Parallel()
	bubble(t, "one connection", func(t *testing.T) {
		site := newSite(t, plain(header(404), header(403), header(503), header(404), header(200)))
		transport := site.client.Transport.(*http.Transport)
		dial, dials := transport.DialContext, 0
		transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials++
			return dial(ctx, network, addr)
		}
		var s service
		res, err := consistency.Do(t.Context(), s.policy(), site.responses())
		require.NoError(t, err)
		assert.Equal(t, 4*time.Second, res.Elapsed)
		assert.Equal(t, 200, res.Value.StatusCode)
		assert.Equal(t, 201, res.Written.Code)
		assert.EqualValues(t, 1, site.posts.Load())
		assert.Equal(t, 1, dials, "connections are reused")
		verdict, reason := s.judged(1)
		assert.Equal(t, notFound, shown{verdict, reason})
	})
	bubble(t, "refused without an error", func(t *testing.T) {
		site := newSite(t, status(422))
		var s service
		res, err := consistency.Do(t.Context(), s.policy(), site.responses())
		assert.Equal(t, failed, res.Outcome)
		assert.EqualError(t, err, "readback: create item: failed; last status 422 to the write")
		assert.Zero(t, res.Written)
	})
	bubble(t, "a 401 stops without an error", func(t *testing.T) {
		site := newSite(t, plain(status(401)))
		var s service
		res, err := consistency.Do(t.Context(), s.policy(), site.responses())
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.EqualError(t, err, "readback: create item: unconfirmed after 1 read in 0s, seen last: refused: answered with status 401; last status 401")
		var code interface{ StatusCode() int }
		require.ErrorAs(t, err, &code)
		assert.Equal(t, 401, code.StatusCode())
	})
	bubble(t, "303 not followed", func(t *testing.T) {
		site := newSite(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.Header().Set("Location", "/items/7")
				w.WriteHeader(303)
				return
			}
			_, _ = io.WriteString(w, `{"id":7}`)
		})
		site.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		var s service
		res, err := consistency.Do(t.Context(), s.policy(), site.responses())
		require.NoError(t, err)
		assert.Equal(t, accepted, s.class())
		assert.Equal(t, confirmed, res.Outcome)
		assert.EqualValues(t, 1, site.gets.Load())
	})
}

func TestDo_responseHeaders(t *testing.T) {
	t.Parallel()
	bubble(t, "Retry-After in seconds", func(t *testing.T) {
		site := newSite(t, plain(header(503, "Retry-After", "5"), header(200)))
		var s service
		res, err := consistency.Do(t.Context(), s.policy(), site.responses())
		require.NoError(t, err)
		assert.GreaterOrEqual(t, res.Elapsed, 5*time.Second)
		assert.LessOrEqual(t, res.Elapsed, 5500*time.Millisecond)
	})
	bubble(t, "Retry-After as a date", func(t *testing.T) {
		at := time.Now().Add(8 * time.Second).UTC().Format(http.TimeFormat)
		site := newSite(t, plain(header(429, "Retry-After", at), header(200)))
		var s service
		res, err := consistency.Do(t.Context(), s.policy(), site.responses())
		require.NoError(t, err)
		assert.GreaterOrEqual(t, res.Elapsed, 7*time.Second) // dates have no fractions
		assert.LessOrEqual(t, res.Elapsed, 8800*time.Millisecond)
	})
	bubble(t, "caches", func(t *testing.T) {
		site := newSite(t, plain(
			header(404, "Age", "7"),
			header(404, "X-Cache", "Hit from edge"),
			header(404, "Age", "7", "X-Cache", "HIT"),
			header(404, "Age", "0", "X-Cache", "MISS"),
			header(304),
			header(200),
		))
		var s service
		res, err := consistency.Do(t.Context(), s.policy(), site.responses())
		require.NoError(t, err)
		var notes []string
		for read := range res.History.All() {
			notes = append(notes, read.Note)
		}
		assert.Equal(t, []string{"cached, age 7 s", "X-Cache: HIT", "cached, age 7 s, X-Cache: HIT", "", "", ""}, notes)
		assert.Equal(t, "cached, age 7 s", s.events[1].Note)
		verdict, reason := s.judged(5)
		assert.Equal(t, redirected, shown{verdict, reason})
	})
}

// The method of a request is known to the rules.
func TestPolicy_rulesKnowTheMethodOfAResponse(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		site := newSite(t, plain(status(409)))
		var s service
		p := s.policy()
		p.Rules = consistency.Rules{
			Write: []consistency.WriteRule{{From: 201, Method: http.MethodGet, Class: refused}},
			Read: []consistency.ReadRule{
				{From: 409, Method: http.MethodPost, Verdict: poll.Stop},
				{From: 409, Method: http.MethodGet, Verdict: poll.Ready},
			},
		}
		res, err := consistency.Do(t.Context(), p, site.responses())
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome)
	})
}

type sdkError struct{ http *http.Response }

func (sdkError) Error() string { return "sdk error" }

// Where a client keeps its status otherwise, Policy.Answer finds it.
func TestPolicy_answer(t *testing.T) {
	t.Parallel()
	bubble(t, "in an error", func(t *testing.T) {
		s := &service{
			writes: []reply{{status: 201}},
			reads:  []reply{{err: &sdkError{&http.Response{StatusCode: 404}}}, {err: &sdkError{}}, {status: 200}},
		}
		p := s.policy()
		p.Answer = func(_ consistency.Phase, _ any, err error) (consistency.Answer, bool) {
			if e, ok := err.(*sdkError); ok {
				return consistency.AnswerOf(e.http), true
			}
			return consistency.Answer{}, false
		}
		res, err := consistency.Do(t.Context(), p, s.create())
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, seconds(0, 1, 2), s.readAt)
		verdict, reason := s.judged(1)
		assert.Equal(t, notFound, shown{verdict, reason})
		verdict, reason = s.judged(2)
		assert.Equal(t, down, shown{verdict, reason}, "a nil response has no status")
	})
	bubble(t, "in a value, before its methods", func(t *testing.T) {
		s := &service{writes: answers(201), reads: []reply{{status: 200, version: 1}, {status: 200, version: 2}}}
		p := s.policy()
		p.Answer = func(_ consistency.Phase, value any, _ error) (consistency.Answer, bool) {
			if i, ok := value.(*item); ok && i.Version == 1 {
				return consistency.Answer{Status: 404}, true
			}
			return consistency.Answer{}, false
		}
		res, err := consistency.Do(t.Context(), p, s.create())
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, seconds(0, 1), s.readAt)
	})
}

type (
	byCode     struct{ code int }
	byHTTPCode struct{ code int }
	byWhole    struct{ code int }
	withBody   struct{ byCode }
)

func (byCode) Error() string                 { return "code" }
func (e byCode) StatusCode() int             { return e.code }
func (byHTTPCode) Error() string             { return "HTTP code" }
func (e byHTTPCode) HTTPStatusCode() int     { return e.code }
func (byWhole) Error() string                { return "answer" }
func (e byWhole) Answer() consistency.Answer { return consistency.Answer{Status: e.code} }
func (byWhole) StatusCode() int              { return 500 } // the whole answer goes before
func (withBody) Body() []byte                { return []byte(roleMissing) }

// convertible shows what is in it by As alone.
type convertible struct{ in error }

func (c convertible) Error() string      { return "in " + c.in.Error() }
func (c convertible) As(target any) bool { return errors.As(c.in, target) }

// An error may tell its status in each of three ways, wherever it is in a chain.
func TestDo_statusOfAnError(t *testing.T) {
	t.Parallel()
	for _, refusal := range []error{
		byCode{422}, byHTTPCode{422}, byWhole{422}, &byCode{422},
		fmt.Errorf("wrapped: %w", byCode{422}),
		errors.Join(fmt.Errorf("joined: %w", byHTTPCode{422}), byCode{400}),
		convertible{byWhole{422}},
	} {
		bubble(t, refusal.Error(), func(t *testing.T) {
			s := &service{writes: []reply{{err: refusal}}}
			res, err := consistency.Do(t.Context(), s.policy(), s.create())
			s.onePlainWrite(t, res, err)
			assert.Equal(t, failed, res.Outcome)
		})
	}
	bubble(t, "and its body", func(t *testing.T) {
		s := &service{writes: answers(201), reads: []reply{{err: withBody{byCode{403}}}}}
		res, err := consistency.Do(t.Context(), s.policy(), s.create())
		s.onePlainWrite(t, res, err)
		assert.Equal(t, seconds(0), s.readAt, "a role is missing")
		assert.ErrorContains(t, err, roleMissing)
	})
}
