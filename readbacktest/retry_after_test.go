package readbacktest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbacktest"
)

// Each form of Retry-After, as the library reads it.
func TestRule_RetryAfter(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		rule readbacktest.Rule
		want string
		wait time.Duration
	}{
		{"seconds", readbacktest.Rule{RetryAfter: 90 * time.Second}, "90", 90 * time.Second},
		{"seconds are whole", readbacktest.Rule{RetryAfter: 1001 * time.Millisecond}, "2", 2 * time.Second},
		{"a date", readbacktest.Rule{RetryAfter: 90 * time.Second, RetryAfterAs: http.TimeFormat}, "Sat, 01 Jan 2000 01:01:30 GMT", 90 * time.Second},
		{"a date with dashes", readbacktest.Rule{RetryAfter: 90 * time.Second, RetryAfterAs: time.RFC850}, "Saturday, 01-Jan-00 01:01:30 GMT", 90 * time.Second},
		{"a date of C", readbacktest.Rule{RetryAfter: 90 * time.Second, RetryAfterAs: time.ANSIC}, "Sat Jan  1 01:01:30 2000", 90 * time.Second},
		{"an hour", readbacktest.Rule{RetryAfter: time.Hour}, "3600", time.Hour},
		{"zero", readbacktest.Rule{Header: http.Header{"Retry-After": {"0"}}}, "0", 0},
		{"below zero", readbacktest.Rule{Header: http.Header{"Retry-After": {"-5"}}}, "-5", 0},
		{"a fraction", readbacktest.Rule{Header: http.Header{"Retry-After": {"1.5"}}}, "1.5", 1500 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.rule.Status = 503
			everyWay(t, readbacktest.Script{Skew: time.Hour, Rules: []readbacktest.Rule{tt.rule}}, func(t *testing.T, w *world) {
				resp, err := w.client.Get(w.url + "/w/1")
				require.NoError(t, err)
				defer resp.Body.Close()
				assert.Equal(t, []string{tt.want}, resp.Header["Retry-After"])
				assert.Equal(t, tt.wait, consistency.AnswerOf(resp).RetryAfter)
				assert.Equal(t, []string{"Sat, 01 Jan 2000 01:00:00 GMT"}, resp.Header["Date"])
			})
		})
	}
}

// The library does not read before it was asked to, and then soon.
func TestRule_RetryAfterObeyed(t *testing.T) {
	t.Parallel()
	inWorld(t, readbacktest.Script{Rules: []readbacktest.Rule{
		{On: "GET", Times: 1, Status: 429, RetryAfter: 7 * time.Second, RetryAfterAs: time.RFC850},
	}}, func(t *testing.T, w *world) {
		ex := exchange{Client: w.client, Write: w.request(t, `POST /w {"name":"new"}`)}
		policy := consistency.Policy{Schedule: readback.Backoff{Initial: time.Second, Max: time.Second, NoJitter: true}}
		res, err := consistency.Do(t.Context(), policy, ex.Flow())
		require.NoError(t, err)
		assert.GreaterOrEqual(t, res.Elapsed, 7*time.Second)
		assert.Less(t, res.Elapsed, 14*time.Second)
		w.AssertCount(t, "GET", 2)
	})
}
