package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/wire"
)

// Without a connection nothing was sent: that is a proof, if the error is that of
// this request and no other.
func TestNeverSent(t *testing.T) {
	t.Parallel()
	refusing := refusingAddress(t)
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = quiet
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	aborting, _ := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	errOther := &net.OpError{Op: "read", Net: "tcp", Err: io.EOF}
	errKind := errors.New("api: request failed")

	tests := []struct {
		name string
		// write sends by client and returns the error.
		write func(ctx context.Context, client *http.Client) error
		want  bool
	}{
		{"connection refused", func(ctx context.Context, c *http.Client) error { return postErr(ctx, c, refusing) }, true},
		{"no such name", func(ctx context.Context, c *http.Client) error { return postErr(ctx, c, "http://name.invalid") }, true},
		{"certificate not trusted", func(ctx context.Context, c *http.Client) error { return postErr(ctx, c, untrusted.URL) }, true},
		{"wrapped", func(ctx context.Context, c *http.Client) error {
			return fmt.Errorf("create: %w", postErr(ctx, c, refusing))
		}, true},
		{"with its kind", func(ctx context.Context, c *http.Client) error {
			return fmt.Errorf("%w: %w", errKind, postErr(ctx, c, refusing))
		}, true},
		{"without the error of the URL", func(ctx context.Context, c *http.Client) error {
			return errors.Unwrap(postErr(ctx, c, refusing))
		}, true},
		{"twice", func(ctx context.Context, c *http.Client) error {
			_ = postErr(ctx, c, refusing)
			return postErr(ctx, c, refusing)
		}, true},
		{"its text alone", func(ctx context.Context, c *http.Client) error {
			return errors.New(postErr(ctx, c, refusing).Error())
		}, false},
		{"and then another protocol lost its answer", func(ctx context.Context, c *http.Client) error {
			_ = postErr(ctx, c, refusing)
			return errOther
		}, false},
		{"joined with what another protocol lost", func(ctx context.Context, c *http.Client) error {
			return errors.Join(postErr(ctx, c, refusing), errOther)
		}, false},
		{"beside what another protocol lost, in one message", func(ctx context.Context, c *http.Client) error {
			return fmt.Errorf("%w, %w", postErr(ctx, c, refusing), errOther)
		}, false},
		{"and another hook counted a try", func(ctx context.Context, c *http.Client) error {
			wire.From(ctx).CountTry()
			return postErr(ctx, c, refusing)
		}, false},
		{"after one that was sent", func(ctx context.Context, c *http.Client) error {
			_ = postErr(ctx, c, aborting.URL)
			return postErr(ctx, c, refusing)
		}, false},
		{"sent and lost", func(ctx context.Context, c *http.Client) error { return postErr(ctx, c, aborting.URL) }, false},
		{"after what another client sent", func(ctx context.Context, c *http.Client) error {
			_ = postErr(ctx, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, aborting.URL)
			return postErr(ctx, c, refusing)
		}, false},
		{"no error", func(ctx context.Context, c *http.Client) error { _ = postErr(ctx, c, refusing); return nil }, false},
		{"an error before anything was asked for", func(context.Context, *http.Client) error { return errOther }, false},
	}
	for _, tt := range tests {
		for _, watching := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/watching: %v", tt.name, watching), func(t *testing.T) {
				t.Parallel()
				transport := &http.Transport{DisableKeepAlives: true}
				client := &http.Client{Transport: transport}
				if watching {
					client.Transport = watch(transport)
				}
				call := wire.Trace(t.Context())
				err := tt.write(call, client)
				assert.Equal(t, tt.want, call.NeverSent(err), "%v", err)
			})
		}
	}
}

// A token that was fetched before is none of the write's requests, if it is seen to
// be one.
func TestNeverSent_afterAToken(t *testing.T) {
	t.Parallel()
	issuer, _ := statuses(t, 200)
	refusing := refusingAddress(t)
	for _, watching := range []bool{false, true} {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if watching {
			client.Transport = watch(client.Transport)
		}
		call := wire.Trace(t.Context())
		require.NoError(t, postErr(call, client, issuer.URL))
		assert.Equal(t, watching, call.NeverSent(postErr(call, client, refusing)))
	}
}

// A context that ends proves nothing once a connection was got.
func TestNeverSent_contextEnded(t *testing.T) {
	t.Parallel()
	for _, watching := range []bool{false, true} {
		for _, connected := range []bool{false, true} {
			t.Run(fmt.Sprintf("watching: %v, connected: %v", watching, connected), func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				srv, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					cancel()
					<-r.Context().Done()
				})
				transport := &http.Transport{}
				if !connected {
					transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
						cancel()
						<-ctx.Done()
						return nil, ctx.Err()
					}
				}
				client := &http.Client{Transport: transport}
				if watching {
					client.Transport = watch(transport)
				}
				call := wire.Trace(ctx)
				err := postErr(call, client, srv.URL)
				require.ErrorIs(t, err, context.Canceled)
				assert.Equal(t, !connected, call.NeverSent(err))
			})
		}
	}
}

// A transport of net/http's own that asked for no connection has sent nothing; of
// another nobody knows.
func TestNeverSent_beforeTheConnection(t *testing.T) {
	t.Parallel()
	refuse := roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("breaker is open") })
	bad := func(ctx context.Context, rt http.RoundTripper) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://service.test", nil)
		require.NoError(t, err)
		req.Header["Bad name"] = []string{"x"}
		_, err = (&http.Client{Transport: rt}).Do(req)
		require.Error(t, err)
		return err
	}
	call := wire.Trace(t.Context())
	assert.True(t, call.NeverSent(bad(call, watch(&http.Transport{}))))
	call = wire.Trace(t.Context())
	assert.False(t, call.NeverSent(bad(call, &http.Transport{})))
	for _, rt := range []http.RoundTripper{refuse, watch(refuse)} {
		call = wire.Trace(t.Context())
		assert.False(t, call.NeverSent(postErr(call, &http.Client{Transport: rt}, "http://service.test")))
	}
}
