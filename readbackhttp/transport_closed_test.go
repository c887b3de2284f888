package readbackhttp_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A body that was held may be closed, also while it is read, as every body of net/http;
// nothing more comes of it then.
func TestTransport_bodyClosed(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"kept": "some", "long": strings.Repeat("long", 20<<10)} {
		for _, whileRead := range []bool{true, false} {
			bubble(t, fmt.Sprint(name, ", while it is read: ", whileRead), func(t *testing.T) {
				s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404 | " + body}}.handler())
				client := s.over(slowly)
				answered(t, "204", client, "PUT", api+"/a")
				resp, err := client.Do(send("GET", api+"/a", ""))
				require.NoError(t, err)
				if whileRead {
					go func() { _ = resp.Body.Close() }()
					_, _ = io.Copy(io.Discard, resp.Body)
				}
				_ = resp.Body.Close()
				n, err := resp.Body.Read(make([]byte, 10))
				assert.Zero(t, n)
				assert.Error(t, err)
			})
		}
	}
}
