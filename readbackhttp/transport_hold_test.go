package readbackhttp_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbackhttp"
)

func TestTransport_passes(t *testing.T) {
	t.Parallel()
	for _, header := range []string{
		"Range: bytes=0-1", "Expect: 100-continue", "Upgrade: websocket", "If-Match: a", "If-None-Match: a",
		"If-Modified-Since: Mon, 23 Nov 2026 00:00:00 GMT", "If-Unmodified-Since: Mon, 23 Nov 2026 00:00:00 GMT", "If-Range: a",
	} {
		bubble(t, header, func(t *testing.T) {
			client := serve(t, lagging("/things/7")).over(slowly)
			answered(t, "201", client, "POST", api+"/things")
			assert.False(t, held(t, client, api+"/things/7", header))
		})
	}
	bubble(t, "a body", func(t *testing.T) {
		client := serve(t, lagging("/things/7")).over(slowly)
		answered(t, "201", client, "POST", api+"/things")
		got, err := do(client, send("GET", api+"/things/7", "query"))
		require.NoError(t, err)
		assert.Equal(t, "404", got)
	})
	bubble(t, "other methods", func(t *testing.T) {
		options := slowly
		var told []string
		options.Wrote = func(c readbackhttp.Coverage) { told = append(told, c.Method) }
		answers := script{"PUT /a": {"204"}}
		others := []string{"OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY"}
		for _, method := range others {
			answers[method+" /a"] = []string{"404", "200"}
		}
		client := serve(t, answers.handler()).over(options)
		answered(t, "204", client, "PUT", api+"/a")
		for _, method := range others {
			answered(t, "404", client, method, api+"/a")
			answered(t, "200", client, method, api+"/a")
		}
		assert.Equal(t, []string{"PUT"}, told, "they write nothing")
	})
}

// What is not held is the caller's request and the base's answer, not a copy.
func TestTransport_noCopy(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var got *http.Request
		status, long := 204, ""
		var given *http.Response
		base := transport(func(req *http.Request) (*http.Response, error) {
			got = req
			given = reply(req, status, "body"+long)
			return given, nil
		})
		tr := readbackhttp.NewTransport(base, slowly)
		trip := func(method, path string, code int) (*http.Request, *http.Response) {
			status = code
			req := send(method, api+path, "")
			resp, err := tr.RoundTrip(req)
			require.NoError(t, err)
			return req, resp
		}
		for range 2 { // without and with something to remember
			for _, code := range []int{200, 206, 301, 304, 404, 403, 500} {
				req, resp := trip("GET", "/other", code)
				assert.Same(t, req, got)
				assert.Same(t, given, resp)
				assert.IsType(t, &readCloser{}, resp.Body, "%d", code)
			}
			status, long = 404, strings.Repeat("x", 1<<20)
			tooLong, err := tr.RoundTrip(send("GET", api+"/a", ""))
			require.NoError(t, err)
			assert.IsType(t, &readCloser{}, tooLong.Body)
			long = ""
			req, resp := trip("PUT", "/a", 204)
			assert.Same(t, given, resp)
			assert.Same(t, req, resp.Request)
		}
	})
}

func TestTransport_ownHold(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		hold   readbackhttp.Hold
		script script
		want   string
		at     time.Duration
	}{
		{"off", readbackhttp.Hold{Off: true},
			script{"PUT /a": {"204"}, "GET /a": {"404 | none", "200"}}, "404 none", 0},
		{"a shorter window", readbackhttp.Hold{Within: 5 * time.Second},
			script{"PUT /a": {"204"}, "GET /a": {"404 | none"}}, "404 none", 5 * time.Second},
		{"a longer window", readbackhttp.Hold{Within: time.Minute},
			script{"PUT /a": {"204"}, "GET /a": {hidden}}, hidden[6:], time.Minute},
		{"not longer than the memory", readbackhttp.Hold{Within: time.Hour},
			script{"PUT /a": {"204"}, "GET /a": {"404 | none"}}, "404 none", 2 * time.Minute},
		{"match", readbackhttp.Hold{Match: readbackhttp.HasJSON("/v", 2)},
			script{"PUT /a": {"204"}, "GET /a": {`200 | {"v":1}`, "404", `200 | {"v":1}`, `200 | {"v":2}`}}, `200 {"v":2}`, 3 * time.Second},
		{"match, in vain", readbackhttp.Hold{Match: readbackhttp.HasJSON("/v", 2)},
			script{"PUT /a": {"204"}, "GET /a": {`200 | {"v":1}`, `200 | {"v":1, "n":2}`}}, `200 {"v":1, "n":2}`, 30 * time.Second},
		{"match at once", readbackhttp.Hold{Match: readbackhttp.HasJSON("/v", 2)},
			script{"PUT /a": {"204"}, "GET /a": {`200 | {"v":2}`}}, `200 {"v":2}`, 0},
		{"ETag", readbackhttp.Hold{Match: readbackhttp.HasETag(`"2"`)},
			script{"PUT /a": {"204"}, "GET /a": {`200 | ETag: "1" | old`, `200 | ETag: "2" | new`}}, "200 new", time.Second},
		{"version", readbackhttp.Hold{Match: readbackhttp.AtLeast("/v", 3)},
			script{"PUT /a": {"204"}, "GET /a": {`200 | {"v":2}`, `200 | {"v":"4"}`}}, `200 {"v":"4"}`, time.Second},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			client := serve(t, tt.script.handler()).over(slowly)
			answered(t, "204", client, "PUT", api+"/a")
			start := time.Now()
			got, err := ask(readbackhttp.WithHold(t.Context(), tt.hold), client, "GET", api+"/a")
			require.NoError(t, err)
			assert.Equal(t, strings.TrimPrefix(tt.want, "| "), strings.TrimPrefix(got, "403 "))
			assert.Equal(t, tt.at, time.Since(start).Round(10*time.Millisecond))
		})
	}
	bubble(t, "match asks nothing of what is not covered", func(t *testing.T) {
		client := serve(t, script{"PUT /a": {"204"}, "GET /b": {"200 | old"}}.handler()).over(slowly)
		answered(t, "204", client, "PUT", api+"/a")
		hold := readbackhttp.Hold{Match: func(readbackhttp.Ref, *readbackhttp.Document) bool { panic("asked") }}
		got, err := ask(readbackhttp.WithHold(t.Context(), hold), client, "GET", api+"/b")
		require.NoError(t, err)
		assert.Equal(t, "200 old", got)
	})
}

