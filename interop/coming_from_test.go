package interop_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-resty/resty/v2"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/testing/page"
)

// What docs/coming-from.md says of these clients is what they do.
func TestComingFrom(t *testing.T) {
	t.Parallel()
	says := page.Of(t, "../docs/coming-from.md")
	// answering counts the requests that it answers by that status, or, for 0, by
	// closing the connection.
	answering := func(t *testing.T, status int) (url string, seen *atomic.Int64) {
		seen = new(atomic.Int64)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			seen.Add(1)
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(status)
		}))
		t.Cleanup(srv.Close)
		return srv.URL, seen
	}

	t.Run("retryablehttp", func(t *testing.T) {
		says(t, "a 404 is final. A 503 is sent again, a `POST` too: 5 times in all")
		c := retryablehttp.NewClient()
		c.Logger, c.RetryWaitMin, c.RetryWaitMax = nil, time.Millisecond, time.Millisecond
		for status, want := range map[int]int64{404: 1, 503: 5} {
			url, seen := answering(t, status)
			resp, err := c.Post(url, "text/plain", strings.NewReader("x"))
			if err == nil {
				require.NoError(t, resp.Body.Close())
			}
			assert.Equal(t, want, seen.Load(), status)
		}
	})
	t.Run("resty", func(t *testing.T) {
		says(t, "nothing is sent again, until `SetRetryCount(n)`: then a request that fails without an answer is, up to `n` times, a `POST` too. A 404 is no error")
		c := resty.New()
		url, seen := answering(t, 0)
		_, err := c.R().SetBody("x").Post(url)
		require.Error(t, err)
		assert.Equal(t, int64(1), seen.Load())

		c.SetRetryCount(3).SetRetryWaitTime(time.Millisecond).SetRetryMaxWaitTime(time.Millisecond)
		url, seen = answering(t, 0)
		_, err = c.R().SetBody("x").Post(url)
		require.Error(t, err)
		assert.Equal(t, int64(4), seen.Load())

		for _, status := range []int{404, 503} {
			url, seen = answering(t, status)
			_, err = c.R().Get(url)
			assert.NoError(t, err)
			assert.Equal(t, int64(1), seen.Load())
		}
	})
}
