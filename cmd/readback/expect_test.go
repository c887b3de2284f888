package main_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inTurn answers reads with these bodies in turn, the last for ever, and writes
// with an id.
func inTurn(t *testing.T, bodies ...string) *recorder {
	t.Helper()
	reads := 0
	return recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
		if req.Method != http.MethodGet {
			w.Header().Set("Location", "/things/7")
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte(`{"id":9007199254740993,"version":4}`))
			return
		}
		reads++
		text := bodies[min(reads, len(bodies))-1]
		if status, rest, found := strings.Cut(text, " | "); found {
			var code int
			_, _ = fmt.Sscan(status, &code)
			w.WriteHeader(code)
			text = rest
		}
		_, _ = w.Write([]byte(text))
	})
}

var fast = []string{"--interval", "2ms", "--max-interval", "5ms"}

func TestExpect_wait(t *testing.T) {
	t.Parallel()
	for source, bodies := range map[string][]string{
		`.state != "new"`:                   {`{"state":"new"}`, `{"state":"old"}`},
		`has("ip")`:                         {`{}`, `{"ip":null}`},
		`length >= 3`:                       {`[1,2]`, `[1,2,3]`},
		`any(.[]; .id == 7)`:                {`[]`, `[{"id":7}]`},
		`.n >= 10`:                          {`{"n":9}`, `{"n":10}`},
		`.id == 9007199254740993`:           {`{"id":9007199254740992}`, `{"id":9007199254740993}`},
		`map(.id) | index(7) == null`:       {`[{"id":7}]`, `[{"id":8}]`},
		`$text | test("ready")`:             {`wait`, `ready`},
		`$headers["content-length"] == "4"`: {`"x"`, `"xx"`},
		`.items | length == 1`:              {`<html>`, `7`, `{"items":[1]}`},
	} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			r := inTurn(t, bodies...)
			p := readback(t, append([]string{"wait", r.url, "--expect", source}, fast...)...)
			assert.Equal(t, 0, p.status, p.stdout)
			assert.Len(t, r.requests(), len(bodies))
			assert.Contains(t, p.stderr, "pending (stale)")
		})
	}
}

// What does not hold is told, and what fails on an answer is pending, and told.
func TestExpect_unmet(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`.a == 1`:              "it does not show .a == 1",
		`.a.b.c`:               "it does not show .a.b.c, which failed: expected an object but got: number (2)",
		`.[] | .x`:             "which failed: ",
		`"x" * 1e9 | length`:   "which failed: it takes more than 512 MB or 5s",
		`error("no: " + "it")`: "which failed: error: no: it",
	} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			r := inTurn(t, `{"a":2}`)
			p := readback(t, "wait", "-q", r.url, "--expect", source, "--within", "3s")
			assert.Equal(t, 124, p.status)
			assert.Contains(t, one(t, p.stdout), want)
		})
	}
	r := inTurn(t, "<html>")
	p := readback(t, "wait", "-q", r.url, "--expect", "length > 0", "--within", "1s")
	assert.Equal(t, 124, p.status, "a page is no list")
}

func TestExpect_write(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--expect", ".id == $write.body.id and .version > $write.body.version"},
		{"--expect-json", "id={id}", "--expect", ".version == 5"},
		{"--expect", `$write.headers.location == "/things/7" and $write.status == 201 and .version == 5`},
	} {
		r := inTurn(t, `404 | {}`, `{"id":9007199254740992,"version":5}`, `{"id":9007199254740993,"version":4}`, `{"id":9007199254740993,"version":5}`)
		if strings.Contains(args[1], "headers") {
			r = inTurn(t, `{"version":4}`, `{"version":5}`)
		}
		p := readback(t, append(append([]string{"run", r.url, "-d", "x"}, args...), fast...)...)
		assert.Equal(t, 0, p.status, p.stdout)
		assert.Contains(t, p.stderr, "pending (stale)")
	}
	r := inTurn(t, `{"id":7}`)
	p := readback(t, "run", "-q", r.url, "-d", "x", "--expect-json", "id={nope}", "--within", "1s")
	assert.Equal(t, 124, p.status)
	assert.Contains(t, p.stdout, "it does not show id={nope}")
}

