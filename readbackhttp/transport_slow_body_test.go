package readbackhttp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbackhttp"
)

// Nothing is lost of a body that comes in pieces.
func TestTransport_slowPieces(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client := serve(t, answering(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			for _, piece := range []string{"one ", "two ", "three ", "four ", "five"} {
				_, _ = io.WriteString(w, piece)
				_ = http.NewResponseController(w).Flush()
				time.Sleep(600 * time.Millisecond)
			}
		})).over(slowly)
		answered(t, "200", client, "PUT", api+"/a")
		start := time.Now()
		resp, err := client.Do(send("GET", api+"/a", ""))
		require.NoError(t, err)
		assert.Equal(t, time.Second, time.Since(start))
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, "one two three four five", string(body))
		require.NoError(t, resp.Body.Close())
	})
}

// stuck is a body that minds nothing but being closed.
type stuck chan struct{}

func (s stuck) Read([]byte) (int, error) {
	<-s
	return 0, io.ErrClosedPipe
}

func (s stuck) Close() error {
	close(s)
	return nil
}

func TestTransport_stuckBody(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		client := &http.Client{Transport: readbackhttp.NewTransport(transport(func(req *http.Request) (*http.Response, error) {
			if req.Method != "GET" {
				return reply(req, 204, ""), nil
			}
			resp := reply(req, 404, "")
			resp.Body, resp.ContentLength = make(stuck), -1
			return resp, nil
		}), slowly)}
		answered(t, "204", client, "PUT", api+"/a")
		cancelled(t, 300*time.Millisecond, client, api+"/a")
	})
}

// The context of a polled answer ends with its body, not before and not later.
func TestTransport_contextEndsWithTheBody(t *testing.T) {
	t.Parallel()
	for name, finish := range map[string]func(io.ReadCloser){
		"closed":          func(b io.ReadCloser) { _ = b.Close() },
		"read to the end": func(b io.ReadCloser) { _, _ = io.Copy(io.Discard, b) },
	} {
		bubble(t, name, func(t *testing.T) {
			var last context.Context
			reads := 0
			tr := readbackhttp.NewTransport(transport(func(req *http.Request) (*http.Response, error) {
				last = req.Context()
				if reads++; reads == 2 {
					return reply(req, 404, ""), nil
				}
				return reply(req, 200, "body"), nil
			}), slowly)
			_, err := tr.RoundTrip(send("PUT", api+"/a", ""))
			require.NoError(t, err)
			resp, err := tr.RoundTrip(send("GET", api+"/a", ""))
			require.NoError(t, err)
			time.Sleep(time.Hour)
			require.NoError(t, last.Err())
			finish(resp.Body)
			require.ErrorIs(t, last.Err(), context.Canceled)
		})
	}
}

// A slow body is cut short by the caller's context, not waited for.
func TestTransport_slowBodyCancelled(t *testing.T) {
	t.Parallel()
	bubble(t, "deadline", func(t *testing.T) {
		client := serve(t, answering(endless(404, 10*time.Second))).over(slowly)
		answered(t, "200", client, "PUT", api+"/a")
		client.Timeout = time.Second
		start := time.Now()
		resp, err := client.Do(send("GET", api+"/a", ""))
		require.NoError(t, err)
		assert.Equal(t, 404, resp.StatusCode)
		assert.Less(t, time.Since(start), 600*time.Millisecond)
		require.NoError(t, resp.Body.Close())
	})
	bubble(t, "cancelled", func(t *testing.T) {
		client := serve(t, answering(endless(404, 10*time.Second))).over(slowly)
		answered(t, "200", client, "PUT", api+"/a")
		cancelled(t, 300*time.Millisecond, client, api+"/a")
	})
	bubble(t, "closed while a piece is awaited", func(t *testing.T) {
		client := serve(t, answering(endless(404, time.Minute))).over(slowly)
		answered(t, "200", client, "PUT", api+"/a")
		resp, err := client.Do(send("GET", api+"/a", ""))
		require.NoError(t, err)
		buf := make([]byte, 2000)
		n, err := resp.Body.Read(buf)
		require.NoError(t, err)
		assert.Equal(t, 1000, n)
		time.AfterFunc(time.Second, func() { _ = resp.Body.Close() })
		start := time.Now()
		_, err = resp.Body.Read(buf)
		require.Error(t, err)
		assert.Equal(t, time.Second, time.Since(start))
	})
}

// Each body of the base is closed exactly once, each discarded one read to its
// end, and so is that of a request.
func TestTransport_closesEachBodyOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var given []*readCloser
		var rest []int
		statuses := []int{404, 503, 404, 0, 429, 200}
		base := transport(func(req *http.Request) (*http.Response, error) {
			if req.Body != nil {
				_ = req.Body.Close()
			}
			if req.Method != "GET" {
				return reply(req, 204, ""), nil
			}
			status := statuses[0]
			statuses = statuses[1:]
			if status == 0 {
				return nil, errors.New("lost")
			}
			resp := reply(req, status, strings.Repeat("x", 5000))
			given = append(given, resp.Body.(*readCloser))
			return resp, nil
		})
		client := &http.Client{Transport: readbackhttp.NewTransport(base, slowly)}
		write := send("PUT", api+"/a", "")
		body := &readCloser{Reader: strings.NewReader("body")}
		write.Body = body
		_, err := do(client, write)
		require.NoError(t, err)
		assert.Equal(t, 1, body.closed)
		_, err = ask(t.Context(), client, "GET", api+"/a")
		require.NoError(t, err)
		require.Len(t, given, 5)
		for i, b := range given {
			assert.Equal(t, 1, b.closed, "answer %d", i)
			left, _ := io.ReadAll(b.Reader)
			rest = append(rest, len(left))
		}
		assert.Equal(t, []int{0, 0, 0, 0, 0}, rest)
	})
}
