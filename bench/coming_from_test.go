package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/retry"
	"github.com/onsi/gomega"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/readback-go/readback/internal/testing/page"
)

// What docs/coming-from.md says of other libraries is what they do.
func TestComingFrom(t *testing.T) {
	t.Parallel()
	says := page.Of(t, "../docs/coming-from.md")
	notYet := errors.New("404")

	t.Run("backoff", func(t *testing.T) {
		says(t, "v4 waits 500 ms first, and goes on for 15 minutes. When a context ends it, the read's last error is lost")
		b := backoff.NewExponentialBackOff()
		assert.Equal(t, 500*time.Millisecond, b.InitialInterval)
		assert.Equal(t, 15*time.Minute, b.MaxElapsedTime)
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			err := backoff.Retry(func() error { return notYet }, backoff.WithContext(backoff.NewExponentialBackOff(), ctx))
			require.Error(t, err)
			assert.NotErrorIs(t, err, notYet)
		})
	})
	t.Run("k8s wait", func(t *testing.T) {
		says(t, "at the end you get the context's error, not that of the last read")
		synctest.Test(t, func(t *testing.T) {
			err := wait.PollUntilContextTimeout(t.Context(), time.Second, 10*time.Second, true,
				func(context.Context) (bool, error) { return false, nil })
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
	})
	t.Run("terraform", func(t *testing.T) {
		says(t, "more than 20 reads in a row that find nothing end it")
		synctest.Test(t, func(t *testing.T) {
			reads := 0
			_, err := (&retry.StateChangeConf{
				Target: []string{"there"}, Timeout: time.Hour,
				Refresh: func() (any, string, error) { reads++; return nil, "", nil },
			}).WaitForStateContext(t.Context())
			var notFound *retry.NotFoundError
			assert.ErrorAs(t, err, &notFound)
			assert.Equal(t, 21, reads, "the 21st ends it")
		})
	})
	t.Run("gomega", func(t *testing.T) {
		says(t, "it gives up after 1 s, reads every 10 ms, and tries a 401 to the end")
		synctest.Test(t, func(t *testing.T) {
			reads, began, failed := 0, time.Now(), false
			g := gomega.NewGomega(func(string, ...int) { failed = true })
			g.Eventually(func() error { reads++; return errors.New("401") }).Should(gomega.Succeed())
			assert.True(t, failed)
			assert.InDelta(t, time.Second, time.Since(began), float64(20*time.Millisecond))
			assert.InDelta(t, 100, reads, 2)
		})
	})
}