// A failure that lasts as long as --settle asks ends it, and its value is shown.
func TestExpect_fail(t *testing.T) {
	t.Parallel()
	failed := `.error // (.state == "failed")`
	r := inTurn(t, `{"state":"new"}`, `{"state":"failed","error":{"code":"quota"}}`)
	p := readback(t, append([]string{"wait", r.url, "--expect", `.state == "done"`, "--fail", failed}, fast...)...)
	assert.Equal(t, 1, p.status)
	assert.Contains(t, one(t, p.stdout), `: failed after 2 reads in `)
	assert.Contains(t, p.stdout, `--fail '.error // (.state == "failed")' holds: {"code":"quota"}`)

	p = readback(t, append([]string{"wait", "--json", "-q", inTurn(t, `{"state":"failed"}`).url, "--fail", failed}, fast...)...)
	assert.Equal(t, 1, p.status)
	assert.Contains(t, p.stdout, `"outcome":"failed","exit":1`)

	r = inTurn(t, `{"state":"failed"}`, `{"state":"new"}`, `{"state":"failed"}`, `{"state":"failed"}`, `{"state":"done"}`)
	p = readback(t, append([]string{"wait", r.url, "--settle", "2", "--expect", `.state == "done"`, "--fail", failed}, fast...)...)
	assert.Equal(t, 1, p.status)
	assert.Len(t, r.requests(), 4, "two in a row")

	r = inTurn(t, `{"state":"failed"}`)
	p = readback(t, append([]string{"run", r.url, "-d", "x", "--fail", failed}, fast...)...)
	assert.Equal(t, 1, p.status)
	assert.NotContains(t, p.stderr, "resume")

	r = inTurn(t, `503 | {"state":"failed"}`)
	p = readback(t, append([]string{"wait", r.url, "--fail", "$status == 503 and .state == \"failed\""}, fast...)...)
	assert.Equal(t, 1, p.status)

	// After a doubt it says nothing of this write.
	r = recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
		if req.Method == http.MethodPut {
			w.WriteHeader(http.StatusGatewayTimeout)
			return
		}
		_, _ = w.Write([]byte(`{"state":"failed"}`))
	})
	p = readback(t, append([]string{"run", "PUT", r.url, "-d", "x", "--expect", `.state == "done"`, "--fail", failed}, fast...)...)
	assert.Equal(t, 124, p.status, p.stdout)
	assert.Contains(t, p.stdout, ": unconfirmed after 1 read")
}

// Gone is a 404, or what the expression says.
func TestExpect_absent(t *testing.T) {
	t.Parallel()
	for _, bodies := range [][]string{
		{`{"state":"live"}`, `{"state":"deleted"}`, `{"state":"deleted"}`},
		{`{"state":"live"}`, `404 | {}`, `404 | {}`},
		{`{"state":"live"}`, `{"state":"deleted"}`, `404 | {}`},
	} {
		for _, args := range [][]string{{"wait"}, {"run", "DELETE"}} {
			r := inTurn(t, bodies...)
			p := readback(t, append(append(args, r.url+"/7", "--for", "absent", "--expect", `.state == "deleted"`), fast...)...)
			assert.Equal(t, 0, p.status, p.stdout)
			assert.Contains(t, p.stderr, "pending (still there)")
		}
	}
	r := inTurn(t, `{"state":"live"}`)
	for _, more := range [][]string{nil, {"--expect-status", "200"}} { // a good status is not all that is asked
		p := readback(t, append([]string{"wait", r.url, "--for", "absent", "--expect", `.state == "deleted"`, "--within", "1s"}, more...)...)
		assert.Equal(t, 124, p.status, p.stdout)
	}
}