func TestAtLeast(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"v":5}`: true, `{"v":6}`: true, `{"v":4}`: false, `{"v":"5"}`: true, `{"v":"4"}`: false,
		`{"v":5.5}`: true, `{"v":4.9}`: false, `{"v":1e3}`: true, `{"v":-7}`: false, `{"v":null}`: false,
		`{"v":true}`: false, `{"v":"x"}`: false, `{"v":[5]}`: false, `{}`: false, `garbage`: false, ``: false,
		`{"v":99999999999999999999}`: true, `{"v":-99999999999999999999}`: false, `{"v":1e999999999}`: false,
	} {
		doc := &readbackhttp.Document{Body: []byte(body)}
		assert.Equal(t, want, readbackhttp.AtLeast("/v", 5)(readbackhttp.Ref{}, doc), body)
	}
	// What a float64 cannot tell apart, and what is no number though it can tell.
	for body, want := range map[string]bool{
		`{"v":9007199254740992.0}`: false, `{"v":9007199254740992.5}`: false, `{"v":9007199254740993.0}`: true,
		`{"v":9.007199254740992e15}`: false, `{"v":9.007199254740993e15}`: true, `{"v":18446744073709551615}`: true,
		`{"v":"Infinity"}`: false, `{"v":"inf"}`: false, `{"v":"NaN"}`: false, `{"v":"0x7fffffffffffffff"}`: false,
	} {
		doc := &readbackhttp.Document{Body: []byte(body)}
		assert.Equal(t, want, readbackhttp.AtLeast("/v", 1<<53+1)(readbackhttp.Ref{}, doc), body)
	}
}

func TestHasETag(t *testing.T) {
	t.Parallel()
	doc := &readbackhttp.Document{Header: http.Header{"Etag": {`"a"`}}}
	assert.True(t, readbackhttp.HasETag(`"a"`)(readbackhttp.Ref{}, doc))
	assert.False(t, readbackhttp.HasETag(`"b"`)(readbackhttp.Ref{}, doc))
	assert.False(t, readbackhttp.HasETag("")(readbackhttp.Ref{}, &readbackhttp.Document{}))
	assert.False(t, readbackhttp.HasETag("")(readbackhttp.Ref{ETag: "W/"}, &readbackhttp.Document{}), "the mark of a weak one alone is none")
	for shown, want := range map[string]bool{
		`"a"`: true, `W/"a"`: true, `"a-gzip"`: true, `"a--gzip"`: true, `W/"a;br"`: true, `a`: true, ` "a" `: true, `w/"a"`: true,
		`"b"`: false, `"A"`: false, `"a-"`: false, `"a-zip"`: false, `"a-1"`: false, `"agzip"`: false, `""`: false, `"`: false, `*`: false, `"a", "b"`: false,
	} {
		doc := &readbackhttp.Document{Header: http.Header{"Etag": {shown}}}
		assert.Equal(t, want, readbackhttp.HasETag(`"a"`)(readbackhttp.Ref{}, doc), shown)
		assert.Equal(t, want, readbackhttp.HasETag(`W/"a-br"`)(readbackhttp.Ref{}, doc), shown)
	}
	for _, none := range []string{`""`, `W/""`, `"`, " ", `"-gzip"`} {
		doc := &readbackhttp.Document{Header: http.Header{"Etag": {none}}}
		assert.False(t, readbackhttp.HasETag(none)(readbackhttp.Ref{}, doc), "%q tells no version", none)
	}
}
