package consistency_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/wire"
	"github.com/readback-go/readback/poll"
)

// watched notes what goes through a transport, as readbackhttp.Watch does.
type watched struct{ base http.RoundTripper }

func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	call := wire.From(r.Context())
	if call == nil {
		return w.base.RoundTrip(r)
	}
	_, direct := w.base.(*http.Transport)
	return call.RoundTrip(w.base, r, direct)
}

// watch makes the site's client tell the flow what goes over the wire.
func (s *site) watch() *site {
	s.client.Transport = watched{s.client.Transport}
	return s
}

// opaquely hides what an error says but for its text.
func opaquely(s *site) httpFlow {
	return consistency.Create("create item",
		func(ctx context.Context) (string, error) {
			id, err := s.post(ctx)
			return id, opaque(err)
		},
		func(ctx context.Context, id string) (string, error) {
			value, err := s.get(ctx, id)
			return value, opaque(err)
		})
}

func opaque(err error) error {
	var f *fault
	if errors.As(err, &f) {
		return fmt.Errorf("unexpected status %d", f.status)
	}
	return err
}

// Case D17: a client whose errors have no status is understood by the wire.
func TestSaid_opaqueErrorsByTheWire(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		post   int
		gets   []int
		delete bool
		want   consistency.Outcome
		class  consistency.Class
		wantAt time.Duration
	}{
		{"refused", 400, nil, false, failed, refused, 0},
		{"conflict", 409, nil, false, failed, refused, 0},
		{"rate limited", 429, nil, false, failed, refused, 0},
		{"unavailable", 503, nil, false, unconfirmed, ambiguous, 0},
		{"404, 403, then there", 201, []int{404, 403, 200}, false, confirmed, applied, 2 * time.Second},
		{"stopped", 201, []int{404, 401}, false, unconfirmed, applied, time.Second},
		{"deleted", 204, []int{200, 404, 404}, true, confirmed, applied, 2 * time.Second},
		{"deleted, and gone for good", 204, []int{410}, true, confirmed, applied, 0},
		{"deleted, a setback", 204, []int{404, 503, 404, 404, 404}, true, confirmed, applied, 4 * time.Second},
		{"deleted already", 404, []int{404}, true, confirmed, applied, time.Second},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			n := 0
			site := newSite(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if r.Method != http.MethodGet {
					w.WriteHeader(tt.post)
					return
				}
				n++
				w.WriteHeader(nth(tt.gets, n))
			}).watch()
			f := opaquely(site)
			if tt.delete {
				read := f.Read
				f = consistency.Delete("delete item", "1", func(ctx context.Context, id string) error {
					_, err := site.send(ctx, http.MethodDelete, "http://service/items/"+id)
					return opaque(err)
				}, read)
			}
			var s service
			res, err := consistency.Do(t.Context(), s.policy(), f)
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
			assert.Equal(t, tt.class, s.class())
			assert.Equal(t, tt.wantAt, res.Elapsed)
			assert.EqualValues(t, 1, site.posts.Load())
			if err != nil {
				assert.NotContains(t, err.Error(), "no status was found")
			}
		})
	}
}

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

