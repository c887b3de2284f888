package readbackhttp_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

// Reads carry what the write did, less what belongs to the write alone.
func TestRead_header(t *testing.T) {
	t.Parallel()
	given := http.Header{
		"Authorization": {"Bearer abc"}, "X-Api-Key": {"k"}, "Cookie": {"a=1"}, "X-Tenant": {"t1", "t2"},
		"Accept": {"application/json"}, "Accept-Language": {"de"}, "User-Agent": {"me/1"}, "Cache-Control": {"no-store"},

		"Content-Type": {"application/json"}, "Content-Encoding": {"identity"}, "content-language": {"de"}, "Content-Md5": {"x"},
		"If-Match": {`"1"`}, "If-None-Match": {"*"}, "If-Modified-Since": {"Mon, 02 Jan 2006 15:04:05 GMT"},
		"If-Unmodified-Since": {"Mon, 02 Jan 2006 15:04:05 GMT"}, "If-Range": {`"1"`}, "if-event-reached": {"1"},
		"Idempotency-Key": {"k1"}, "X-Idempotency-Key": {"k2"}, "idempotency-key": {"k3"}, "Prefer": {"respond-async"},
		"Expect": {"100-continue"}, "Range": {"bytes=0-1"}, "Te": {"trailers"}, "Upgrade": {"h2c"}, "Connection": {"close"},
		"X-Http-Method": {"DELETE"}, "X-Http-Method-Override": {"DELETE"}, "X-Method-Override": {"DELETE"},
	}
	kept := http.Header{
		"Authorization": {"Bearer abc"}, "X-Api-Key": {"k"}, "Cookie": {"a=1"}, "X-Tenant": {"t1", "t2"},
		"Accept": {"application/json"}, "Accept-Language": {"de"}, "User-Agent": {"me/1"},
		"Cache-Control": {"no-cache"}, "Accept-Encoding": {"gzip"},
	}
	tests := []struct {
		name   string
		header http.Header // of the exchange
		want   http.Header
	}{
		{"of the write", nil, kept},
		{"given", http.Header{"X-Read": {"1"}, "If-None-Match": {"*"}, "Content-Type": {"text/plain"}, "cache-control": {"max-age=9"}},
			http.Header{"X-Read": {"1"}, "Cache-Control": {"no-cache"}, "Accept-Encoding": {"gzip"}, "User-Agent": {"Go-http-client/1.1"}}},
		{"none", http.Header{}, http.Header{"Cache-Control": {"no-cache"}, "Accept-Encoding": {"gzip"}, "User-Agent": {"Go-http-client/1.1"}}},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, script{
				"POST /v1/things":  {"201 | Location: /v1/things/7"},
				"GET /v1/things/7": {`404 | ETag: "1" | Last-Modified: Mon, 02 Jan 2006 15:04:05 GMT`, `200 | {"v":1}`},
			}.handler())
			write := send("POST", api+"/v1/things", `{}`)
			write.Header = given.Clone()
			res, err := consistency.Do(t.Context(), everySecond, readbackhttp.Exchange{
				Client: srv.Client, Write: write, Header: tt.header,
			}.Flow())
			require.NoError(t, err)
			assert.Equal(t, consistency.Confirmed, res.Outcome)
			assert.Equal(t, given, write.Header, "the caller's header is left alone")
			assert.Equal(t, 1, srv.writes())
			require.Len(t, srv.reads(), 2)
			for _, r := range srv.reads() {
				assert.Equal(t, tt.want, r.Header)
				assert.Empty(t, r.Body)
			}
		})
	}
}

// The virtual host of the write is that of the reads.
func TestRead_host(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{"PUT /v1/things/7": {"204"}, "GET /v1/things/7": {"200 | 1"}}.handler())
		write := send("PUT", "http://10.0.0.1/v1/things/7", `1`)
		write.Host = "api.test"
		ex := readbackhttp.Exchange{Client: srv.Client, Write: write, Match: readbackhttp.HasJSON("", 1)}
		readbacktest.Confirm(t, everySecond, ex.Flow())
		assert.Equal(t, []string{"0s PUT /v1/things/7", "0s GET /v1/things/7"}, srv.log())
	})
}

