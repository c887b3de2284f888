package readbackhttp_test

import (
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

// bodies counts the bodies of the answers that a client got.
type bodies struct {
	rest           http.RoundTripper
	opened, closed atomic.Int64
	read           atomic.Int64 // bytes
}

func countBodies(client *http.Client) *bodies {
	b := &bodies{rest: client.Transport}
	client.Transport = b
	return b
}

func (b *bodies) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.rest.RoundTrip(req)
	if err == nil {
		b.opened.Add(1)
		resp.Body = &countedBody{ReadCloser: resp.Body, bodies: b}
	}
	return resp, err
}

func (b *bodies) CloseIdleConnections() {
	(&http.Client{Transport: b.rest}).CloseIdleConnections()
}

type countedBody struct {
	io.ReadCloser
	bodies *bodies
	closed bool
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bodies.read.Add(int64(n))
	return n, err
}

func (b *countedBody) Close() error {
	if !b.closed {
		b.closed = true
		b.bodies.closed.Add(1)
	}
	return b.ReadCloser.Close()
}

// Every body is read to its end and closed, so one connection is enough.
func TestBodies_oneConnectionIsEnough(t *testing.T) {
	t.Parallel()
	const reads = 20
	for _, status := range []string{"200", "202", "304", "307", "403", "404", "503"} {
		for _, size := range []int{0, 1 << 10, 100 << 10} {
			if status == "304" && size > 0 {
				continue // has no body
			}
			t.Run(status+"/size="+strconv.Itoa(size), func(t *testing.T) {
				t.Parallel()
				body := strings.Repeat("x", size)
				srv := serveLoopback(t, script{
					"POST /things":  {"201 | Location: /things/7 | " + body},
					"GET /things/7": {status + " | Location: /elsewhere | " + body},
				}.handler())
				counted := countBodies(srv.Client)
				ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", srv.URL+"/things", `{}`)}
				flow := ex.Flow()
				ref, err := flow.Write(t.Context())
				require.NoError(t, err)
				for range reads {
					doc, err := flow.Read(t.Context(), ref)
					if status < "300" {
						require.NoError(t, err)
						assert.Len(t, doc.Body, size)
						continue
					}
					var failure *readbackhttp.StatusError
					require.ErrorAs(t, err, &failure)
					assert.LessOrEqual(t, len(failure.Body), 512)
				}
				assert.Len(t, srv.reads(), reads)
				assert.Equal(t, 1, srv.writes())
				assert.EqualValues(t, 1, srv.conns.Load(), "connections")
				assert.EqualValues(t, reads+1, counted.opened.Load())
				assert.Equal(t, counted.opened.Load(), counted.closed.Load(), "bodies closed")
			})
		}
	}
}

// The same of a monitor, and of writes that are refused or sent elsewhere.
func TestBodies_connectionsOfOthers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		body := strings.Repeat("x", 100<<10)
		srv := serve(t, script{
			"POST /old":     {"307 | Location: /things | x"}, // net/http itself gives up longer ones
			"POST /things":  {"429 | " + body, "202 | Operation-Location: /ops/1 | " + body},
			"GET /ops/1":    {"404 | " + body, "503 | " + body, "200 | " + body, "303 | Location: /things/7 | " + body},
			"GET /things/7": {"404 | " + body, "200 | " + body},
		}.handler())
		counted := countBodies(srv.Client)
		policy := everySecond
		policy.Resend.OnRateLimited = true
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/old", `{}`), Monitor: &readbackhttp.Monitor{}}
		readbacktest.Confirm(t, policy, ex.Flow())
		assert.Equal(t, 4, srv.writes(), "sent again with consent, and each time moved")
		assert.Len(t, srv.reads(), 6)
		assert.EqualValues(t, 1, srv.conns.Load())
		assert.EqualValues(t, 10, counted.opened.Load())
		assert.EqualValues(t, 10, counted.closed.Load())
		counted.CloseIdleConnections()
	})
}

// A body without an end is given up after a bounded number of bytes.
func TestBodies_endlessIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 404, 503} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			srv := serveLoopback(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(status)
				for chunk := make([]byte, 8<<10); r.Context().Err() == nil; {
					_, _ = w.Write(chunk)
				}
			}))
			counted := countBodies(srv.Client)
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send("PUT", srv.URL+"/things/7", ""), Match: readbackhttp.HasJSON("", 1), MaxBody: 100 << 10}
			flow := ex.Flow()
			_, err := flow.Read(t.Context(), readbackhttp.Ref{})
			if status == 200 {
				assert.ErrorContains(t, err, "answered 200, but the body is too long: over 102400 bytes")
			} else {
				assert.ErrorContains(t, err, "answered "+strconv.Itoa(status))
			}
			assert.LessOrEqual(t, counted.read.Load(), int64(100<<10+1+256<<10))
			assert.EqualValues(t, 1, counted.closed.Load())

			_, err = flow.Write(t.Context())
			assert.Equal(t, status == 200, err == nil)
			assert.LessOrEqual(t, counted.read.Load(), int64(2*(100<<10+1+256<<10)))
			assert.EqualValues(t, 2, counted.closed.Load())
			assert.Equal(t, 1, srv.writes())
		})
	}
}

