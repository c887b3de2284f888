package readbackhttp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/wire"
	"github.com/readback-go/readback/readbackhttp"
)

// got is all that a client sees of an exchange.
type got struct {
	Status           string
	StatusCode       int
	Proto            string
	Header, Trailer  http.Header
	ContentLength    int64
	TransferEncoding []string
	Close            bool
	Uncompressed     bool
	TLS              bool
	Request          string
	SameRequest      bool // that the client sent, or the one that the base tells
	Body             string
	BodyErr, Err     string
	Again            string // of a read at the end
	Closed           string // of a read after Close
}

// roundTrip sends req by rt and reads the answer in pieces.
func roundTrip(rt http.RoundTripper, req *http.Request, piece int) (g got) {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		g.Err = fmt.Sprintf("%T: %v", err, err)
	}
	if resp == nil {
		return g
	}
	g.Status, g.StatusCode, g.Proto, g.Header = resp.Status, resp.StatusCode, resp.Proto, resp.Header.Clone()
	g.Header.Del("Date")
	g.ContentLength, g.TransferEncoding = resp.ContentLength, resp.TransferEncoding
	g.Close, g.Uncompressed, g.TLS = resp.Close, resp.Uncompressed, resp.TLS != nil
	if resp.Request != nil {
		g.Request, g.SameRequest = resp.Request.Method+" "+resp.Request.URL.String(), resp.Request == req
	}
	if resp.Body == nil {
		g.Body = "none"
		return g
	}
	var body strings.Builder
	for buf := make([]byte, piece); err == nil; {
		var n int
		n, err = resp.Body.Read(buf)
		body.Write(buf[:n])
	}
	g.Body, g.BodyErr = body.String(), fmt.Sprintf("%T: %v", err, err)
	n, err := resp.Body.Read(make([]byte, 1))
	g.Again = fmt.Sprint(n, err)
	g.Trailer = resp.Trailer.Clone()
	if err := resp.Body.Close(); err != nil {
		g.BodyErr += ", closed: " + err.Error()
	}
	n, err = resp.Body.Read(make([]byte, 1))
	g.Closed = fmt.Sprint(n, err)
	return g
}

// inEachFlow returns ctx as it is in a flow of each kind, and outside of one.
func inEachFlow(ctx context.Context) map[string]context.Context {
	bodies, traced := wire.Note(ctx), wire.Trace(ctx)
	bodies.Bodies = true
	return map[string]context.Context{
		"outside of a flow":        ctx,
		"in a read":                wire.Note(ctx),
		"in a write":               traced,
		"where a rule asks bodies": bodies,
	}
}

// Requests and answers are those of the base, however they are framed.
func TestWatch_changesNothing(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Sent", fmt.Sprint(r.Method, " ", r.ContentLength, " ", len(sent), " ", r.TransferEncoding, " ", r.Header))
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		body := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		status, _ := strconv.Atoi(r.URL.Query().Get("status"))
		flush := func() {
			if f, ok := w.(http.Flusher); ok {
				f.Flush()
			}
		}
		switch r.URL.Query().Get("framing") {
		case "length":
			w.Header().Set("Content-Length", strconv.Itoa(size))
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		case "chunks":
			w.WriteHeader(status)
			flush()
			for ; len(body) > 0; body = body[min(len(body), 1000):] {
				_, _ = io.WriteString(w, body[:min(len(body), 1000)])
				flush()
			}
		case "trailers":
			w.Header().Set("Trailer", "X-Sum")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			w.Header().Set("X-Sum", strconv.Itoa(size))
			w.Header().Set(http.TrailerPrefix+"X-Late", "1")
		case "cut":
			w.Header().Set("Content-Length", strconv.Itoa(size+7))
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			flush()
			panic(http.ErrAbortHandler)
		case "cut chunks":
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			flush()
			panic(http.ErrAbortHandler)
		case "lost":
			panic(http.ErrAbortHandler)
		case "close":
			w.Header().Set("Connection", "close")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	})
	for _, version := range []int{1, 2} {
		srv := httptest.NewUnstartedServer(handler)
		srv.EnableHTTP2 = version == 2
		srv.StartTLS()
		t.Cleanup(srv.Close)
		srv.Config.ErrorLog = nil
		for _, framing := range []string{"length", "chunks", "trailers", "cut", "cut chunks", "lost", "close"} {
			if framing == "close" && version == 2 {
				continue // net/http sends what was on its way again
			}
			for _, size := range []int{0, 1, 4096, 4097, 65_536, 65_537} {
				for _, status := range []int{200, 204, 304, 403} {
					if size > 4097 && status != 200 || (size > 1 || status != 200) && (strings.HasPrefix(framing, "cut") || framing == "lost") || size > 0 && (status == 204 || status == 304) {
						continue
					}
					t.Run(fmt.Sprintf("HTTP/%d, %d, %s, %d bytes", version, status, framing, size), func(t *testing.T) {
						t.Parallel()
						for _, method := range []string{"GET", "HEAD", "POST"} {
							url := fmt.Sprintf("%s/?framing=%s&size=%d&status=%d", srv.URL, strings.ReplaceAll(framing, " ", "+"), size, status)
							make := func(ctx context.Context) *http.Request {
								body := ""
								if method == "POST" {
									body = `{"name":"a"}`
								}
								req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
								require.NoError(t, err)
								return req
							}
							shared := srv.Client().Transport.(*http.Transport)
							base := func() *http.Transport {
								if framing == "cut" || framing == "cut chunks" || framing == "lost" {
									return shared.Clone() // net/http may notice late that a connection is closed
								}
								return shared
							}
							try := func(rt http.RoundTripper, of *http.Transport, ctx context.Context) got {
								if of != shared {
									defer of.CloseIdleConnections()
								}
								return roundTrip(rt, make(ctx), 999)
							}
							plain := base()
							want := try(plain, plain, t.Context())
							for where, ctx := range inEachFlow(t.Context()) {
								of := base()
								if got := try(readbackhttp.Watch(of), of, ctx); !reflect.DeepEqual(got, want) {
									t.Errorf("%s %s:\n got %.600s\nwant %.600s", method, where, fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
								}
							}
						}
					})
				}
			}
		}
	}
}

