package main_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun_confirmed(t *testing.T) {
	t.Parallel()
	s := lagging(t, usual)
	for name, then := range map[string][]string{
		"by the Location":          nil,
		"by the Location, spelled": {"--then", "GET", "{location}"},
		"by a member":              {"--then", "GET", "/v1/workspaces/{id}"},
		"by a pointer":             {"--then", s.url + "/{/id}"},
		"as expected":              {"--expect-json", "/version=1", "--then", "--expect-json", "owner=alice"},
		"often":                    {"--settle", "3", "--interval", "5ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"run", s.url, "-H", authorization, "-d", body(name)}, then...)
			p := readback(t, args...)
			assert.Equal(t, 0, p.status, p.stderr)
			line := one(t, p.stdout)
			assert.Regexp(t, `^POST `+s.url+`: confirmed after \d+ reads? in [0-9.]+m?s: GET `+s.url+`/[a-z0-9]+ answered 200$`, line)
			assert.Contains(t, p.stderr, "readback: POST "+s.url+": 201, applied in ")
			assert.Regexp(t, `readback: read 1 after [0-9.]+(µs|ms|s): (404, pending \(not found\)|403, pending \(forbidden\)|200, ready)\n`, p.stderr)
			for line := range strings.Lines(p.stderr) {
				assert.True(t, strings.HasPrefix(line, "readback: "), line)
			}
		})
	}
}

// body returns a workspace of that name.
func body(name string) string {
	data, _ := json.Marshal(map[string]string{"workspaceName": name})
	return string(data)
}

func TestRun_changeAndDelete(t *testing.T) {
	t.Parallel()
	s := lagging(t, usual)
	p := readback(t, "run", "-q", s.url, "-H", authorization, "-d", body("a"), "--print", "{id}")
	require.Equal(t, 0, p.status, p.stderr)
	assert.Empty(t, p.stderr)
	at := s.url + "/" + one(t, p.stdout)

	p = readback(t, "run", "-X", "PATCH", at, "-H", authorization, "-d", `{"status":"FIRING"}`, "--expect-json", "/status=FIRING", "--print", "{status} {version}")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Equal(t, "FIRING 2\n", p.stdout)

	p = readback(t, "run", "DELETE", at, "-H", authorization)
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Contains(t, p.stdout, "confirmed after ")
	assert.Contains(t, p.stdout, "answered 404")
	assert.Equal(t, 1, s.sent("DELETE"))
}

func TestRun_failed(t *testing.T) {
	t.Parallel()
	s := lagging(t, usual)
	p := readback(t, "run", s.url, "-H", authorization, "-d", `{}`)
	assert.Equal(t, 1, p.status)
	assert.Contains(t, one(t, p.stdout), ": failed; write: POST "+s.url+" answered 400")
	assert.Contains(t, p.stdout, "must have required property 'workspaceName'")
	assert.NotContains(t, p.stderr, "resume")
	assert.Equal(t, 0, s.sent("GET"))
}

func TestRun_unconfirmed(t *testing.T) {
	t.Parallel()
	s := lagging(t, never)
	p := readback(t, "run", s.url, "-H", authorization, "-d", body("a"), "--within", "2s")
	assert.Equal(t, 124, p.status)
	line := one(t, p.stdout)
	assert.Contains(t, line, "POST "+s.url+": unconfirmed after ")
	assert.Contains(t, line, "last status 404")
	assert.Contains(t, p.stderr, "readback: the write was sent and carried out (answered 201); do not send it again. To go on reading:\n  readback resume ")
	assert.Contains(t, p.stderr, " -H 'Authorization: ...'\n")
	assert.Equal(t, 1, s.sent("POST"))
}

func TestRun_output(t *testing.T) {
	t.Parallel()
	s := lagging(t, usual)
	dir := t.TempDir()
	c := call{dir: dir, args: []string{
		"run", s.url, "-H", authorization, "-d", body("a"), "-i", "-o", "write.txt", "--then", "-o", "read.json",
	}}
	p := c.run(t)
	require.Equal(t, 0, p.status, p.stderr)
	one(t, p.stdout)
	written, err := os.ReadFile(filepath.Join(dir, "write.txt"))
	require.NoError(t, err)
	assert.Contains(t, string(written), "HTTP/1.1 201 Created\r\n")
	assert.Contains(t, string(written), "Location: /v1/workspaces/")
	assert.Contains(t, string(written), "\r\n\r\n{\"id\":")
	shown, err := os.ReadFile(filepath.Join(dir, "read.json"))
	require.NoError(t, err)
	assert.True(t, json.Valid(shown))
	assert.Contains(t, string(shown), `"workspaceName":"a"`)

	p = readback(t, "run", s.url, "-H", authorization, "-d", body("b"), "--then", "-i")
	require.Equal(t, 0, p.status, p.stderr)
	assert.True(t, strings.HasPrefix(p.stdout, "HTTP/1.1 200 OK\r\n"), p.stdout)
	assert.Contains(t, p.stdout, `"workspaceName":"b"`)
	assert.NotContains(t, p.stdout, "confirmed")
	assert.Contains(t, p.stderr, ": confirmed after ")
}

