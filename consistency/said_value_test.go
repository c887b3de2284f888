package consistency_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// generated is what oapi-codegen makes of an answer: its status, its body and, by its
// type, what that was decoded to.
type generated struct {
	Body         []byte
	HTTPResponse *http.Response
	JSON200      *[]string
}

func (g generated) StatusCode() int {
	if g.HTTPResponse == nil {
		return 0
	}
	return g.HTTPResponse.StatusCode
}

func generate(status int, body string, header ...string) *generated {
	g := &generated{Body: []byte(body), HTTPResponse: responded(status, header...)}
	_ = json.Unmarshal(g.Body, &g.JSON200)
	return g
}

func responded(status int, pairs ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: http.NoBody}
}

// The answer of a generated client is judged by its body, and by its header: that
// the struct has fields which are set says nothing of what was read.
func TestSaid_generatedAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name            string
		give            *generated
		present, absent shown
	}{
		{"something", generate(200, `["a"]`), ready, stillThere},
		{"an empty list", generate(200, "[]"), notFound, unlikely},
		{"null", generate(200, "null"), notFound, ready},
		{"no body", generate(204, ""), notFound, unlikely},
		{"404", generate(404, `{"message":"no"}`), notFound, ready},
		{"a missing role", generate(403, `{"code":403}`), shown{poll.Stop, "role missing"}, shown{poll.Unknown, consistency.Forbidden}},
		{"a rate limit", generate(403, "{}", "Retry-After", "1"), down, down},
		{"without a response", &generated{Body: []byte("[]")}, ready, stillThere},
		{"that was not made", &generated{}, notFound, unlikely},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			got, _ := reading(t, consistency.ToPresent, func() *generated { return tt.give }, nil, nil)
			assert.Equal(t, tt.present, got)
			got, _ = reading(t, consistency.ToAbsent, func() *generated { return tt.give }, nil, nil)
			assert.Equal(t, tt.absent, got)
			got, _ = reading(t, consistency.ToPresent, func() generated { return *tt.give }, nil, nil)
			assert.Equal(t, tt.present, got, "by value")
		})
	}
	bubble(t, "rules see the body", func(t *testing.T) {
		f := consistency.Create("create", func(context.Context) (string, error) { return "1", nil },
			func(context.Context, string) (*generated, error) { return generate(200, `{"ok":false}`), nil })
		p := consistency.Policy{Schedule: everySecond}
		p.Rules.Read = []consistency.ReadRule{{From: 200, Body: consistency.JSON("/ok", false), Verdict: poll.Stop}}
		_, err := consistency.Do(t.Context(), p, f)
		assert.Equal(t, unconfirmed, consistency.OutcomeOf(err))
	})
}

// fluent is what clients such as resty return: with the body by a method.
type fluent struct {
	status int
	body   []byte
	Raw    *http.Response
}

func (f *fluent) StatusCode() int { return f.status }
func (f *fluent) Body() []byte    { return f.body }

// lazy is such a one whose body is by another name.
type lazy struct{ fluent }

func (l *lazy) Body() io.ReadCloser { return http.NoBody }
func (l *lazy) Bytes() []byte       { return l.body }

// panicky is one that has no body before it is asked for.
type panicky struct{ fluent }

func (*panicky) Body() []byte { panic("not read") }

// The body of a value is what its method gives, too.
func TestSaid_bodyByAMethod(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name            string
		status          int
		body            string
		present, absent shown
	}{
		{"something", 200, `["a"]`, ready, stillThere},
		{"an empty list", 200, "[]", notFound, unlikely},
		{"null", 200, "null", notFound, ready},
		{"no body", 204, "", notFound, unlikely},
		{"404", 404, `{"message":"no"}`, notFound, ready},
		{"a missing role", 403, `{"code":403}`, shown{poll.Stop, "role missing"}, shown{poll.Unknown, consistency.Forbidden}},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			give := fluent{tt.status, []byte(tt.body), &http.Response{StatusCode: tt.status}}
			got, _ := reading(t, consistency.ToPresent, func() *fluent { return &give }, nil, nil)
			assert.Equal(t, tt.present, got)
			got, _ = reading(t, consistency.ToAbsent, func() *fluent { return &give }, nil, nil)
			assert.Equal(t, tt.absent, got)
			got, _ = reading(t, consistency.ToPresent, func() fluent { return give }, nil, nil)
			assert.Equal(t, tt.present, got, "by value")
			got, _ = reading(t, consistency.ToAbsent, func() any { return &lazy{give} }, nil, nil)
			assert.Equal(t, tt.absent, got, "by another name")
		})
	}
	bubble(t, "a method that panics", func(t *testing.T) {
		got, err := reading(t, consistency.ToPresent, func() *panicky { return &panicky{fluent{status: 200}} }, nil, nil)
		assert.Equal(t, ready, got)
		assert.NoError(t, err)
	})
}

// thing is what a generated client returns: one of two types, and a nil error.
type thing interface{ thing() }

type (
	found404   struct{ Message string }
	foundThing struct{ ID string }
)

func (found404) thing() {}

type knows404 struct{ found404 }

func (knows404) StatusCode() int { return 404 }

