package readbackhttp_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A header whose requests are not held is seen under any case.
func TestTransport_passesAnyCase(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404 | none", "200"}}.handler())
		client := s.over(slowly)
		answered(t, "204", client, "PUT", api+"/a")
		req := send("GET", api+"/a", "")
		req.Header["if-none-match"] = []string{`"x"`}
		got, err := do(client, req)
		require.NoError(t, err)
		assert.Equal(t, "404 none", got)
	})
}

// Some clients give every read a body in which nothing is. It is held like others;
// one with something in it is not.
func TestTransport_emptyBody(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{"": "200", "query": "404 none"} {
		bubble(t, body, func(t *testing.T) {
			s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404 | none", "200"}}.handler())
			client := s.over(slowly)
			answered(t, "204", client, "PUT", api+"/a")
			req := send("GET", api+"/a", "")
			again := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
			req.Body, _ = again()
			req.GetBody = again
			got, err := do(client, req)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}