// What one read says, then a good one.
func TestRead_verdicts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		give    string
		verdict poll.Verdict
		reason  poll.Reason
		status  int
		note    string
	}{
		{"not found", "404", poll.Pending, consistency.NotFound, 404, ""},
		{"gone", "410", poll.Pending, consistency.NotFound, 410, ""},
		{"not a member yet", `403 | {"status":403,"message":"Forbidden"}`, poll.Pending, consistency.Forbidden, 403, ""},
		{"forbidden without a body", "403", poll.Pending, consistency.Forbidden, 403, ""},
		{"stale", `200 | {"v":1}`, poll.Pending, consistency.Stale, 200, ""},
		{"accepted", "202", poll.Pending, consistency.Stale, 202, ""},
		{"cached 404", "404 | Age: 17", poll.Pending, consistency.NotFound, 404, "cached, age 17 s"},
		{"cached old value", `200 | X-Cache: Hit from cdn | Age: 3 | {"v":1}`, poll.Pending, consistency.Stale, 200, "cached, age 3 s, X-Cache: HIT"},
		{"fresh from a cache", `200 | X-Cache: MISS | Age: 0 | {"v":1}`, poll.Pending, consistency.Stale, 200, ""},
		{"not modified", "304 | Age: 1", poll.Unknown, "redirected or cached", 304, "cached, age 1 s"},
		{"moved", "301 | Location: /elsewhere", poll.Unknown, "redirected or cached", 301, ""},
		{"moved for now", "307 | Location: /elsewhere", poll.Unknown, "redirected or cached", 307, ""},
		{"log in first", "302 | Location: http://other.test/login", poll.Unknown, "redirected or cached", 302, ""},
		{"moved to nowhere", "302 | Location: http://[::1", poll.Unknown, "redirected or cached", 302, ""},
		{"too many", "429", poll.Unknown, "unavailable", 429, ""},
		{"down", "503 | not now", poll.Unknown, "unavailable", 503, ""},
		{"cut off", `200 | Age: 2 | Content-Length: 9 | {"v":2}`, poll.Unknown, "unreadable", 200, "cached, age 2 s"},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, script{"PUT /things/7": {"200"}, "GET /things/7": {tt.give, `200 | {"v":2}`}}.handler())
			ex := readbackhttp.Exchange{
				Client: srv.Client, Write: once("PUT", api+"/things/7", `{"v":2}`), Match: readbackhttp.HasJSON("/v", 2),
			}
			res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
			assert.NoError(t, err)
			assert.Equal(t, []string{"0s PUT /things/7", "0s GET /things/7", "1s GET /things/7"}, srv.log())
			reads := history(res.History)
			require.Len(t, reads, 2)
			assert.Equal(t, tt.verdict, reads[0].Verdict)
			assert.Equal(t, tt.reason, reads[0].Reason)
			assert.Equal(t, tt.status, reads[0].Status)
			assert.Equal(t, tt.note, reads[0].Note)
			assert.Equal(t, 200, reads[1].Status)
		})
	}
}

// A read whose connection is lost says nothing. One that is lost on a used
// connection is sent again by net/http.
func TestRead_lostSaysNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{"POST /things": {"201 | Location: /things/7"}, "GET /things/7": {lost, lost, `200 | {"v":1}`}}.handler())
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`)}
		res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		assert.NoError(t, err)
		assert.Equal(t, []string{"0s POST /things", "0s GET /things/7", "0s GET /things/7", "1s GET /things/7"}, srv.log())
		reads := history(res.History)
		require.Len(t, reads, 2)
		assert.Equal(t, poll.Unknown, reads[0].Verdict)
		assert.ErrorIs(t, reads[0].Err, io.EOF)
	})
}

// What no later read can change ends the flow, and leaves the write what it
// was.
func TestRead_refusalForGoodEndsTheFlow(t *testing.T) {
	t.Parallel()
	for _, give := range []string{`403 | {"code":403,"message":"Forbidden"}`, "400", "401", "405", "406", "409", "418", "422", "451"} {
		bubble(t, give, func(t *testing.T) {
			srv := serve(t, script{"POST /things": {"201 | Location: /things/7"}, "GET /things/7": {"404", give}}.handler())
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`)}
			res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
			assert.Equal(t, consistency.Unconfirmed, res.Outcome)
			var refused *readbackhttp.StatusError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, give[:3], refused.Error()[len("GET http://api.test/things/7 answered "):][:3])
			assert.Equal(t, []string{"0s POST /things", "0s GET /things/7", "1s GET /things/7"}, srv.log())
			assert.Equal(t, api+"/things/7", res.Written.Location)
			assert.False(t, res.Pending.IsZero())
		})
	}
}