// A file that was there stays what it was until there is something to put in.
func TestRun_outputKept(t *testing.T) {
	t.Parallel()
	s := lagging(t, never)
	dir := t.TempDir()
	name := filepath.Join(dir, "read.json")
	require.NoError(t, os.WriteFile(name, []byte("before"), 0o600))
	p := call{dir: dir, args: []string{"run", s.url, "-H", authorization, "-d", body("a"), "--within", "50ms", "--then", "-o", "read.json"}}.run(t)
	require.Equal(t, 124, p.status)
	kept, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, "before", string(kept))

	p = call{dir: dir, args: []string{"run", s.url, "-H", authorization, "-d", "{}", "--then", "-o", "new.json"}}.run(t)
	require.Equal(t, 1, p.status)
	assert.NoFileExists(t, filepath.Join(dir, "new.json"))
}

func TestRun_printNeedsField(t *testing.T) {
	t.Parallel()
	s := lagging(t, usual)
	p := readback(t, "run", "-q", s.url, "-H", authorization, "-d", body("a"), "--print", "{id} {nope}")
	assert.Equal(t, 74, p.status)
	assert.Empty(t, p.stdout)
	assert.Regexp(t, "^readback: POST "+s.url+": confirmed after .* answered 200; the result was not written: --print: no answer has {nope}\n$", p.stderr)
}

func TestRun_dryRun(t *testing.T) {
	t.Parallel()
	s := lagging(t, usual)
	p := readback(t, "run", s.url+"?api_key="+password, "-H", authorization, "-d", "0123456789", "--dry-run",
		"--then", "/v1/{id}?token="+password, "--within", "7s", "--expect-status", "200")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Equal(t, "POST "+s.url+"?api_key=REDACTED, 10 bytes, once; then GET /v1/{id}?token=REDACTED, until it is there, within 7s\n", p.stdout)
	assert.Empty(t, p.stderr)
	p = readback(t, "run", s.url, "-d", "x", "--dry-run", "--then", "-d", "query", "/search", "--expect", ".id")
	assert.Contains(t, p.stdout, "; then POST /search, ")
	assert.Empty(t, s.Requests())
}

// The query of a POST is no search: its answer says where it is read back. It makes
// no difference whether the method was given or follows from -d.
func TestRun_queryOfPost(t *testing.T) {
	t.Parallel()
	for _, method := range [][]string{nil, {"-X", "POST"}} {
		r := recording(t, at7)
		p := readback(t, append([]string{"run", r.url + "?api_key=" + password, "-d", "x"}, method...)...)
		assert.Equal(t, 0, p.status, p.stderr)

		r, show := patient(t)
		p = readback(t, append([]string{"run", r.url + "/v1/things?api_key=" + password, "-d", "x", "--within", "50ms"}, method...)...)
		require.Equal(t, 124, p.status, p.stdout+p.stderr)
		show()
		p = readback(t, "resume", resumeLine(t, p.stderr))
		assert.Equal(t, 0, p.status, p.stderr)
	}
}

func TestRun_monitor(t *testing.T) {
	t.Parallel()
	s := lagging(t, usual)
	p := readback(t, "run", s.url, "-H", authorization, "-H", "Prefer: respond-async", "-d", body("a"),
		"--monitor", "--monitor-resource", "/resource", "--interval", "10ms")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Contains(t, p.stderr, ": 202, accepted in ")
	assert.Regexp(t, `GET `+s.url+`/[a-z0-9]+ answered 200`, p.stdout)
}

func TestRun_idempotencyKey(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
		switch {
		case n == 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case req.Method == http.MethodPost:
			w.Header().Set("Location", "/7")
			w.WriteHeader(http.StatusCreated)
		default:
			at7(w, n, req)
		}
	})
	p := readback(t, "run", "-X", "POST", r.url, "--idempotency-key", "auto", "--resend", "with-key=1m", "--interval", "10ms")
	assert.Equal(t, 0, p.status, p.stderr)
	got := r.requests()
	require.Len(t, got, 3)
	sent := got[0].header.Get("Idempotency-Key")
	assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, sent)
	assert.Equal(t, sent, got[1].header.Get("Idempotency-Key"))
	assert.Equal(t, "GET /7", got[2].line)
	assert.Empty(t, got[2].header.Get("Idempotency-Key"), "it is the write's")
}

// A service with tokens waits itself: reads ask for the position of the write.
func TestRun_token(t *testing.T) {
	t.Parallel()
	for token, asked := range map[string]string{"mittwald": "If-Event-Reached", "Etag:X-At:409": "X-At"} {
		r := recording(t, func(w http.ResponseWriter, n int, _ *http.Request) {
			w.Header().Set("ETag", "42")
			if n == 2 {
				w.WriteHeader(map[string]int{"mittwald": 412, "Etag:X-At:409": 409}[token])
			}
			_, _ = w.Write([]byte(`{"id":7}`))
		})
		p := readback(t, "run", "-X", "PATCH", r.url+"/7", "-d", "x", "--token", token, "--interval", "5ms")
		assert.Equal(t, 0, p.status, p.stdout)
		assert.Contains(t, p.stderr, "pending (behind token)")
		got := r.requests()
		require.Len(t, got, 3)
		assert.Empty(t, got[0].header.Get(asked))
		assert.Equal(t, "42", got[1].header.Get(asked))
		assert.Equal(t, "42", got[2].header.Get(asked))
	}
}