// Without the wire such an error says nothing, and the text says what is missing
// and what to do. It is no lost answer.
func TestSaid_opaqueErrorsSaySo(t *testing.T) {
	t.Parallel()
	type sdkError struct{ error }
	bubble(t, "of a write", func(t *testing.T) {
		s := &service{writes: []reply{{err: fmt.Errorf("create: %w", sdkError{errors.New("unexpected status 400")})}}, reads: answers(200), found: [][]string{{"w1"}}}
		f := s.to(consistency.ToPresent)
		f.Find, f.Mine = nil, nil
		res, err := consistency.Do(t.Context(), s.policy(), f)
		assert.Equal(t, unconfirmed, res.Outcome)
		for _, says := range []string{"no status was found in the error of the write", "consistency_test.sdkError", "readbackhttp.Watch", "Policy.Answer", "consistency.Status(err, code)", "Flow.Find"} {
			assert.ErrorContains(t, err, says)
		}
		assert.NotContains(t, err.Error(), "lost")
	})
	bubble(t, "of a read", func(t *testing.T) {
		s := &service{writes: answers(201), reads: []reply{{err: &net.AddrError{}}, {err: sdkError{errors.New("unexpected status 404")}}}}
		_, err := consistency.Do(t.Context(), s.policy(), s.create())
		assert.ErrorContains(t, err, "no status was found in the error of the read, of type consistency_test.sdkError")
		assert.NotContains(t, err.Error(), "lost")
	})
	for name, lost := range map[string]error{
		"cut": io.ErrUnexpectedEOF, "reset": &net.OpError{Op: "read", Err: errors.New("connection reset by peer")},
		"of a client": &url.Error{Op: "Post", URL: "http://service", Err: io.EOF},
	} {
		bubble(t, "an answer that was lost has none: "+name, func(t *testing.T) {
			s := &service{writes: []reply{{err: lost}}, reads: []reply{{err: lost}}, found: [][]string{{"w1"}}}
			_, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
			assert.NotContains(t, err.Error(), "no status was found")
		})
	}
}

// thing is what a generated client returns: one of two types, and a nil error.
type thing interface{ thing() }

type (
	found404   struct{ Message string }
	foundThing struct{ ID string }
)

func (found404) thing()    {}
func (*foundThing) thing() {}

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

// Requests of one read that were answered differently make it unknown, unless the
// error or the value has a status. A chain of redirects is one request.
func TestSaid_mixedRequestsOfARead(t *testing.T) {
	t.Parallel()
	get := func(ctx context.Context, s *site, paths ...string) (last error) {
		for _, path := range paths {
			_, last = s.get(ctx, path)
		}
		return last
	}
	tests := []struct {
		name string
		read func(ctx context.Context, s *site) (string, error)
		want shown
	}{
		{"all 200", func(ctx context.Context, s *site) (string, error) {
			return "x", opaque(get(ctx, s, "200", "200"))
		}, ready},
		{"all 404", func(ctx context.Context, s *site) (string, error) {
			return "", opaque(get(ctx, s, "404", "404"))
		}, notFound},
		{"404 and 200, the error ignored", func(ctx context.Context, s *site) (string, error) {
			_ = get(ctx, s, "404", "200")
			return "x", nil
		}, shown{poll.Unknown, "requests of one read were answered differently"}},
		{"200 and 404, opaque", func(ctx context.Context, s *site) (string, error) {
			return "", opaque(get(ctx, s, "200", "404"))
		}, shown{poll.Unknown, "requests of one read were answered differently"}},
		{"200 and 404, and the error knows", func(ctx context.Context, s *site) (string, error) {
			return "", get(ctx, s, "200", "404")
		}, notFound},
		{"404 and 200, and the caller's word", func(ctx context.Context, s *site) (string, error) {
			_ = get(ctx, s, "200", "404")
			return "", consistency.Status(errLost, 404)
		}, notFound},
		{"a redirect", func(ctx context.Context, s *site) (string, error) {
			return "", opaque(get(ctx, s, "moved/404"))
		}, notFound},
		{"redirects", func(ctx context.Context, s *site) (string, error) {
			return "x", opaque(get(ctx, s, "moved/moved/200"))
		}, ready},
		{"a lost answer and a 404", func(ctx context.Context, s *site) (string, error) {
			return "", opaque(get(ctx, s, "0", "404"))
		}, shown{poll.Unknown, "requests of one read were answered differently"}},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			site := newSite(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				path := strings.TrimPrefix(r.URL.Path, "/items/")
				if rest, moved := strings.CutPrefix(path, "moved/"); moved {
					http.Redirect(w, r, "/items/"+rest, http.StatusFound)
					return
				}
				code := 200
				if r.Method == http.MethodGet {
					_, _ = fmt.Sscanf(path, "%d", &code)
				}
				if code == 0 {
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(code)
			}).watch()
			f := site.create()
			f.Read = func(ctx context.Context, _ string) (string, error) { return tt.read(ctx, site) }
			var s service
			p := s.policy()
			p.Within = time.Second
			_, _ = consistency.Do(t.Context(), p, f)
			verdict, reason := s.judged(1)
			assert.Equal(t, tt.want, shown{verdict, reason})
		})
	}
}

