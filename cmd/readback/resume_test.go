package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patient answers a POST with 201, and reads with 404 until it is told to show
// what was written.
func patient(t *testing.T) (r *recorder, show func()) {
	t.Helper()
	shown := make(chan struct{})
	r = recording(t, func(w http.ResponseWriter, _ int, req *http.Request) {
		select {
		case <-shown:
		default:
			if req.Method == http.MethodGet {
				http.NotFound(w, req)
				return
			}
		}
		w.Header().Set("Location", "/v1/things/7")
		if req.Method == http.MethodPost {
			w.WriteHeader(http.StatusCreated)
		}
		_, _ = w.Write([]byte(`{"id":"7","state":"new"}`))
	})
	return r, func() { close(shown) }
}

// A handle goes on with all that the first run was told, but for secrets.
func TestResume(t *testing.T) {
	t.Parallel()
	r, show := patient(t)
	p := readback(t, "run", r.url+"/v1/things?api_key="+password, "-d", "x", "-H", authorization, "-H", "Accept: text/plain", "-H", "X-Trace: 1", "-L",
		"-H", "If-None-Match: *", "-H", "Idempotency-Key: k-1234", // which reads do not take
		"--within", "50ms", "--expect-json", "/state=new", "--settle", "2",
		"--then", "GET", "/v1/things/{id}?view=full", "-u", "me:"+password, "-H", "Accept: application/json")
	require.Equal(t, 124, p.status, p.stderr)
	handle := resumeLine(t, p.stderr)
	assert.Contains(t, p.stderr, handle+" --origin "+r.url+" -H 'Authorization: ...' -H 'X-Trace: ...' --then -H 'Authorization: ...'\n")

	p = readback(t, "resume", handle)
	assert.Equal(t, 2, p.status)
	assert.Equal(t, "readback: the handle does not hold all that is needed: give -H Authorization, -H X-Trace, -H Authorization after --then", one(t, p.stderr))

	again := []string{"resume", handle, "--origin", r.url, "-H", authorization, "-H", "X-Trace: 2", "--then", "-u", "me:" + password}
	p = readback(t, again...)
	assert.Equal(t, 124, p.status, "it lasts as long as the first run")
	assert.Contains(t, p.stderr, "the write was sent and carried out (by another run); do not send it again")

	show()
	before := len(r.requests())
	p = readback(t, append(again, "--within", "30s", "--print", "{id} {state}")...)
	require.Equal(t, 0, p.status, p.stderr)
	assert.Equal(t, "7 new\n", p.stdout)
	got := r.requests()[before:]
	require.Len(t, got, 2, "settle")
	for _, read := range got {
		assert.Equal(t, "GET /v1/things/7?view=full", read.line)
		assert.Equal(t, "2", read.header.Get("X-Trace"))
		assert.Equal(t, "application/json", read.header.Get("Accept"))
		assert.Equal(t, "Basic bWU6aHVudGVyMmh1bnRlcjI=", read.header.Get("Authorization"))
	}
}

func TestResume_otherFlags(t *testing.T) {
	t.Parallel()
	r, show := patient(t)
	p := readback(t, "run", r.url+"/v1/things", "-d", "x", "--within", "50ms", "--expect-json", "state=old", "--json", "--then", "/v1/first", "-H", "Accept: text/plain")
	require.Equal(t, 124, p.status, p.stderr)
	show()
	handle := resumeLine(t, p.stderr)
	p = readback(t, "resume", handle, "--expect-json", "state=new", "--within", "30s", "--then", "/v1/other", "-H", "Accept: application/json")
	assert.Equal(t, 0, p.status, p.stderr)
	got := r.requests()
	assert.Equal(t, []string{"application/json"}, got[len(got)-1].header["Accept"])
	assert.Contains(t, p.stdout, r.url+"/v1/other answered 200")
}

// resumeLine returns the handle of the command line that goes on.
func resumeLine(t *testing.T, stderr string) string {
	t.Helper()
	_, rest, found := strings.Cut(stderr, "\n  readback resume ")
	require.True(t, found, stderr)
	return strings.Fields(rest)[0]
}

// The file holds the handle from the first read on, and until the outcome is
// certain.
func TestResume_file(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "h.json")
	r, show := patient(t)
	run := call{dir: dir, args: []string{"run", r.url + "/v1/things", "-d", "x", "-u", "me:" + password, "--handle-file", "h.json", "--within", "60ms"}}
	p := run.run(t)
	require.Equal(t, 124, p.status, p.stderr)
	assert.Contains(t, p.stderr, "\n  readback resume h.json -H 'Authorization: ...'\n")
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	p = run.run(t)
	assert.Equal(t, 2, p.status, "another write would lose the handle of the first")
	assert.Contains(t, one(t, p.stderr), "h.json holds the handle of a write that is not confirmed")

	text, err := os.ReadFile(file)
	require.NoError(t, err)
	p = call{dir: dir, args: []string{"resume", "-", "--origin", r.url, "-u", "me:" + password}, stdin: string(text)}.run(t)
	assert.Equal(t, 124, p.status, p.stderr)

	show()
	p = call{dir: dir, args: []string{"resume", "h.json", "-u", "me:" + password, "--within", "30s"}}.run(t)
	assert.Equal(t, 0, p.status, p.stderr)
	assert.NoFileExists(t, file)

	posts := 0
	for _, got := range r.requests() {
		if got.line == "POST /v1/things" {
			posts++
		}
	}
	assert.Equal(t, 1, posts)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestResume_badHandle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r, _ := patient(t)
	p := readback(t, "run", r.url+"/v1/things", "-d", "x", "--within", "20ms")
	handle := resumeLine(t, p.stderr)
	for _, other := range [][]string{{r.url + "/v2/others"}, {"--for", "match", "--expect-json", "a=b"}} {
		p := readback(t, append([]string{"resume", handle}, other...)...)
		assert.Equal(t, 2, p.status, p.stdout)
		assert.Contains(t, p.stderr, "the handle is for", "it speaks of one write")
	}
	for name, text := range map[string]string{
		"in.cut":     handle[:len(handle)/2],
		"in.empty":   "",
		"in.other":   `{"readback_command":1}`,
		"in.newer":   `{"readback_command":3}`,
		"in.older":   `{"readback_command":1,"write":["-o","x"]}`,
		"in.more":    `{"readback_command":2,"output":"x"}`,
		"in.nothing": "null",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		p := call{dir: dir, args: []string{"resume", name}}.run(t)
		assert.Equal(t, 2, p.status, name)
		assert.Contains(t, one(t, p.stderr), "handle", name)
	}
}