// A connection that changes its protocol is handed on, to be written to.
func TestWatch_switchedProtocols(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = buf.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
		_ = buf.Flush()
		line, _ := buf.ReadString('\n')
		_, _ = buf.WriteString("echo " + line)
		_ = buf.Flush()
	}))
	t.Cleanup(srv.Close)
	for where, ctx := range inEachFlow(t.Context()) {
		req, err := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
		require.NoError(t, err)
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "echo")
		resp, err := readbackhttp.Watch(srv.Client().Transport).RoundTrip(req)
		require.NoError(t, err, where)
		require.Equal(t, 101, resp.StatusCode)
		conn, ok := resp.Body.(io.ReadWriteCloser)
		require.True(t, ok, where)
		_, err = io.WriteString(conn, "hello\n")
		require.NoError(t, err)
		line, err := bufio.NewReader(conn).ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, "echo hello\n", line)
		require.NoError(t, conn.Close())
	}
}

// What the base says of the request stays, also of one that it made itself.
func TestWatch_requestOfBase(t *testing.T) {
	t.Parallel()
	other := send("GET", api+"/elsewhere", "")
	for name, of := range map[string]func(*http.Request) *http.Request{
		"the one sent": func(r *http.Request) *http.Request { return r },
		"another":      func(*http.Request) *http.Request { return other },
		"none":         func(*http.Request) *http.Request { return nil },
	} {
		base := transport(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("body")), Request: of(r)}, nil
		})
		want := roundTrip(base, send("GET", api+"/", ""), 9)
		for where, ctx := range inEachFlow(t.Context()) {
			got := roundTrip(readbackhttp.Watch(base), send("GET", api+"/", "").WithContext(ctx), 9)
			got.Closed, want.Closed = "", ""
			assert.Equal(t, want, got, "%s, %s", name, where)
		}
	}
}

// Each kind of base that net/http allows is handed on: no response, no body, an
// error beside a response.
func TestWatch_oddBases(t *testing.T) {
	t.Parallel()
	errOdd := errors.New("odd")
	for name, base := range map[string]transport{
		"an error":                       func(*http.Request) (*http.Response, error) { return nil, errOdd },
		"neither":                        func(*http.Request) (*http.Response, error) { return nil, nil },
		"no body":                        func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 200}, nil },
		"an error and a response":        func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 500}, errOdd },
		"a body of unknown length":       func(*http.Request) (*http.Response, error) { return odd("body", -1), nil },
		"a body of length 0, it is said": func(*http.Request) (*http.Response, error) { return odd("body", 0), nil },
		"a body that is too short":       func(*http.Request) (*http.Response, error) { return odd("body", 9), nil },
		"a body that is too long":        func(*http.Request) (*http.Response, error) { return odd("body", 2), nil },
	} {
		want := roundTrip(base, send("GET", api+"/", ""), 9)
		for where, ctx := range inEachFlow(t.Context()) {
			got := roundTrip(readbackhttp.Watch(base), send("GET", api+"/", "").WithContext(ctx), 9)
			got.Closed, want.Closed = "", ""
			assert.Equal(t, want, got, "%s, %s", name, where)
		}
	}
}

func odd(body string, length int64) *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: length}
}