// multi is how older packages join errors: without Unwrap() []error.
type (
	wrappedErrors []error // as of hashicorp/go-multierror
	listedErrors  []error // as of the aggregates of Kubernetes
	errorChain    []error // each stands for the first of the rest
)

func (m *wrappedErrors) Error() string          { return fmt.Sprint([]error(*m)) }
func (m *wrappedErrors) WrappedErrors() []error { return *m }
func (m *wrappedErrors) Unwrap() error          { return errorChain(*m) }
func (m listedErrors) Error() string            { return fmt.Sprint([]error(m)) }
func (m listedErrors) Errors() []error          { return m }
func (c errorChain) Error() string              { return c[0].Error() }
func (c errorChain) As(target any) bool         { return errors.As(c[0], target) }
func (c errorChain) Is(target error) bool       { return errors.Is(c[0], target) }
func (c errorChain) Unwrap() error {
	if len(c) == 1 {
		return nil
	}
	return c[1:]
}

// joins are the ways to make one error of several.
var joins = map[string]func(errs ...error) error{
	"join":    errors.Join,
	"nested":  func(errs ...error) error { return errors.Join(errs[0], errors.Join(errs[1:]...)) },
	"wrapped": func(errs ...error) error { return fmt.Errorf("all tries failed: %w", errors.Join(errs...)) },
	"each wrapped": func(errs ...error) error {
		return errors.Join(fmt.Errorf("try 1: %w", errs[0]), fmt.Errorf("try 2: %w", errs[1]))
	},
	"in one message":    func(errs ...error) error { return fmt.Errorf("first %w, then %w", errs[0], errs[1]) },
	"wrapped errors":    func(errs ...error) error { return ptr(wrappedErrors(errs)) },
	"listed":            func(errs ...error) error { return listedErrors(errs) },
	"chain":             func(errs ...error) error { return errorChain(errs) },
	"a list in a join":  func(errs ...error) error { return errors.Join(listedErrors(errs)) },
	"wrapped, the list": func(errs ...error) error { return fmt.Errorf("create: %w", ptr(wrappedErrors(errs))) },
}

// unknownFailure is an error of a client of which nothing is known.
type unknownFailure struct{ text string }

func (u unknownFailure) Error() string { return u.text }

