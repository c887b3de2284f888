package proxy_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

// The hints of an upstream come through once, however often a read is polled.
func TestProxy_earlyHints(t *testing.T) {
	t.Parallel()
	var reads atomic.Int32
	url, _ := online(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload, <http://"+r.Host+"/logo.png>; rel=preload")
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
				assert.Equal(t, "</style.css>; rel=preload, <"+url+"/logo.png>; rel=preload", h.Get("Link"))
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

// HTTP/1.0 knows no informational answers: a client would take the first for the answer.
func TestProxy_hintsOfHTTP10(t *testing.T) {
	t.Parallel()
	url, _ := online(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		_, _ = io.WriteString(w, "answer")
	}), proxy.Options{})
	assert.Equal(t, http.StatusOK, raw(t, url, "GET /a HTTP/1.0").StatusCode)
}

// An upstream that is slow to ask for the body asks for one that is on its way already.
func TestProxy_continuesOnce(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	base := &http.Transport{ExpectContinueTimeout: time.Millisecond}
	t.Cleanup(base.CloseIdleConnections)
	url, _ := online(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-goOn
		_, _ = io.Copy(w, r.Body)
	}), proxy.Options{Base: base})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprint(conn, "POST /a HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 4\r\n\r\n")
	require.NoError(t, err)
	begin := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	_, err = io.ReadFull(conn, begin)
	require.NoError(t, err)
	assert.Equal(t, "HTTP/1.1 100 Continue\r\n\r\n", string(begin))
	close(goOn)
	_, err = io.WriteString(conn, "body")
	require.NoError(t, err)
	rest, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(rest), "HTTP/1.1 200 OK\r\n"), string(rest))
}