// What a service lists on several pages, or by a search, is found there, and an
// expression proves whose it is.
func TestExpect_find(t *testing.T) {
	t.Parallel()
	list := func(first, last string) *recorder {
		return recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
			switch {
			case req.URL.Path == "/write":
				w.WriteHeader(http.StatusServiceUnavailable)
			case strings.HasPrefix(req.URL.Path, "/things/"):
				_, _ = w.Write([]byte(`{"id":7}`))
			case req.URL.Query().Get("page") == "2":
				_, _ = w.Write([]byte(last))
			default:
				w.Header().Add("Link", `<http://other.example/x>; rel="prev", </list?page=2>; title="a"; rel="last next"`)
				_, _ = w.Write([]byte(first))
			}
		})
	}
	const mine = `.ref == "mine" and .n > 9007199254740992`
	theirs, ours := `{"items":[{"id":1,"ref":"other","n":1},{"id":2,"ref":"mine","n":9007199254740992}]}`, `{"items":[{"id":7,"ref":"mine","n":9007199254740993}]}`
	r := list(theirs, ours)
	p := readback(t, append([]string{"run", r.url + "/write", "-d", "x", "-H", authorization, "--idempotency-key", "auto",
		"--find", "POST /list", "--find-data", `{"q":1}`, "--mine", mine, "--then", "/things/{id}"}, fast...)...)
	assert.Equal(t, 0, p.status, p.stdout)
	assert.Contains(t, p.stdout, "/things/7 answered 200")
	got := r.requests()
	require.Len(t, got, 4)
	assert.Equal(t, "POST /list", got[1].line)
	assert.Equal(t, `{"q":1}`, got[1].body)
	assert.Equal(t, "application/json", got[1].header.Get("Content-Type"))
	assert.Empty(t, got[1].header.Get("Idempotency-Key"))
	assert.Equal(t, "ApiKey "+key, got[1].header.Get("Authorization"))
	assert.Equal(t, "GET /list?page=2", got[2].line)
	assert.Empty(t, got[2].body)

	r = list(ours, strings.Replace(ours, "7", "8", 1)) // one on each page
	p = readback(t, append([]string{"run", r.url + "/write", "-d", "x", "--find", "/list", "--mine", mine, "--then", "/things/{id}", "--within", "1s"}, fast...)...)
	assert.Equal(t, 124, p.status, p.stdout)

	endless := recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
		if req.URL.Path == "/write" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Link", fmt.Sprintf(`</list?page=%d>; rel=next`, n))
		_, _ = w.Write([]byte(ours))
	})
	p = readback(t, "run", endless.url+"/write", "-d", "x", "--find", "/list", "--mine", mine, "--then", "/things/{id}", "--within", "1s", "--interval", "1m", "--max-interval", "1m")
	assert.Equal(t, 124, p.status, p.stdout)
	assert.Contains(t, p.stdout+p.stderr, "more than 100 pages")

	elsewhere := recording(t, func(http.ResponseWriter, int, *http.Request) {})
	foreign := recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
		if req.URL.Path == "/write" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Link", "<"+elsewhere.url+"/>; rel=next")
		_, _ = w.Write([]byte(ours))
	})
	p = readback(t, append([]string{"run", foreign.url + "/write", "-d", "x", "--find", "/list", "--mine", mine, "--then", "/things/{id}"}, fast...)...)
	assert.Equal(t, 0, p.status, p.stdout)
	assert.Empty(t, elsewhere.requests())
}

// A handle holds no expression: the line that goes on repeats them, and without
// them nothing is read.
func TestExpect_resume(t *testing.T) {
	t.Parallel()
	r := inTurn(t, `{"id":7,"version":4}`)
	p := readback(t, "run", r.url, "-d", "x", "--expect", `.version > $write.body.version`, "--fail", ".error", "--within", "50ms")
	require.Equal(t, 124, p.status)
	word := resumeLine(t, p.stderr)
	assert.Contains(t, p.stderr, word+" --expect '.version > $write.body.version' --fail .error\n")
	plain, err := base64.RawURLEncoding.DecodeString(word)
	require.NoError(t, err)
	assert.NotContains(t, string(plain), ".version >")
	before := len(r.requests())
	p = readback(t, "resume", word)
	assert.Equal(t, 2, p.status)
	assert.Contains(t, one(t, p.stderr), "give --expect, --fail")
	assert.Len(t, r.requests(), before)
	p = readback(t, "resume", word, "--expect", ".version == $write.body.version", "--fail", ".error")
	assert.Equal(t, 0, p.status, p.stderr)
}
