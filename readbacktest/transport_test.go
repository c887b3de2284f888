package readbacktest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbacktest"
)

// cause is what a client finds in an error, in words.
func cause(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET):
		return "reset"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "unexpected EOF"
	case errors.Is(err, io.EOF):
		return "EOF"
	case errors.Is(err, errOwn):
		return "own"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline"
	}
	return fmt.Sprint(err)
}

// How far a request got is told to a trace, in the order of net/http.
func TestHandler_trace(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		rule readbacktest.Rule
		want string
		err  string
	}{
		{"answered", readbacktest.Rule{}, "get api.test:80, got, headers, request, byte", "<nil>"},
		{"cut before it was read", readbacktest.Rule{Cut: readbacktest.CutRequest, Delay: time.Second}, "get api.test:80, got, headers, request failed", "reset"},
		{"cut in place of an answer", readbacktest.Rule{Cut: readbacktest.CutAnswer, Delay: time.Second}, "get api.test:80, got, headers, request", "EOF"},
		{"unreachable", readbacktest.Rule{Cut: readbacktest.Unreachable}, "get api.test:80", "refused"},
		{"truncated", readbacktest.Rule{Truncated: true}, "get api.test:80, got, headers, request, byte", "unexpected EOF"},
		{"too late", readbacktest.Rule{Delay: time.Hour}, "get api.test:80, got, headers, request", "own"},
		{"cut too late", readbacktest.Rule{Cut: readbacktest.CutAnswer, Delay: time.Hour}, "get api.test:80, got, headers, request", "own"},
		{"cut too late to see it", readbacktest.Rule{Cut: readbacktest.CutRequest, Delay: time.Hour}, "get api.test:80, got, headers, request failed", "own"},
		{"a body too late", readbacktest.Rule{Slow: time.Hour}, "get api.test:80, got, headers, request, byte", "own"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, readbacktest.Script{Rules: []readbacktest.Rule{tt.rule}}, func(t *testing.T, w *world) {
				var told []string
				tell := func(what string) { told = append(told, what) }
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errOwn)
				defer cancel()
				ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
					GetConn: func(at string) { tell("get " + at) },
					GotConn: func(i httptrace.GotConnInfo) {
						tell("got")
						assert.NotEmpty(t, i.Conn.LocalAddr().String()+i.Conn.RemoteAddr().String())
					},
					WroteHeaders: func() { tell("headers") },
					WroteRequest: func(i httptrace.WroteRequestInfo) {
						if i.Err != nil {
							tell("request failed")
							return
						}
						tell("request")
					},
					GotFirstResponseByte: func() { tell("byte") },
				})
				got := w.sendIn(t, ctx, `PUT /w/1 {"name":"x"}`)
				assert.Equal(t, tt.want, strings.Join(told, ", "))
				assert.Equal(t, tt.err, cause(got.err))
				switch {
				case tt.err == "own":
					assert.Equal(t, time.Minute, got.took)
				case tt.rule.Delay > 0:
					assert.Equal(t, tt.rule.Delay, got.took)
				default:
					assert.Zero(t, got.took)
				}
				if tt.rule.Cut == readbacktest.Unreachable {
					w.AssertCount(t, "", 0)
				} else {
					w.AssertCount(t, "", 1)
				}
			})
		})
	}
}

// Nothing is sent with a context that has ended.
func TestHandler_contextEnded(t *testing.T) {
	t.Parallel()
	inWorld(t, readbacktest.Script{}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errOwn)
		body := &closing{Reader: strings.NewReader(`{}`)}
		req, err := http.NewRequestWithContext(ctx, "POST", w.url+"/w", body)
		require.NoError(t, err)
		resp, err := w.RoundTrip(req)
		assert.Nil(t, resp)
		assert.ErrorIs(t, err, errOwn)
		assert.True(t, body.closed)
		w.AssertCount(t, "", 0)
	})
}

// closing is a body that knows whether it was closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

// A request whose body breaks off was not executed.
func TestHandler_bodyBreaksOff(t *testing.T) {
	t.Parallel()
	everyWay(t, readbacktest.Script{}, func(t *testing.T, w *world) {
		body := &closing{Reader: io.MultiReader(strings.NewReader(`{}`), broken{})}
		_, err := w.client.Post(w.url+"/w", "application/json", body)
		assert.ErrorIs(t, err, errOwn)
		assert.True(t, body.closed)
		synctest.Wait()
		w.AssertExecuted(t, "", 0)
		require.Len(t, w.Requests(""), 1)
		assert.Zero(t, w.Requests("")[0].Status)
		assert.Equal(t, "broke off", w.Requests("")[0].Note)
	})
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errOwn }

// A body that never ends does not outlive its request.
func TestHandler_bodyHangs(t *testing.T) {
	t.Parallel()
	inWorld(t, readbacktest.Script{}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errOwn)
		defer cancel()
		r, _ := io.Pipe()
		req, err := http.NewRequestWithContext(ctx, "POST", w.url+"/w", r)
		require.NoError(t, err)
		_, err = w.RoundTrip(req)
		assert.ErrorIs(t, err, errOwn)
		assert.Equal(t, time.Second, time.Since(w.start))
		w.AssertExecuted(t, "", 0)
	})
}

// A body that is closed while it is read, and read after that.
func TestHandler_bodyClosed(t *testing.T) {
	t.Parallel()
	inWorld(t, travels(readbacktest.Rule{On: "GET", Slow: time.Hour}), func(t *testing.T, w *world) {
		resp, err := w.client.Get(w.url + "/w/1")
		require.NoError(t, err)
		go func() {
			time.Sleep(time.Second)
			_ = resp.Body.Close()
		}()
		_, err = io.ReadAll(resp.Body)
		assert.Error(t, err)
		assert.Equal(t, time.Second, time.Since(w.start))
		_, err = resp.Body.Read(make([]byte, 1))
		assert.ErrorIs(t, err, http.ErrBodyReadAfterClose)
		assert.NoError(t, resp.Body.Close())
	})
}

// A trace is told which host and port a connection is to.
func TestHandler_traceHost(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"http://api.test/w": "api.test:80", "https://api.test/w": "api.test:443", "http://[::1]:8080/w": "[::1]:8080",
	} {
		var got string
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GetConn: func(at string) { got = at }})
		req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
		require.NoError(t, err)
		resp, err := readbacktest.NewHandler(readbacktest.Script{}).RoundTrip(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, want, got)
		assert.Same(t, req, resp.Request)
	}
	_, err := readbacktest.NewHandler(readbacktest.Script{}).RoundTrip(&http.Request{})
	assert.EqualError(t, err, "readbacktest: the request has no URL")
}