// Case B4: a client that joins the errors of its tries. The ambiguous one
// outweighs, wherever it stands.
func TestSaid_joinedErrors(t *testing.T) {
	t.Parallel()
	reset := &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
	status := func(code int) error { return &fault{status: code} }
	tests := []struct {
		name string
		a, b error
		want consistency.Class
	}{
		{"429, 503", status(429), status(503), ambiguous},
		{"400, reset", status(400), reset, ambiguous},
		{"404, 504", status(404), status(504), ambiguous},
		{"422, cut", status(422), io.ErrUnexpectedEOF, ambiguous},
		{"409, cancelled", status(409), context.Canceled, ambiguous},
		{"400, of a make of its own", status(400), unknownFailure{"the stream was reset"}, ambiguous},
		{"429, 422", status(429), status(422), refused},
		{"307, 422", status(307), status(422), refused},
		{"refused by word, 503", consistency.As(refused, errLost), status(503), ambiguous},
		{"not executed by word, 400", consistency.As(notExecuted, errLost), status(400), refused},
		{"status by word, 503", consistency.Status(errLost, 422), status(503), ambiguous},
	}
	for _, tt := range tests {
		for how, join := range joins {
			for i, pair := range [][2]error{{tt.a, tt.b}, {tt.b, tt.a}} {
				bubble(t, fmt.Sprint(tt.name, "/", how, "/", i), func(t *testing.T) {
					s := &service{writes: []reply{{err: join(pair[0], pair[1])}}, reads: answers(200), found: [][]string{{"w1"}}}
					res, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
					s.onePlainWrite(t, res, err)
					assert.Equal(t, tt.want, s.class(), "%v", s.writes[0].err)
					assert.Equal(t, tt.want == refused, res.Outcome == failed)
				})
			}
		}
	}
	for how, join := range joins {
		bubble(t, "a read of a deletion: "+how, func(t *testing.T) {
			s := &service{writes: answers(204), reads: []reply{{status: 404}, {err: join(status(404), status(503))}, {status: 404}}}
			res, err := consistency.Do(t.Context(), s.policy(), s.delete())
			s.onePlainWrite(t, res, err)
			assert.Equal(t, seconds(0, 1, 2, 3, 4), s.readAt, "the one that says least counts")
		})
	}
}

// An error with a status that wraps others is one failure, and so is what only
// names its kind.
func TestSaid_oneFailure(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"kind and error":    fmt.Errorf("%w: %w", errors.New("api"), &fault{status: 422}),
		"error and kind":    fmt.Errorf("%w (%w)", &fault{status: 422}, errors.New("api")),
		"two kinds":         fmt.Errorf("%w: %w: %w", errors.New("a"), errors.New("b"), &fault{status: 422}),
		"a status of joins": consistency.Status(errors.Join(errors.New("a"), io.EOF), 422),
		"a word of joins":   consistency.As(refused, errors.Join(&fault{status: 503}, io.EOF)),
		"a join of one":     errors.Join(nil, &fault{status: 422}, nil),
		"a list of one":     listedErrors{&fault{status: 422}},
	} {
		bubble(t, name, func(t *testing.T) {
			s := &service{writes: []reply{{err: err}}}
			res, end := consistency.Do(t.Context(), s.policy(), s.create())
			s.onePlainWrite(t, res, end)
			assert.Equal(t, failed, res.Outcome)
		})
	}
}

// The order in which an answer is found: the caller's word, Policy.Answer, the
// error, the value, the wire.
func TestSaid_order(t *testing.T) {
	t.Parallel()
	answer := func(status int) func(consistency.Phase, any, error) (consistency.Answer, bool) {
		return func(consistency.Phase, any, error) (consistency.Answer, bool) {
			return consistency.Answer{Status: status}, status != 0
		}
	}
	tests := []struct {
		name   string
		err    error
		answer int
		value  int
		wire   int
		want   shown
	}{
		{"word, before all", consistency.Status(&fault{status: 503}, 404), 401, 0, 200, notFound},
		{"a class, before all", consistency.As(refused, &fault{status: 404}), 404, 0, 200, no},
		{"Policy.Answer, before the error", &fault{status: 401}, 404, 0, 200, notFound},
		{"Policy.Answer, before the value", nil, 404, 401, 200, notFound},
		{"the error, before the wire", &fault{status: 404}, 0, 0, 200, notFound},
		{"the value, before the wire", nil, 0, 404, 200, notFound},
		{"the value, beside an error that says nothing", errLost, 0, 404, 200, notFound},
		{"the value, beside an error, without a wire", errLost, 0, 404, 0, notFound},
		{"the error, before the value", &fault{status: 404}, 0, 401, 0, notFound},
		{"Policy.Answer, before the value, beside an error", errLost, 404, 401, 0, notFound},
		{"no value of an answer that was lost", io.ErrUnexpectedEOF, 0, 404, 0, down},
		{"no good value beside an error", errLost, 0, 200, 0, down},
		{"the wire", errLost, 0, 0, 404, notFound},
		{"the wire, without an error", nil, 0, 0, 404, notFound},
		{"none", errLost, 0, 0, 0, down},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			site := newSite(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(tt.wire) }).watch()
			s := &service{writes: answers(201)}
			f := s.create()
			f.Read = func(ctx context.Context, _ ref) (*item, error) {
				if tt.wire != 0 {
					_, _ = site.get(ctx, "1")
				}
				return &item{Code: tt.value, Version: 1}, tt.err
			}
			p := s.policy()
			p.Answer = func(phase consistency.Phase, value any, err error) (consistency.Answer, bool) {
				if phase != consistency.PhaseRead {
					return consistency.Answer{}, false
				}
				return answer(tt.answer)(phase, value, err)
			}
			p.Within = time.Second
			_, _ = consistency.Do(t.Context(), p, f)
			verdict, reason := s.judged(1)
			assert.Equal(t, tt.want, shown{verdict, reason})
		})
	}
}

