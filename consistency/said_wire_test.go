package consistency_test

import (
	"context"
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
