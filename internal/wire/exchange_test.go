package wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/wire"
)

var quiet = log.New(io.Discard, "", 0)

func postErr(ctx context.Context, client *http.Client, url string) error {
	_, err := post(ctx, client, url)
	return err
}

// refusingAddress returns the URL of a port that nobody listens on any more.
func refusingAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return "http://" + l.Addr().String()
}

// What went over the wire is known: method, URL, status, header, body.
func TestExchanges(t *testing.T) {
	t.Parallel()
	srv, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Method", r.Method)
		w.WriteHeader(404)
		_, _ = io.WriteString(w, `{"message":"no such thing"}`)
	})
	call := wire.Note(t.Context())
	for _, method := range []string{"GET", "POST"} {
		_, _, err := request(call, watched(srv), method, srv.URL+"/things/1?verbose=1")
		require.NoError(t, err)
	}
	all := call.Exchanges()
	require.Len(t, all, 2)
	for i, method := range []string{"GET", "POST"} {
		ex := all[i]
		assert.Equal(t, method, ex.Method)
		assert.Equal(t, srv.URL+"/things/1?verbose=1", ex.URL.String())
		assert.Equal(t, 404, ex.Status)
		assert.Equal(t, method, ex.Header.Get("X-Method"))
		assert.Equal(t, `{"message":"no such thing"}`, string(ex.Body))
		assert.True(t, ex.Whole)
		assert.NoError(t, ex.Err)
		assert.Equal(t, method == "GET", ex.Safe)
		assert.False(t, ex.NotSent)
	}
}

// A request without an answer has its error.
func TestExchanges_noAnswer(t *testing.T) {
	t.Parallel()
	srv, _ := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	call := wire.Trace(t.Context())
	client := watched(srv)
	require.Error(t, postErr(call, client, srv.URL))
	require.Error(t, postErr(call, &http.Client{Transport: watch(&http.Transport{})}, refusingAddress(t)))
	all := call.Exchanges()
	require.Len(t, all, 2)
	for i, ex := range all {
		assert.Zero(t, ex.Status)
		assert.Error(t, ex.Err)
		assert.Equal(t, i == 1, ex.NotSent)
	}
}

// The beginning of a body is kept as the client reads it; where bodies are asked
// for, before, and more of it. The client gets all of it, however it is sent.
func TestExchanges_bodies(t *testing.T) {
	t.Parallel()
	const short, long = 4 << 10, 64 << 10
	for _, size := range []int{0, 1, 100, short - 1, short, short + 1, long - 1, long, long + 1, long + short + 1} {
		for _, chunked := range []bool{false, true} {
			for _, asked := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d bytes, chunked: %v, asked for: %v", size, chunked, asked), func(t *testing.T) {
					t.Parallel()
					body := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
					srv, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
						if !chunked {
							w.Header().Set("Content-Length", strconv.Itoa(size))
						}
						for at := 0; at < size; at += 1000 {
							_, _ = w.Write(body[at:min(at+1000, size)])
							if chunked {
								w.(http.Flusher).Flush()
							}
						}
					})
					call := wire.Note(t.Context())
					call.Bodies = asked
					req, err := http.NewRequestWithContext(call, http.MethodGet, srv.URL, nil)
					require.NoError(t, err)
					resp, err := watched(srv).Do(req)
					require.NoError(t, err)
					defer resp.Body.Close()

					limit := short
					if asked {
						limit = long
					}
					ex := call.Exchanges()[0]
					if asked {
						assert.Equal(t, string(body[:min(size, limit)]), string(ex.Body), "before the client has read")
						assert.Equal(t, size < limit, ex.Whole)
					} else {
						assert.Empty(t, ex.Body)
						assert.Equal(t, size == 0, ex.Whole)
					}
					got := make([]byte, 0, size)
					for buf := make([]byte, 777); err == nil; {
						var n int
						n, err = resp.Body.Read(buf)
						got = append(got, buf[:n]...)
					}
					require.Equal(t, io.EOF, err)
					assert.True(t, bytes.Equal(body, got), "the client gets %d bytes of %d", len(got), size)
					n, err := resp.Body.Read(make([]byte, 1))
					assert.Zero(t, n)
					assert.Equal(t, io.EOF, err, "and again")
					ex = call.Exchanges()[0]
					assert.Equal(t, string(body[:min(size, limit)]), string(ex.Body))
					assert.Equal(t, size < limit, ex.Whole)
				})
			}
		}
	}
}

