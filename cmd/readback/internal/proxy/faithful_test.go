package proxy_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

// early is an upstream that answers in two pieces, 2 ms apart, before it has
// read the request, while it does, or after.
func early(w http.ResponseWriter, r *http.Request) {
	read := r.URL.Query().Get("read")
	if read == "before" {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	if read == "during" {
		_ = http.NewResponseController(w).EnableFullDuplex()
	}
	piece := strings.Repeat("x", 1000)
	if r.URL.Query().Get("sized") != "" {
		w.Header().Set("Content-Length", "2000")
	}
	_, _ = io.WriteString(w, piece)
	_ = http.NewResponseController(w).Flush()
	if read == "during" {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	time.Sleep(2 * time.Millisecond)
	_, _ = io.WriteString(w, piece)
}

var answersCount = flag.Int("answers", 400, "how many early answers are asked for")

// No answer is cut off, however early it begins, how long the request is, or how
// it is framed. More of them: go test -run earlyAnswers ./cmd/readback/internal/proxy -answers 10000
func TestProxy_earlyAnswers(t *testing.T) {
	t.Parallel()
	url, _ := online(t, http.HandlerFunc(early), proxy.Options{Warn: func(line string) { t.Error(line) }})
	client := newClient(t)
	rounds := *answersCount
	const concurrent = 8
	var (
		group sync.WaitGroup
		next  atomic.Int64
		body  = bytes.Repeat([]byte("body"), 1<<18)
	)
	for range concurrent {
		group.Go(func() {
			for n := int(next.Add(1)); n <= rounds; n = int(next.Add(1)) {
				assert.NoError(t, putEarly(client, url, n, body))
			}
		})
	}
	group.Wait()
}

// putEarly sends request n and checks its answer.
func putEarly(client *http.Client, url string, n int, body []byte) error {
	size := []int{1, 100, 5_000, 40_000, 200_000, 1 << 20}[rand.N(6)]
	read := []string{"before", "during", "never"}[rand.N(3)]
	target := fmt.Sprintf("%s/?read=%s&sized=%s", url, read, []string{"", "yes"}[rand.N(2)])
	var from io.Reader = bytes.NewReader(body[:size])
	if n%2 == 0 {
		from = io.MultiReader(from) // of unknown length: chunked
	}
	req, err := http.NewRequest("PUT", target, from)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%s, %d bytes: %w", target, size, err)
	}
	got, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != 200 || len(got) != 2000 {
		return fmt.Errorf("%s, %d bytes: status %d, %d bytes, %w", target, size, resp.StatusCode, len(got), err)
	}
	return nil
}

// An answer that ends before its request is there at once, and its connection
// serves no other request.
func TestProxy_answerEndsFirst(t *testing.T) {
	t.Parallel()
	url, _ := online(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.WriteString(w, "no")
	}), proxy.Options{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, coded+"5\r\nhello\r\n")
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	assert.Equal(t, "no", text(t, resp))
	_, err = io.WriteString(conn, evil)
	require.NoError(t, err)
	_, err = http.ReadResponse(in, nil)
	assert.Error(t, err)
}

// An answer that breaks off does so for the client as well, and is counted and
// told.
func TestProxy_brokenOff(t *testing.T) {
	t.Parallel()
	lines, meter := make(chan string, 1), proxy.NewMeter()
	url, _ := online(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "12345")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}), proxy.Options{Meter: meter, Warn: func(line string) { lines <- line }})
	resp, err := newClient(t).Post(url+"/?token=hunter2", "", strings.NewReader("body"))
	require.NoError(t, err)
	got, err := io.ReadAll(resp.Body)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Equal(t, "12345", string(got))
	assert.Regexp(t, `^the answer of http://127\.0\.0\.1:\d+ to the POST broke off after 5 bytes: unexpected EOF$`, <-lines)
	assert.Contains(t, metrics(t, meter), `readback_proxy_failures_total{kind="broken_off"} 1`)
}

// answers is an upstream that sends just that to each request, and closes.
func answers(t *testing.T, answer string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = io.WriteString(conn, answer)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// The proxy adds no header to an answer.
func TestProxy_addsNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		answer string
		want   []string
	}{
		{"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", []string{"Content-Length"}},
		{"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", []string{"Content-Length"}},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n<html>\r\n0\r\n\r\n", nil},
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\nDate: now\r\n\r\n<html>", []string{"Content-Length", "Date"}},
		{"HTTP/1.1 200 OK\r\nContent-Type: \r\nContent-Length: 6\r\n\r\n<html>", []string{"Content-Length", "Content-Type"}},
		{"HTTP/1.1 204 No Content\r\n\r\n", nil},
		{"HTTP/1.1 304 Not Modified\r\nEtag: \"1\"\r\n\r\n", []string{"Etag"}},
	} {
		url, _ := serve(t, answers(t, tt.answer), proxy.Options{})
		for name, client := range map[string]*http.Client{"HTTP/1": newClient(t), "HTTP/2": newH2Client(t)} {
			resp, err := client.Get(url)
			require.NoError(t, err)
			_ = text(t, resp)
			assert.ElementsMatch(t, tt.want, slices.Collect(maps.Keys(resp.Header)), "%s: %s", name, tt.answer)
		}
	}
}

// Trailers of a request arrive as they were sent, announced or not.
func TestProxy_requestTrailers(t *testing.T) {
	t.Parallel()
	got := make(chan http.Header, 1)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, "hello", string(body))
		got <- r.Trailer
	})
	url, _ := online(t, handler, proxy.Options{})
	for name, client := range map[string]*http.Client{"HTTP/1": newClient(t), "HTTP/2": newH2Client(t)} {
		req, err := http.NewRequest("POST", url, io.MultiReader(strings.NewReader("hello")))
		require.NoError(t, err)
		req.Trailer = http.Header{"X-Sum": {"1"}, "X-Two": {"a", "b"}}
		resp, err := client.Do(req)
		require.NoError(t, err)
		_ = text(t, resp)
		assert.Equal(t, http.Header{"X-Sum": {"1"}, "X-Two": {"a", "b"}}, <-got, name)
	}
	statuses, _ := probe(t, url, sized("Connection: close\r\nTransfer-Encoding: chunked")+"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")
	assert.Equal(t, []int{200}, statuses)
	assert.Equal(t, http.Header{"X-Sum": {"1"}}, <-got, "not announced")

	upstream := httptest.NewUnstartedServer(handler)
	upstream.EnableHTTP2 = true
	upstream.StartTLS()
	t.Cleanup(upstream.Close)
	url, _ = serve(t, upstream.URL, proxy.Options{Base: upstream.Client().Transport})
	statuses, _ = probe(t, url, sized("Connection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum")+"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")
	assert.Equal(t, []int{200}, statuses)
	assert.Equal(t, http.Header{"X-Sum": {"1"}}, <-got, "to HTTP/2")
}

// metrics returns what a meter counted.
func metrics(t *testing.T, m *proxy.Meter) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, 200, w.Code)
	return w.Body.String()
}
