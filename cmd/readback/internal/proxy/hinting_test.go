package proxy_test

import (
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

// The hints of an upstream come through once, however often a read is polled.
func TestProxy_earlyHints(t *testing.T) {
	t.Parallel()
	var reads atomic.Int32
	url, _ := online(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		if r.Method == "GET" && reads.Add(1) < 4 {
			w.WriteHeader(http.StatusNotFound)
		}
	}), proxy.Options{})
	for name, client := range map[string]*http.Client{"HTTP/1": newClient(t), "HTTP/2": newH2Client(t)} {
		reads.Store(0)
		for _, method := range []string{"PUT", "GET"} {
			var hints atomic.Int32
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(status int, h textproto.MIMEHeader) error {
				assert.Equal(t, http.StatusEarlyHints, status)
				assert.Equal(t, "</style.css>; rel=preload", h.Get("Link"))
				hints.Add(1)
				return nil
			}})
			req, err := http.NewRequestWithContext(ctx, method, url+"/a", http.NoBody)
			require.NoError(t, err)
			resp, err := client.Do(req)
			require.NoError(t, err)
			_ = text(t, resp)
			assert.Equal(t, 200, resp.StatusCode, name)
			assert.Equal(t, int32(1), hints.Load(), "%s %s", name, method)
		}
		assert.Equal(t, int32(4), reads.Load())
	}
}