// What a client returns beside an error never makes a write seem to be carried out.
func TestSaid_valueBesideTheErrorOfAWrite(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]consistency.Class{0: ambiguous, 200: ambiguous, 202: ambiguous, 307: notExecuted, 400: refused, 429: refused, 503: ambiguous} {
		bubble(t, fmt.Sprint(status), func(t *testing.T) {
			s := &service{reads: answers(200), found: [][]string{{"x"}}}
			f := s.create()
			f.Find = s.find
			f.Write = func(context.Context) (ref, error) {
				return ref{ID: "w1", Code: status}, unknownFailure{"it went wrong"}
			}
			res, _ := consistency.Do(t.Context(), s.policy(), f)
			assert.Equal(t, want, s.class())
			assert.Equal(t, want == ambiguous, res.Outcome == unconfirmed)
		})
	}
}

// Policy.Answer is told the phase: a code means one thing to a write and another
// to a read.
func TestPolicy_answerKnowsThePhase(t *testing.T) {
	t.Parallel()
	bubble(t, "40001", func(t *testing.T) {
		conflict := errors.New("could not serialize access")
		s := &service{writes: answers(202), monitored: []reply{{err: conflict}, {status: 200}}, reads: []reply{{err: conflict}, {status: 200}}}
		phases := map[consistency.Phase]int{}
		p := s.policy()
		p.Answer = func(phase consistency.Phase, value any, err error) (consistency.Answer, bool) {
			phases[phase]++
			if _, isBool := value.(bool); isBool != (phase == consistency.PhaseMonitor) {
				t.Errorf("%T in phase %s", value, phase)
			}
			if err != conflict {
				return consistency.Answer{}, false
			}
			return consistency.Answer{Status: 503, Code: "40001"}, true
		}
		res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, map[consistency.Phase]int{consistency.PhaseWrite: 1, consistency.PhaseMonitor: 2, consistency.PhaseRead: 2}, phases)
		assert.Equal(t, "40001", s.events[1].Code)
	})
}

// An answer that has a code and no status is judged by the rules that ask for the
// code, and is no success without one.
func TestPolicy_answerWithACodeAlone(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		s := &service{writes: []reply{{err: errLost}}}
		p := s.policy()
		p.Answer = func(consistency.Phase, any, error) (consistency.Answer, bool) {
			return consistency.Answer{Code: "23505"}, true
		}
		res, _ := consistency.Do(t.Context(), p, s.create())
		assert.Equal(t, unconfirmed, res.Outcome)
		p.Rules.Write = []consistency.WriteRule{{Code: "23505", Class: refused}}
		res, err := consistency.Do(t.Context(), p, s.create())
		assert.Equal(t, failed, res.Outcome)
		assert.ErrorContains(t, err, "last status 23505 to the write")
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
func (u unsure) Error() string    { return "no" }
func (u unsure) StatusCode() int  { return u.code }
func (u unsure) Unwrap() error    { return u.inner }

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