// Case A2: a 404 as one of the types of an interface, with a nil error.
func TestSaid_typed404(t *testing.T) {
	t.Parallel()
	type typed = consistency.Flow[string, thing]
	tests := []struct {
		name    string
		watch   bool
		missing thing
		set     func(*consistency.Policy, *typed)
		want    shown
		wantAt  time.Duration // of the confirmation; negative if there is none
	}{
		{name: "nobody knows", missing: found404{"no"}, want: shown{poll.Unknown, "no status is known"}, wantAt: -1},
		{name: "by the wire", watch: true, missing: found404{"no"}, want: notFound, wantAt: 2 * time.Second},
		{name: "by the value", missing: knows404{}, want: notFound, wantAt: -1},
		{name: "by Policy.Answer", missing: found404{"no"}, set: func(p *consistency.Policy, _ *typed) {
			p.Answer = func(phase consistency.Phase, value any, _ error) (consistency.Answer, bool) {
				switch value.(type) {
				case found404:
					return consistency.Answer{Status: 404}, true
				case *foundThing:
					return consistency.Answer{Status: 200}, true
				}
				return consistency.Answer{}, false
			}
		}, want: notFound, wantAt: 2 * time.Second},
		{name: "by a match", missing: found404{"no"}, set: func(_ *consistency.Policy, f *typed) {
			f.Match = func(id string, v thing) bool {
				got, ok := v.(*foundThing)
				return ok && got.ID == id
			}
		}, want: stale, wantAt: 2 * time.Second},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			n := 0
			site := newSite(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if r.Method != http.MethodGet {
					w.WriteHeader(201)
					return
				}
				if n++; n <= 2 {
					w.WriteHeader(404)
				}
			})
			if tt.watch {
				site.watch()
			}
			f := consistency.Create("create item", site.post, func(ctx context.Context, id string) (thing, error) {
				if _, err := site.get(ctx, id); err != nil {
					return tt.missing, nil
				}
				return &foundThing{"1"}, nil
			})
			var s service
			p := s.policy()
			if tt.set != nil {
				tt.set(&p, &f)
			}
			res, err := consistency.Do(t.Context(), p, f)
			verdict, reason := s.judged(1)
			assert.Equal(t, tt.want, shown{verdict, reason})
			if tt.wantAt < 0 {
				assert.Equal(t, unconfirmed, res.Outcome)
				for _, way := range []string{"readbackhttp.Watch", "Policy.Answer", "StatusCode", "Match"} {
					assert.ErrorContains(t, err, way)
				}
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.wantAt, res.Elapsed)
		})
	}
}

// An update asks its match, and a deletion never takes a value for nothing: of an
// interface too.
func TestSaid_typed404OfOtherGoals(t *testing.T) {
	t.Parallel()
	missing := func() thing { return found404{"no"} }
	bubble(t, "match", func(t *testing.T) {
		got, err := reading(t, consistency.ToMatch, missing, nil, nil)
		require.NoError(t, err)
		assert.Equal(t, ready, got)
	})
	bubble(t, "absent", func(t *testing.T) {
		got, _ := reading(t, consistency.ToAbsent, missing, nil, nil)
		assert.Equal(t, stillThere, got)
	})
}

// counted is a value, and unsure an error, whose method is called as those that tell a
// status, and tells something else.
type (
	counted struct{ Code int }
	unsure  struct {
		code  int
		inner error
	}
)

func (c counted) StatusCode() int { return c.Code }

// What no status of HTTP can be is none: a model may have a method of that name, and a
// client may tell its own codes by it.
func TestSaid_noStatusOfHTTP(t *testing.T) {
	t.Parallel()
	for _, status := range []int{-1, 0, 1, 3, 99, 1000, 20000} {
		bubble(t, fmt.Sprint("value ", status), func(t *testing.T) {
			var s service
			f := consistency.Create("create",
				func(context.Context) (string, error) { return "1", nil },
				func(context.Context, string) (counted, error) { return counted{max(status, 1)}, nil })
			res, err := consistency.Do(t.Context(), s.policy(), f)
			require.NoError(t, err)
			assert.Zero(t, res.Elapsed)
			g := consistency.Create("create",
				func(context.Context) (counted, error) { return counted{status}, nil },
				func(context.Context, counted) (string, error) { return "there", nil })
			_, err = consistency.Do(t.Context(), s.policy(), g)
			assert.NoError(t, err, "of a reference")
		})
		bubble(t, fmt.Sprint("error ", status), func(t *testing.T) {
			var s service
			f := consistency.Create("create", func(context.Context) (string, error) {
				return "", unsure{status, &fault{status: 422}}
			}, func(context.Context, string) (string, error) { return "there", nil })
			_, err := consistency.Do(t.Context(), s.policy(), f)
			assert.ErrorIs(t, err, consistency.ErrFailed, "what it wraps has one")
			f.Write = func(context.Context) (string, error) { return "", unsure{status, nil} }
			_, err = consistency.Do(t.Context(), s.policy(), f)
			assert.ErrorIs(t, err, consistency.ErrUnconfirmed)
			assert.ErrorContains(t, err, "no status was found in the error of the write")
		})
	}
	bubble(t, "the wire knows it", func(t *testing.T) {
		site := newSite(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusConflict) }).watch()
		f := consistency.Create("create", func(ctx context.Context) (string, error) {
			_, err := site.post(ctx)
			require.Error(t, err)
			return "", unsure{6, nil}
		}, func(context.Context, string) (string, error) { return "there", nil })
		var s service
		_, err := consistency.Do(t.Context(), s.policy(), f)
		assert.ErrorIs(t, err, consistency.ErrFailed)
	})
}
