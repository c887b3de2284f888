package consistency_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
)

func (*foundThing) thing() {}

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
func (u unsure) Error() string   { return "no" }
func (u unsure) StatusCode() int { return u.code }
func (u unsure) Unwrap() error   { return u.inner }
