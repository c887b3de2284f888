package consistency_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// A response whose body is coded shows what it says; if that cannot be known, it shows
// something, and no rule is asked of it.
func TestDo_codedResponses(t *testing.T) {
	t.Parallel()
	zip := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := io.WriteString(z, text)
		require.NoError(t, err)
		require.NoError(t, z.Close())
		return b.String()
	}
	tests := []struct {
		name, coding, body string
		want               consistency.Outcome
	}{
		{"something", "gzip", zip(`{"id":7}`), consistency.Confirmed},
		{"nothing", "gzip", zip(`null`), consistency.Unconfirmed},
		{"an empty list", "gzip", zip(`[]`), consistency.Unconfirmed},
		{"a coding that is unknown", "br", "\x0b\x02", consistency.Confirmed},
		{"what is no gzip", "gzip", "\x0b\x02", consistency.Confirmed},
	}
	for _, tt := range tests {
		for _, ruled := range []bool{false, true} {
			bubble(t, tt.name, func(t *testing.T) {
				policy := consistency.Policy{Schedule: everySecond}
				if ruled { // what is empty is a page of a gateway
					policy.Rules.Read = []consistency.ReadRule{{From: 200, Body: func(b []byte) bool { return len(b) == 0 }, Verdict: poll.Pending, Reason: consistency.NotFound}}
				}
				res, err := consistency.Do(t.Context(), policy, consistency.Create("create",
					func(context.Context) (int, error) { return 7, nil },
					func(context.Context, int) (*http.Response, error) {
						return &http.Response{
							StatusCode: 200, Header: http.Header{"Content-Encoding": {tt.coding}},
							Body: io.NopCloser(bytes.NewReader([]byte(tt.body))), Request: &http.Request{Method: "GET"},
						}, nil
					}))
				assert.Equal(t, tt.want, res.Outcome, "%v", err)
			})
		}
	}
}
