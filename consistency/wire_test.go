package consistency_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

// The rows of the table that a status does not tell, over net/http.
func TestDo_wire(t *testing.T) {
	t.Parallel()
	noRoute := errors.New("no route to host")
	tests := []struct {
		name        string
		handler     http.HandlerFunc
		dial        func(ctx context.Context, network, addr string) (net.Conn, error)
		single      bool
		find        bool
		want        consistency.Class
		wantOutcome consistency.Outcome
		wantPosts   int32
		wantIs      error
	}{
		{
			name:        "never sent",
			dial:        func(context.Context, string, string) (net.Conn, error) { return nil, noRoute },
			find:        true,
			want:        notExecuted,
			wantOutcome: failed,
			wantIs:      noRoute,
		},
		{
			name:        "never sent, and nobody watched",
			dial:        func(context.Context, string, string) (net.Conn, error) { return nil, noRoute },
			single:      true,
			want:        ambiguous,
			wantOutcome: unconfirmed,
			wantIs:      consistency.ErrNoFind,
		},
		{
			name:    "lost after a connection was got",
			handler: lost, find: true,
			want: ambiguous, wantOutcome: confirmed, wantPosts: 1,
		},
		{
			name:    "lost, and nothing to find it by",
			handler: lost,
			want:    ambiguous, wantOutcome: unconfirmed, wantPosts: 1, wantIs: consistency.ErrNoFind,
		},
		{name: "refused", handler: status(422), find: true, want: refused, wantOutcome: failed, wantPosts: 1},
		{name: "unavailable", handler: status(503), find: true, want: ambiguous, wantOutcome: confirmed, wantPosts: 1},
		{name: "applied", handler: status(201), want: applied, wantOutcome: confirmed, wantPosts: 1},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			site := newSite(t, onPost(tt.handler))
			if tt.dial != nil {
				site.client.Transport.(*http.Transport).DialContext = tt.dial
			}
			var s service
			p := s.policy()
			p.SingleAttempt = tt.single
			f := site.create()
			if tt.find {
				f = found(f, "1")
			}
			res, err := consistency.Do(t.Context(), p, f)
			assert.Equal(t, tt.want, s.class())
			assert.Equal(t, tt.wantOutcome, res.Outcome, "%v", err)
			assert.Equal(t, tt.wantOutcome, consistency.OutcomeOf(err))
			assert.Equal(t, tt.wantPosts, site.posts.Load())
			assert.Zero(t, res.Elapsed)
			if tt.wantIs != nil {
				assert.ErrorIs(t, err, tt.wantIs)
			}
		})
	}
}

// A port that nobody listens on, in the real network.
func TestDo_wireRefusedConnection(t *testing.T) {
	t.Parallel()
	client := &http.Client{Transport: &http.Transport{}}
	calls := 0
	f := consistency.Create("create item", func(ctx context.Context) (string, error) {
		calls++
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:1", nil)
		if err != nil {
			return "", err
		}
		resp, err := client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		return "1", err
	}, func(context.Context, string) (string, error) { return "", errors.New("must not be read") })
	var s service
	res, err := consistency.Do(t.Context(), s.policy(), found(f, "1"))
	assert.Equal(t, failed, res.Outcome)
	assert.Equal(t, notExecuted, s.class())
	assert.Equal(t, 1, calls)
	var op *net.OpError
	assert.ErrorAs(t, err, &op)
}

func TestDo_wireContextEnded(t *testing.T) {
	t.Parallel()
	ended := func(t *testing.T, p consistency.Policy, f httpFlow) (consistency.Result[string, string], error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		res, err := consistency.Do(ctx, p, f)
		assert.Equal(t, time.Second, time.Since(began), "at once")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Zero(t, res.History.Reads())
		return res, err
	}
	bubble(t, "before a connection was got", func(t *testing.T) {
		site := newSite(t, status(200))
		site.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		var s service
		res, err := ended(t, s.policy(), found(site.create(), "1"))
		assert.Equal(t, failed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrFailed)
		assert.Equal(t, notExecuted, s.class())
		assert.Zero(t, site.posts.Load())
	})
	bubble(t, "after", func(t *testing.T) {
		site := newSite(t, onPost(silent))
		var s service
		res, err := ended(t, s.policy(), found(site.create(), "1"))
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrUnconfirmed)
		assert.Equal(t, ambiguous, s.class())
		assert.False(t, res.Pending.IsZero())
		assert.EqualValues(t, 1, site.posts.Load())
		assert.Zero(t, site.gets.Load())
	})
	bubble(t, "before, with resending allowed", func(t *testing.T) {
		site := newSite(t, status(200))
		site.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		var s service
		p := s.policy()
		p.Resend = consistency.Resend{OnNotSent: true, OnRateLimited: true, OnMissingParent: true, WithKey: time.Hour}
		res, _ := ended(t, p, site.create())
		assert.Equal(t, failed, res.Outcome)
	})
}

// The timeout of a client is not the caller's.
func TestDo_wireClientTimeout(t *testing.T) {
	t.Parallel()
	bubble(t, "of the write", func(t *testing.T) {
		site := newSite(t, onPost(silent))
		site.client.Timeout = 2 * time.Second
		var s service
		_, err := consistency.Do(t.Context(), s.policy(), site.create())
		assert.ErrorIs(t, err, consistency.ErrUnconfirmed)
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
		assert.NotContains(t, err.Error(), "hunter2")
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		assert.True(t, timeout.Timeout())
	})
	bubble(t, "of the reads", func(t *testing.T) {
		site := newSite(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if r.Method == http.MethodGet {
				silent(w, r)
			}
		})
		site.client.Timeout = 2 * time.Second
		var s service
		res, err := consistency.Do(t.Context(), s.policy(), site.create())
		assert.ErrorIs(t, err, consistency.ErrUnconfirmed)
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 30*time.Second, res.Elapsed)
		assert.EqualValues(t, 1, site.posts.Load())
	})
}

// Reads are not counted as tries.
func TestDo_wireReadsAreNotTries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gets := 0
		site := newSite(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if r.Method == http.MethodGet {
				if gets++; gets < 3 {
					w.WriteHeader(404)
				}
			}
		})
		var s service
		res, err := consistency.Do(t.Context(), s.policy(), site.create())
		require.NoError(t, err)
		assert.Equal(t, 2*time.Second, res.Elapsed)
		assert.EqualValues(t, 1, site.posts.Load())
	})
}
