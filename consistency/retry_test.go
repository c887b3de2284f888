package consistency_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

// repeating is a client that sends everything again that is answered with 503.
type repeating struct{ http.RoundTripper }

func (r repeating) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.RoundTripper.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusServiceUnavailable {
		_ = resp.Body.Close()
		req.Body, _ = req.GetBody()
		return r.RoundTripper.RoundTrip(req)
	}
	return resp, err
}

// A client that retries by itself may have been refused because its first try
// was carried out.
func TestDo_wireHiddenRetry(t *testing.T) {
	t.Parallel()
	for _, last := range []int{409, 422, 404, 403, 412, 429, 400, 307} {
		bubble(t, http.StatusText(last), func(t *testing.T) {
			var tries int
			site := newSite(t, onPost(func(w http.ResponseWriter, r *http.Request) {
				if tries++; tries == 1 {
					w.WriteHeader(503)
					return
				}
				w.WriteHeader(last)
			}))
			site.client.Transport = repeating{site.client.Transport}
			var s service
			res, err := consistency.Do(t.Context(), s.policy(), found(site.create(), "1"))
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome)
			assert.Equal(t, ambiguous, s.class())
			assert.EqualValues(t, 2, site.posts.Load())

			tries = 0
			res, err = consistency.Do(t.Context(), s.policy(), site.create())
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.ErrorIs(t, err, consistency.ErrNoFind)

			tries = 0
			p := s.policy()
			p.SingleAttempt = true // a word that is not kept
			res, _ = consistency.Do(t.Context(), p, site.create())
			assert.Equal(t, failed, res.Outcome)
		})
	}
	bubble(t, "first never written, then refused", func(t *testing.T) {
		site := newSite(t, onPost(status(422)))
		transport := site.client.Transport.(*http.Transport)
		dial, dials := transport.DialContext, 0
		transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials++; dials == 1 {
				return nil, errors.New("no route to host")
			}
			return dial(ctx, network, addr)
		}
		f := site.create()
		f.Write = func(ctx context.Context) (string, error) {
			if _, err := site.post(ctx); err == nil {
				t.Error("the first try has no connection")
			}
			return site.post(ctx)
		}
		var s service
		res, _ := consistency.Do(t.Context(), s.policy(), f)
		assert.Equal(t, failed, res.Outcome, "one request was written")
		assert.EqualValues(t, 1, site.posts.Load())
	})
}

func TestDo_wireFollowedRedirects(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		redirect  int
		target    int
		wantPosts int32
		wantGets  int32
	}{
		{"303 followed to a 404", 303, 404, 1, 1},
		{"302 followed to a 403", 302, 403, 1, 1},
		{"307 followed to a 422", 307, 422, 2, 0},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			site := newSite(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if r.URL.Path == "/items" {
					http.Redirect(w, r, "/items/1", tt.redirect)
					return
				}
				w.WriteHeader(tt.target)
			})
			var s service
			res, err := consistency.Do(t.Context(), s.policy(), site.create())
			assert.Equal(t, unconfirmed, res.Outcome, "%v", err)
			assert.Equal(t, ambiguous, s.class())
			assert.ErrorIs(t, err, consistency.ErrNoFind)
			assert.Equal(t, tt.wantPosts, site.posts.Load())
			assert.Equal(t, tt.wantGets, site.gets.Load())
		})
	}
}

// A look-up before the write counts as a try, unless the caller says what the
// refusal means, or that there are no retries.
func TestDo_wireLookUpBeforeTheWrite(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		single bool
		as     consistency.Class
		want   consistency.Outcome
	}{
		{"not said", false, 0, unconfirmed},
		{"said by As", false, refused, failed},
		{"said by SingleAttempt", true, 0, failed},
		{"As goes before SingleAttempt", true, ambiguous, unconfirmed},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			site := newSite(t, onPost(status(422)))
			f := site.create()
			f.Write = func(ctx context.Context) (string, error) {
				if _, err := site.get(ctx, "1"); err != nil {
					return "", err
				}
				id, err := site.post(ctx)
				if tt.as != 0 {
					err = consistency.As(tt.as, err)
				}
				return id, err
			}
			var s service
			p := s.policy()
			p.SingleAttempt = tt.single
			res, err := consistency.Do(t.Context(), p, f)
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
			assert.Equal(t, tt.want, consistency.OutcomeOf(err))
			assert.EqualValues(t, 1, site.posts.Load())
			assert.EqualValues(t, 1, site.gets.Load())
		})
	}
}