// A body that trickles for ever ends with the timeout of its read; the status
// counts all the same.
func TestBodies_tricklingEndsWithItsTimeout(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, give string
		reason     poll.Reason
	}{
		{"404", "404", consistency.NotFound},
		{"200", "200", "unreadable"},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			n := 0
			srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if n++; r.Method == http.MethodPost || n > 2 {
					answer(w, `201 | Location: /things/7 | {"v":1}`)
					return
				}
				answer(w, tt.give)
				for r.Context().Err() == nil {
					_, _ = io.WriteString(w, "x")
					w.(http.Flusher).Flush()
					time.Sleep(time.Second)
				}
			}))
			policy := everySecond
			policy.ReadTimeout = 3500 * time.Millisecond
			res, err := consistency.Do(t.Context(), policy, readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", "")}.Flow())
			assert.NoError(t, err)
			assert.Equal(t, []string{"0s POST /things", "0s GET /things/7", "4.5s GET /things/7"}, srv.log())
			assert.Equal(t, tt.reason, history(res.History)[0].Reason)
		})
	}
}

// The status of a write counts, whatever became of the body of its answer.
func TestBodies_ofWrite(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(" ", 2<<20)
	for name, give := range map[string]string{
		"truncated":              "201 | Location: /things/7 | Content-Length: 99 | {",
		"too long":               "201 | Location: /things/7 | " + long,
		"redirect, truncated":    "303 | Location: /things/7 | Content-Length: 99 | {",
		"accepted, and too long": "202 | Location: /things/7 | " + long,
	} {
		bubble(t, name, func(t *testing.T) {
			srv := serve(t, script{"POST /things": {give}, "GET /things/7": {"404", `200 | {"v":1}`}}.handler())
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`), LocationOfAccepted: true}
			readbacktest.Confirm(t, everySecond, ex.Flow())
			assert.Equal(t, []string{"0s POST /things", "0s GET /things/7", "1s GET /things/7"}, srv.log())
		})
	}
	for name, give := range map[string]string{
		"refused, truncated": "422 | Content-Length: 99 | {",
		"refused, too long":  "422 | " + long,
	} {
		bubble(t, name, func(t *testing.T) {
			srv := serve(t, script{"POST /things": {give}}.handler())
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`)}
			res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
			assert.Equal(t, consistency.Failed, res.Outcome)
			assert.ErrorContains(t, err, "answered 422")
			assert.Equal(t, []string{"0s POST /things"}, srv.log())
		})
	}
}

// A good answer whose body was not read to its end is no proof; that of a
// resource to be gone is one that it is still there.
func TestBodies_ofRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		give string
		want string
	}{
		{"truncated", `200 | Content-Length: 99 | {"v":2}`, "answered 200, but unexpected EOF"},
		{"too long", `200 | {"v":2}` + strings.Repeat(" ", 1<<20), "answered 200, but the body is too long: over 1048576 bytes"},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, script{
				"POST /things":     {"201 | Location: /things/7"},
				"PUT /things/7":    {"200"},
				"DELETE /things/7": {"204"},
				"GET /things/7":    {tt.give, `200 | {"v":2}`, tt.give, `200 | {"v":2}`, "404", tt.give, "404"},
			}.handler())
			exchanges := []readbackhttp.Exchange{
				{Client: srv.Client, Write: send("PUT", api+"/things/7", `{}`), Match: readbackhttp.HasJSON("/v", 2)},
				{Client: srv.Client, Write: send("POST", api+"/things", `{}`)},
			}
			for _, ex := range exchanges {
				res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
				assert.NoError(t, err)
				reads := history(res.History)
				require.Len(t, reads, 2)
				assert.Equal(t, poll.Unknown, reads[0].Verdict)
				assert.Equal(t, 200, reads[0].Status)
				assert.ErrorContains(t, reads[0].Err, tt.want)
			}
			del := readbackhttp.Exchange{Client: srv.Client, Write: send("DELETE", api+"/things/7", "")}
			res, err := consistency.Do(t.Context(), everySecond, del.Flow())
			assert.NoError(t, err)
			reads := history(res.History)
			require.Len(t, reads, 4)
			assert.Equal(t, poll.Pending, reads[1].Verdict)
			assert.Equal(t, consistency.StillThere, reads[1].Reason)
			assert.Equal(t, 3, srv.writes())
			assert.Len(t, srv.reads(), 8)
		})
	}
}

// MaxBody is exact, and has no upper bound.
func TestBodies_maxBody(t *testing.T) {
	t.Parallel()
	tests := []struct {
		maxBody int64
		size    int
		fits    bool
	}{
		{0, 1 << 20, true},
		{0, 1<<20 + 1, false},
		{1, 1, true},
		{1, 2, false},
		{2 << 20, 2 << 20, true},
		{math.MaxInt64, 2 << 20, true},
	}
	for _, tt := range tests {
		srv := serveLoopback(t, script{"GET /things/7": {"200 | " + strings.Repeat("x", tt.size)}}.handler())
		ex := readbackhttp.Exchange{
			Client: srv.Client, Write: send("PUT", srv.URL+"/things/7", ""), Match: readbackhttp.HasJSON("", 1), MaxBody: tt.maxBody,
		}
		doc, err := ex.Flow().Read(t.Context(), readbackhttp.Ref{})
		if !tt.fits {
			assert.ErrorContains(t, err, "too long")
			continue
		}
		require.NoError(t, err)
		assert.Len(t, doc.Body, tt.size)
	}
}
