package readbackhttp_test

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

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// Also a request that fails between two tries, or beside one, does not hide one.
func TestWatch_mixedProtocols(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		write func(ctx context.Context, client *http.Client) error
		want  consistency.Outcome
	}{
		{
			"HTTP that is refused, then another protocol that loses its answer", func(ctx context.Context, client *http.Client) error {
				_ = postTo(ctx, client, "http://refused.test/")
				consistency.CountTry(ctx)
				return io.ErrUnexpectedEOF
			}, unconfirmed,
		},
		{
			"another protocol that loses its answer, then HTTP that is refused", func(ctx context.Context, client *http.Client) error {
				consistency.CountTry(ctx)
				return postTo(ctx, client, "http://refused.test/")
			}, unconfirmed,
		},
		{
			"HTTP that is refused, and the error is another's", func(ctx context.Context, client *http.Client) error {
				_ = postTo(ctx, client, "http://refused.test/")
				return io.ErrUnexpectedEOF
			}, unconfirmed,
		},
		{
			"HTTP that is refused", func(ctx context.Context, client *http.Client) error {
				return postTo(ctx, client, "http://refused.test/")
			}, failed,
		},
		{
			"HTTP that is refused, wrapped", func(ctx context.Context, client *http.Client) error {
				return fmt.Errorf("post: %w", postTo(ctx, client, "http://refused.test/"))
			}, failed,
		},
		{
			"two tries of another protocol", func(ctx context.Context, _ *http.Client) error {
				consistency.CountTry(ctx)
				consistency.CountTry(ctx)
				return consistency.Status(errors.New("already exists"), 409)
			}, unconfirmed,
		},
		{
			"one try of another protocol", func(ctx context.Context, _ *http.Client) error {
				consistency.CountTry(ctx)
				return consistency.Status(errors.New("already exists"), 409)
			}, failed,
		},
		{
			"joined: 429, 503", func(context.Context, *http.Client) error {
				return errors.Join(&readbackhttp.StatusError{Status: 429}, &readbackhttp.StatusError{Status: 503})
			}, unconfirmed,
		},
		{
			"joined: 400, connection reset", func(context.Context, *http.Client) error {
				return errors.Join(&readbackhttp.StatusError{Status: 400}, &net.OpError{Op: "read", Err: errors.New("connection reset by peer")})
			}, unconfirmed,
		},
		{
			"joined: 504, 404", func(context.Context, *http.Client) error {
				return fmt.Errorf("both: %w", errors.Join(&readbackhttp.StatusError{Status: 504}, &readbackhttp.StatusError{Status: 404}))
			}, unconfirmed,
		},
		{
			"joined: 409, 400", func(context.Context, *http.Client) error {
				return errors.Join(&readbackhttp.StatusError{Status: 409}, &readbackhttp.StatusError{Status: 400})
			}, failed,
		},
	}
	for _, watched := range []bool{false, true} {
		for _, tt := range tests {
			bubble(t, fmt.Sprintf("%s, watched: %v", tt.name, watched), func(t *testing.T) {
				var rt http.RoundTripper = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errRefused }}
				if watched {
					rt = readbackhttp.Watch(rt)
				}
				policy := everySecond
				policy.Within = 3 * time.Second
				flow := consistency.Create("create",
					func(ctx context.Context) (string, error) { return "7", tt.write(ctx, &http.Client{Transport: rt}) },
					func(context.Context, string) (*thing, error) { return nil, nil })
				flow.Find, flow.Mine = consistency.Known("7"), func(string) bool { return false }
				res, err := consistency.Do(t.Context(), policy, flow)
				assert.Equal(t, tt.want, res.Outcome, "%v", err)
			})
		}
	}
}

func postTo(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader("{}"))
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
