package readbackhttp_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

// Without a token that can be used, an update without a match is never
// confirmed; all else is read back as ever.
func TestToken_none(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	for name, etag := range map[string]string{
		"none":        "",
		"1 MiB":       long,
		"over 4 KiB":  long[:4<<10+1],
		"a line":      "1\r\nX-Admin: true",
		"a null":      "1\x00",
		"not ASCII":   "1é",
		"a space":     "1 ",
		"a tab":       "1\t2",
		"only spaces": "  ",
	} {
		bubble(t, name, func(t *testing.T) {
			var reads []http.Header
			base := transport(func(req *http.Request) (*http.Response, error) {
				resp := reply(req, 200, "{}")
				if req.Method == "GET" {
					reads = append(reads, req.Header)
				} else {
					resp.Header["Etag"] = []string{etag}
				}
				return resp, nil
			})
			ex := readbackhttp.Exchange{Client: &http.Client{Transport: base}, Write: send("PATCH", api+"/a", "{}"), Token: readbackhttp.Mittwald()}
			res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
			require.ErrorIs(t, err, readbackhttp.ErrNoToken)
			assert.Equal(t, consistency.Unconfirmed, res.Outcome)
			assert.Empty(t, reads)

			ex.Match = readbackhttp.HasJSON("", map[string]any{})
			readbacktest.Confirm(t, everySecond, ex.Flow())

			client := &http.Client{Transport: readbackhttp.NewTransport(base, readbackhttp.TransportOptions{Token: readbackhttp.Mittwald()})}
			answered(t, "200 {}", client, "PATCH", api+"/a")
			answered(t, "200 {}", client, "GET", api+"/a")
			require.Len(t, reads, 2)
			for _, header := range reads {
				assert.NotContains(t, header, "If-Event-Reached")
			}
		})
	}
	bubble(t, "a handle that was tampered with", func(t *testing.T) {
		var handle consistency.Pending
		require.NoError(t, json.Unmarshal([]byte(`{"readback":1,"name":"n","goal":"match","class":"applied","written":{"token":"1\r\nX-Admin: true"}}`), &handle))
		base := transport(func(req *http.Request) (*http.Response, error) { panic("sent") })
		ex := readbackhttp.Exchange{Name: "n", Client: &http.Client{Transport: base}, Write: send("PATCH", api+"/a", "{}"), Token: readbackhttp.Mittwald()}
		_, err := consistency.Resume(t.Context(), everySecond, ex.Flow(), handle)
		require.ErrorIs(t, err, readbackhttp.ErrNoToken)
	})
	bubble(t, "an answer that was lost", func(t *testing.T) {
		s := serve(t, script{"PATCH /a": {"503 | ETag: 7"}, "GET /a": {`200 | {"v":1}`}}.handler())
		ex := readbackhttp.Exchange{Client: s.Client, Write: send("PATCH", api+"/a", "{}"), Token: readbackhttp.Mittwald()}
		_, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		require.ErrorIs(t, err, readbackhttp.ErrNoToken)
		assert.Equal(t, consistency.Unconfirmed, consistency.OutcomeOf(err))
	})
}
