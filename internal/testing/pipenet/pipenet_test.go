package pipenet_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/testing/pipenet"
)

// An answer takes the time that the handler takes, and not a moment more.
func TestServe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &http.Client{Transport: pipenet.Serve(t, &http.Server{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(time.Hour)
				_, _ = w.Write([]byte(r.Host))
			}),
		})}
		start := time.Now()
		resp, err := client.Get("http://anywhere.test")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, time.Hour, time.Since(start))
		assert.EqualValues(t, len("anywhere.test"), resp.ContentLength)
	})
}

// Nobody waits for a server that is gone, or longer than asked.
func TestServe_dial(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := &http.Server{}
		transport := pipenet.Serve(t, srv)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		synctest.Wait()
		require.NoError(t, srv.Close())
		_, err := transport.DialContext(t.Context(), "tcp", "gone.test:80")
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = transport.DialContext(ctx, "tcp", "gone.test:80")
		require.Error(t, err)
	})
}
