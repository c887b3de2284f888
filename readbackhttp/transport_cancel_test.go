package readbackhttp_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errGone = errors.New("nobody waits any more")

// cancelled checks that a GET ends with its context, after that time.
func cancelled(t *testing.T, after time.Duration, client *http.Client, url string) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(after, func() { cancel(errGone) })
	start := time.Now()
	_, err := ask(ctx, client, "GET", url)
	require.ErrorIs(t, err, errGone)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, after, time.Since(start))
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestTransport_cancelled(t *testing.T) {
	t.Parallel()
	bubble(t, "while it waits", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404"}}.handler())
		client := s.over(slowly)
		answered(t, "204", client, "PUT", api+"/a")
		cancelled(t, 2500*time.Millisecond, client, api+"/a")
	})
	bubble(t, "while it polls", func(t *testing.T) {
		reads := 0
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if reads++; reads > 2 {
				<-r.Context().Done()
			}
			if r.Method == "GET" {
				w.WriteHeader(404)
			}
		}))
		client := s.over(slowly)
		answered(t, "200", client, "PUT", api+"/a")
		cancelled(t, 2500*time.Millisecond, client, api+"/a")
	})
	bubble(t, "by Request.Cancel", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404"}}.handler())
		client := s.over(slowly)
		answered(t, "204", client, "PUT", api+"/a")
		req := send("GET", api+"/a", "")
		cancel := make(chan struct{})
		//lint:ignore SA1019 as http.Client does for its Timeout
		req.Cancel = cancel
		time.AfterFunc(2500*time.Millisecond, func() { close(cancel) })
		start := time.Now()
		_, err := client.Transport.RoundTrip(req)
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 2500*time.Millisecond, time.Since(start))
	})
	bubble(t, "the answer outlives the poll, not the request", func(t *testing.T) {
		reads := 0
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != "GET" {
				return
			}
			if reads++; reads == 1 {
				w.WriteHeader(404)
				return
			}
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte("tick "))
				_ = http.NewResponseController(w).Flush()
				select {
				case <-r.Context().Done():
				case <-time.After(10 * time.Second):
				}
			}
		}))
		client := s.over(slowly)
		answered(t, "200", client, "PUT", api+"/a")
		ctx, cancel := context.WithCancel(t.Context())
		req := send("GET", api+"/a", "").WithContext(ctx)
		resp, err := client.Do(req)
		require.NoError(t, err)
		buf := make([]byte, 10)
		for range 10 { // longer than the window, and any read's timeout
			n, err := resp.Body.Read(buf)
			require.NoError(t, err)
			assert.Equal(t, "tick ", string(buf[:n]))
		}
		cancel()
		_, err = resp.Body.Read(buf)
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, resp.Body.Close())
	})
}
