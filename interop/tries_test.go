package interop_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-resty/resty/v2"
	"github.com/google/go-github/v84/github"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// answering is a server that gives one status after the other.
func answering(t *testing.T, statuses ...int) *httptest.Server {
	t.Helper()
	var mu sync.Mutex
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.WriteHeader(statuses[0])
		_, _ = w.Write([]byte(`{"message":"as scripted"}`))
		if len(statuses) > 1 {
			statuses = statuses[1:]
		}
	}))
	t.Cleanup(srv.Close)
	return srv
}

// vendors send one write each, and tell what went wrong in their own way.
var vendors = map[string]func(client *http.Client, url string) func(context.Context) error{
	"retryablehttp": func(client *http.Client, url string) func(context.Context) error {
		c := retryablehttp.NewClient()
		c.HTTPClient, c.Logger = client, nil
		c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = 2, time.Millisecond, time.Millisecond
		return func(ctx context.Context) error {
			req, err := retryablehttp.NewRequestWithContext(ctx, "POST", url, strings.NewReader("{}"))
			if err != nil {
				return err
			}
			resp, err := c.Do(req)
			if err != nil {
				return err
			}
			_ = resp.Body.Close()
			if resp.StatusCode >= 300 {
				return fmt.Errorf("unexpected status %d", resp.StatusCode)
			}
			return nil
		}
	},
	"resty": func(client *http.Client, url string) func(context.Context) error {
		c := resty.NewWithClient(client).SetRetryCount(2).SetRetryWaitTime(time.Millisecond).SetRetryMaxWaitTime(time.Millisecond).
			AddRetryCondition(func(r *resty.Response, _ error) bool { return r.StatusCode() == 503 })
		return func(ctx context.Context) error {
			resp, err := c.R().SetContext(ctx).SetBody("{}").Post(url)
			if err == nil && resp.IsError() {
				err = errors.New("the service said no")
			}
			return err
		}
	},
	"go-github, whose error holds the response in a field": func(client *http.Client, url string) func(context.Context) error {
		c := github.NewClient(client)
		return func(ctx context.Context) error {
			req, err := c.NewRequest("POST", url, map[string]string{"name": "a"})
			if err != nil {
				return err
			}
			_, err = c.Do(ctx, req, nil)
			return err
		}
	},
}

// What vendors' clients hide, the wire tells: a plain refusal is Failed, and one that
// follows a try which may have been carried out is not.
func TestWatch_vendors(t *testing.T) {
	for name, vendor := range vendors {
		for _, tt := range []struct {
			statuses []int
			want     consistency.Outcome
			counted  bool
		}{
			{[]int{422}, consistency.Failed, false},
			{[]int{409}, consistency.Failed, false},
			{[]int{503, 409}, consistency.Unconfirmed, true},
		} {
			t.Run(fmt.Sprint(name, tt.statuses), func(t *testing.T) {
				if tt.counted && strings.HasPrefix(name, "go-github") {
					return // which tries once
				}
				srv := answering(t, tt.statuses...)
				client := &http.Client{Transport: readbackhttp.Watch(srv.Client().Transport)}
				write := vendor(client, srv.URL+"/things")
				flow := consistency.Create("create",
					func(ctx context.Context) (string, error) { return "7", write(ctx) },
					func(context.Context, string) (string, error) { return "", errors.New("not read") })
				res, err := consistency.Do(t.Context(), consistency.Policy{}, flow)
				assert.Equal(t, tt.want, res.Outcome, "%v", err)
				var e *consistency.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, tt.counted, e.Counted != "", "%v", err)
				assert.NotContains(t, err.Error(), "lost")
				client.CloseIdleConnections()
			})
		}
	}
}