// What a base tells without a length is known all the same.
func TestWatch_lengthNotSet(t *testing.T) {
	t.Parallel()
	base := transport(func(*http.Request) (*http.Response, error) { return odd(`{"ok":false}`, 0), nil })
	call := wire.Note(t.Context())
	call.Bodies = true
	_ = roundTrip(readbackhttp.Watch(base), send("POST", api+"/", "").WithContext(call), 9)
	require.Len(t, call.Exchanges(), 1)
	assert.Equal(t, `{"ok":false}`, string(call.Exchanges()[0].Body))
	assert.True(t, call.Exchanges()[0].Whole)
}

// A body that is asked for ahead is not there any more once it is closed.
func TestWatch_closedEarly(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "body") }))
	t.Cleanup(srv.Close)
	for where, ctx := range inEachFlow(t.Context()) {
		req, err := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
		require.NoError(t, err)
		resp, err := readbackhttp.Watch(srv.Client().Transport).RoundTrip(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		n, err := resp.Body.Read(make([]byte, 9))
		assert.Zero(t, n, where)
		assert.ErrorContains(t, err, "closed response body", where)
	}
}

// Outside of a flow nothing is allocated.
func TestWatch_costsNothing(t *testing.T) {
	resp := &http.Response{StatusCode: 200, Body: http.NoBody}
	base := transport(func(*http.Request) (*http.Response, error) { return resp, nil })
	req := send("GET", api+"/things/7", "")
	allocs := func(rt http.RoundTripper) float64 {
		return testing.AllocsPerRun(100, func() { _, _ = rt.RoundTrip(req) })
	}
	assert.Zero(t, allocs(base))
	assert.Zero(t, allocs(readbackhttp.Watch(base)))
}

// The connections that are idle are closed by the client, where the base can.
func TestWatch_idleConnections(t *testing.T) {
	t.Parallel()
	closed := 0
	(&http.Client{Transport: readbackhttp.Watch(idle{closed: &closed})}).CloseIdleConnections()
	assert.Equal(t, 1, closed)
	(&http.Client{Transport: readbackhttp.Watch(transport(nil))}).CloseIdleConnections() // cannot, and does no harm
}

type idle struct {
	transport
	closed *int
}

func (i idle) CloseIdleConnections() { *i.closed++ }

// Nil is the default transport, as in a client.
func TestWatch_nilIsTheDefaultTransport(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	t.Cleanup(srv.Close)
	for where, ctx := range inEachFlow(t.Context()) {
		req, err := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
		require.NoError(t, err)
		resp, err := readbackhttp.Watch(nil).RoundTrip(req)
		require.NoError(t, err)
		assert.Equal(t, http.StatusTeapot, resp.StatusCode, where)
		require.NoError(t, resp.Body.Close())
	}
}

// A long answer reaches the client as it comes: only where a rule asks for bodies
// is it waited for.
func TestWatch_longAnswersStream(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				_, _ = io.WriteString(w, "tick\n")
				w.(http.Flusher).Flush()
				time.Sleep(time.Second)
			}
		}))
		for where, ctx := range inEachFlow(t.Context()) {
			began := time.Now()
			req, err := http.NewRequestWithContext(ctx, "GET", api+"/", nil)
			require.NoError(t, err)
			resp, err := readbackhttp.Watch(srv.Client.Transport).RoundTrip(req)
			require.NoError(t, err)
			_, err = resp.Body.Read(make([]byte, 9))
			require.NoError(t, err)
			waited := time.Duration(0)
			if where == "where a rule asks bodies" {
				waited = 3 * time.Second
			}
			assert.Equal(t, waited, time.Since(began), where)
			_, err = io.Copy(io.Discard, resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
		}
	})
}

// A request outside of a flow beside one that is watched, and one that is not:
// A/A.
func BenchmarkWatch(b *testing.B) {
	resp := &http.Response{StatusCode: 200, Body: http.NoBody, Header: http.Header{}}
	base := transport(func(*http.Request) (*http.Response, error) { return resp, nil })
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"v":1}`) }))
	b.Cleanup(srv.Close)
	loopback := srv.Client().Transport
	for _, bb := range []struct {
		name string
		rt   http.RoundTripper
		url  string
		ctx  context.Context
	}{
		{"over=memory/bare", base, api, b.Context()},
		{"over=memory/bare-again", base, api, b.Context()},
		{"over=memory/watched", readbackhttp.Watch(base), api, b.Context()},
		{"over=loopback/bare", loopback, srv.URL, b.Context()},
		{"over=loopback/bare-again", loopback, srv.URL, b.Context()},
		{"over=loopback/watched", readbackhttp.Watch(loopback), srv.URL, b.Context()},
	} {
		b.Run(bb.name, func(b *testing.B) {
			req := send("GET", bb.url, "").WithContext(bb.ctx)
			b.ReportAllocs()
			for b.Loop() {
				resp, err := bb.rt.RoundTrip(req)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
}