// The instance-shaped 403 is taken for lag for 10 s, in the midst of other
// waiting.
func TestRead_forbiddenWindow(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"POST /things":  {"201 | Location: /things/7"},
			"GET /things/7": {"404", `403 | {"status":403,"message":"Forbidden"}`},
		}.handler())
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`)}
		res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		assert.Equal(t, consistency.Unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, poll.ErrWindow)
		assert.ErrorContains(t, err, "Forbidden", "the last answer is told")
		assert.Equal(t, 11*time.Second, res.Elapsed)
		assert.Equal(t, 1, srv.writes())
	})
}

// Retry-After is a floor: the next read is never earlier, and at most a tenth
// later.
func TestRead_retryAfter(t *testing.T) {
	t.Parallel()
	// Bubbles begin at midnight UTC 2000-01-01, and a server sends its Date.
	tests := []struct {
		name, give string
		floor      time.Duration
	}{
		{"seconds", "503 | Retry-After: 5", 5 * time.Second},
		{"with a 404", "404 | Retry-After: 5", 5 * time.Second},
		{"with a 429", "429 | Retry-After: 5", 5 * time.Second},
		{"with a 304", "304 | Retry-After: 5", 5 * time.Second},
		{"with an unreadable 200", "200 | Retry-After: 5 | Content-Length: 9 | {}", 5 * time.Second},
		{"IMF-fixdate", "503 | Retry-After: Sat, 01 Jan 2000 00:00:05 GMT", 5 * time.Second},
		{"RFC 850", "503 | Retry-After: Saturday, 01-Jan-00 00:00:05 GMT", 5 * time.Second},
		{"asctime", "503 | Retry-After: Sat Jan  1 00:00:05 2000", 5 * time.Second},
		{"by the server's clock", "503 | Date: Sat, 01 Jan 2000 09:00:00 GMT | Retry-After: Sat, 01 Jan 2000 09:00:05 GMT", 5 * time.Second},
		{"in the past", "503 | Retry-After: Fri, 31 Dec 1999 23:59:59 GMT", time.Second},
		{"zero", "503 | Retry-After: 0", time.Second},
		{"garbage", "503 | Retry-After: soon", time.Second},
		{"a fraction", "503 | Retry-After: 5.5", 5500 * time.Millisecond},
		{"negative", "503 | Retry-After: -5", time.Second},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, script{"POST /things": {"201 | Location: /things/7"}, "GET /things/7": {tt.give, `200 | {"v":1}`}}.handler())
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`)}
			readbacktest.Confirm(t, everySecond, ex.Flow())
			assert.Equal(t, 1, srv.writes())
			require.Len(t, srv.reads(), 2)
			assert.Zero(t, srv.reads()[0].At)
			if at := srv.reads()[1].At; tt.floor == time.Second {
				assert.Equal(t, tt.floor, at)
			} else {
				assert.GreaterOrEqual(t, at, tt.floor)
				assert.LessOrEqual(t, at, tt.floor*11/10)
			}
		})
	}
}

// A Retry-After of an hour does not take away the closing read.
func TestRead_retryAfterIsCapped(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{"POST /things": {"201 | Location: /things/7"}, "GET /things/7": {"503 | Retry-After: 3600", `200 | {"v":1}`}}.handler())
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`)}
		res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		assert.NoError(t, err)
		assert.Equal(t, 1, srv.writes())
		assert.Len(t, srv.reads(), 2)
		assert.Less(t, res.Elapsed, 30*time.Second)
		assert.Greater(t, res.Elapsed, 29*time.Second)
	})
}

func history(h *poll.History) []poll.Read {
	var reads []poll.Read
	for r := range h.All() {
		reads = append(reads, r)
	}
	return reads
}

// What encodings the write accepts is not what its reads can undo.
func TestExchange_compressed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != "GET" || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				return
			}
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, `{"name":"a"}`)
			_ = z.Close()
		}))
		ex := readbackhttp.Exchange{
			Client: s.Client, Write: with(send("PUT", api+"/things/7", `{"name":"a"}`), "Accept-Encoding", "gzip, br"),
			Match: readbackhttp.HasJSON("/name", "a"),
		}
		readbacktest.Confirm(t, everySecond, ex.Flow())
	})
}
