package interop_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/stretchr/testify/require"
)

func retryable(t *testing.T, s *server, client *http.Client) vendor {
	c := retryablehttp.NewClient()
	c.HTTPClient, c.Logger = client, nil
	c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = 2, time.Millisecond, time.Millisecond
	c.ErrorHandler = retryablehttp.PassthroughErrorHandler
	do := func(method, name string, body any) answer {
		req, err := retryablehttp.NewRequestWithContext(t.Context(), method, s.URL+"/things/"+name, body)
		require.NoError(t, err)
		resp, err := c.Do(req)
		require.NoError(t, err)
		data, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return answer{resp.StatusCode, resp.Header, string(data)}
	}
	return vendor{
		write:    func(name string) int { return do("PUT", name, strings.NewReader("I am "+name)).Status },
		read:     func(name string) answer { return do("GET", name, nil) },
		attempts: 3,
	}
}

func TestRetryablehttp(t *testing.T) { readsItsWrites(t, retryable) }