// The short body of a 403 is read before, since it tells a missing role from lag.
func TestExchanges_bodyOfA403(t *testing.T) {
	t.Parallel()
	srv, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "12")
		w.WriteHeader(403)
		_, _ = io.WriteString(w, `{"code":403}`)
	})
	call := wire.Note(t.Context())
	req, err := http.NewRequestWithContext(call, http.MethodGet, srv.URL, nil)
	require.NoError(t, err)
	resp, err := watched(srv).Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close()) // as a client does that goes by statuses
	ex := call.Exchanges()[0]
	assert.Equal(t, `{"code":403}`, string(ex.Body))
	assert.True(t, ex.Whole)
}

// A body that is cut is not whole, and the client gets the error that it would
// have got.
func TestExchanges_cutBody(t *testing.T) {
	t.Parallel()
	srv, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, strings.Repeat("x", 50))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	for _, asked := range []bool{false, true} {
		call := wire.Note(t.Context())
		call.Bodies = asked
		_, body, err := request(call, watched(srv), http.MethodGet, srv.URL)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.Len(t, body, 50)
		ex := call.Exchanges()[0]
		assert.Len(t, ex.Body, 50)
		assert.False(t, ex.Whole)
		assert.Equal(t, 200, ex.Status)
	}
}

// What has no body is whole.
func TestExchanges_withoutBody(t *testing.T) {
	t.Parallel()
	srv, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = io.WriteString(w, "body")
	})
	for _, method := range []string{"HEAD", "DELETE"} {
		for _, asked := range []bool{false, true} {
			call := wire.Note(t.Context())
			call.Bodies = asked
			_, _, err := request(call, watched(srv), method, srv.URL)
			require.NoError(t, err)
			ex := call.Exchanges()[0]
			assert.True(t, ex.Whole, method)
			assert.Empty(t, ex.Body)
		}
	}
}

// A connection that changes its protocol is handed on as it is.
func TestExchanges_switchedProtocols(t *testing.T) {
	t.Parallel()
	body := struct{ io.ReadWriteCloser }{}
	base := roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 101, Body: body, ContentLength: -1, Request: r}, nil
	})
	call := wire.Note(t.Context())
	req, err := http.NewRequestWithContext(call, http.MethodGet, "http://service.test", nil)
	require.NoError(t, err)
	resp, err := call.RoundTrip(base, req, false)
	require.NoError(t, err)
	assert.Equal(t, body, resp.Body)
}

// A body may be closed while it is read, and read after it was closed.
func TestExchanges_closedWhileRead(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	srv, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "begun")
		w.(http.Flusher).Flush()
		<-release
	})
	defer close(release)
	call := wire.Note(t.Context())
	req, err := http.NewRequestWithContext(call, http.MethodGet, srv.URL, nil)
	require.NoError(t, err)
	resp, err := watched(srv).Do(req)
	require.NoError(t, err)
	read := make(chan error)
	go func() {
		_, err := io.Copy(io.Discard, resp.Body)
		read <- err
	}()
	for len(call.Exchanges()[0].Body) == 0 {
		runtime.Gosched() // until the reader has begun
	}
	require.NoError(t, resp.Body.Close())
	assert.Error(t, <-read)
	_, err = resp.Body.Read(make([]byte, 1))
	assert.Error(t, err)
	assert.False(t, call.Exchanges()[0].Whole)
}

// The requests of a call are in the order in which they began.
func TestExchanges_errorsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	errFirst := errors.New("first")
	n := 0
	rt := watch(roundTripper(func(r *http.Request) (*http.Response, error) {
		if n++; n == 1 {
			return nil, errFirst
		}
		return &http.Response{StatusCode: 200, Body: http.NoBody, Request: r}, nil
	}))
	call := wire.Trace(t.Context())
	client := &http.Client{Transport: rt}
	require.ErrorIs(t, postErr(call, client, "http://service.test"), errFirst)
	require.NoError(t, postErr(call, client, "http://service.test"))
	all := call.Exchanges()
	require.Len(t, all, 2)
	assert.ErrorIs(t, all[0].Err, errFirst)
	assert.Equal(t, 200, all[1].Status)
	assert.False(t, all[0].NotSent, "nobody knows what another transport does")
}
