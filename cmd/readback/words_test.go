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

// What was seen last is told as the service said it, also where the last read was
// cut short, and with no header and no word of Go's.
func TestWords_seen(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
		w.Header().Set("X-Session", password)
		if n > 2 {
			_ = http.NewResponseController(w).Flush()
			<-req.Context().Done() // the last read is cut short within its answer
		}
		_, _ = w.Write([]byte(`{"state":"new"}`))
	})
	p := readback(t, "wait", "-q", r.url, "--expect", `.state == "done"`, "--within", "400ms")
	assert.Equal(t, 124, p.status)
	for _, word := range []string{"Header", "Body", "X-Session"} {
		assert.NotContains(t, one(t, p.stdout), word)
	}
	p = readback(t, "wait", "-q", "--within", "200ms", "--", "false")
	assert.Equal(t, 124, p.status)
	assert.NotContains(t, one(t, p.stdout), "Header")
	p = readback(t, "run", "-q", "--within", "200ms", "--", "true", "--then", "--", "false")
	assert.NotContains(t, p.stdout, "Header")
}

// What is refused is told by the names of flags.
func TestWords_flags(t *testing.T) {
	t.Parallel()
	r := recording(t, at7)
	for want, args := range map[string][]string{
		"--settle":       {"run", r.url, "-d", "x", "--settle", "40000"},
		"--interval":     {"run", r.url, "-d", "x", "--interval", "10s", "--max-interval", "1s"},
		"PUT":            {"run", "-T", "in.body", r.url},
		"$write":         {"wait", r.url, "--expect", ".id == $write.body.id"},
		"DELETE":         {"run", r.url, "-d", "x", "--find", "DELETE /list", "--mine", "a=1", "--then", "/{id}"},
		"before":         {"run", "--", "true", "--then", r.url, "--expect", ".id"},
		"URL":            {"run", r.url, "-d", "x", "--then", "/things/7", "--", "true"},
		"-w":             {"wait", r.url, "-w", "%{outcome}", "--and", r.url},
		"--report-junit": {"wait", r.url, "--report-junit", "-"},
		"no read":        {"run", r.url, "-d", "x", "--then", "DELETE", "{location}", "--expect-status", "2xx"},
		"DELETE is no":   {"wait", "DELETE", r.url, "--expect", "."},
		"PUT is no":      {"wait", "-T", "in.body", r.url, "--expect", "."},
		"--save":         {"measure", r.url, "-d", "x", "--save", "-"},
		"--report":       {"measure", r.url, "-d", "x", "--report", "-"},
		"3":              {"wait", r.url, "--events-fd", "3"},
		"--handle-file":  {"run", r.url, "-d", "x", "--handle-file", ""},
		"--found":        {"run", r.url, "-d", "x", "--find", "/list", "--mine", "a=1", "--found", ""},
		"--expect-json":  {"wait", r.url, "--expect-json", ""},
		"-X HEAD":        {"wait", "-I", r.url},
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "in.body"), []byte("x"), 0o600))
		p := call{dir: dir, args: args}.run(t)
		assert.Equal(t, 2, p.status, args)
		line := one(t, p.stderr)
		assert.Contains(t, line, want, args)
		for _, word := range []string{"Policy", "Backoff", "  "} {
			assert.NotContains(t, line, word, args)
		}
		assert.NoFileExists(t, filepath.Join(dir, "-"))
	}
	assert.Empty(t, r.requests())
}

// A blank in a query is sent as curl's users mean it, never as the end of the
// request line.
func TestWords_blankInQuery(t *testing.T) {
	t.Parallel()
	r := recording(t, at7)
	for _, args := range [][]string{
		{"wait", r.url + "/x?q=a b", "--expect", "."},
		{"wait", "-G", "-d", "q=a b", r.url + "/x", "--expect", "."},
		{"run", r.url + "/x", "-d", "y", "--then", "/x?q=a b", "--expect", "."},
		{"run", "-X", "POST", r.url + "/x?q=a b", "--then", "/7"},
	} {
		before := len(r.requests())
		p := readback(t, args...)
		assert.Equal(t, 0, p.status, p.stdout+p.stderr)
		found := false
		for _, got := range r.requests()[before:] {
			found = found || strings.HasSuffix(got.line, "/x?q=a%20b")
		}
		assert.True(t, found, args)
	}
}

// -w takes its format from a file, as curl's does.
func TestWords_outFile(t *testing.T) {
	t.Parallel()
	r := inTurn(t, `{"id":7}`)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in.format"), []byte(`%{outcome} %{response_code} %{http_code}\n`), 0o600))
	p := call{dir: dir, args: []string{"wait", "-q", r.url, "-w", "@in.format"}}.run(t)
	assert.Equal(t, "confirmed 200 200\n", p.stdout)
	p = call{dir: dir, args: []string{"wait", "-q", r.url, "-w", "@-"}, stdin: `%{exit}`}.run(t)
	assert.Equal(t, "0", p.stdout)
	p = call{dir: dir, args: []string{"wait", "-q", r.url, "-w", "@in.none"}}.run(t)
	assert.Equal(t, 2, p.status)
	p = readback(t, "wait", "-q", "-w", "%{output}", "--", "echo", "hello")
	assert.Equal(t, "hello\n", p.stdout)
}

// One of the two bounds of waits is enough, whatever the other one is by default.
func TestWords_oneInterval(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--interval", "10s"}, {"--max-interval", "5ms"}} {
		p := readback(t, append([]string{"run", "-q", recording(t, at7).url, "-d", "x"}, args...)...)
		assert.Equal(t, 0, p.status, p.stderr)
	}
}

// A command that wrote, perhaps, and whose URL proves nothing: the line says what can
// be done, and names no flag that has no use.
func TestWords_lostCommand(t *testing.T) {
	t.Parallel()
	r := recording(t, at7)
	p := readback(t, "run", "-q", "--", "false", "--then", r.url+"/7")
	assert.Equal(t, 124, p.status)
	assert.Contains(t, p.stderr, "readback wait with --expect")
	assert.NotContains(t, p.stderr, "--find '...'")
}

// A redirect is not followed unless -L says so, and the line says that.
func TestWords_redirect(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, _ int, req *http.Request) {
		if req.URL.Path != "/new" {
			http.Redirect(w, req, "/new", http.StatusMovedPermanently)
			return
		}
		_, _ = w.Write([]byte(`{"id":7}`))
	})
	p := readback(t, "wait", "-q", r.url+"/old", "--within", "100ms")
	assert.Equal(t, 124, p.status)
	assert.Contains(t, one(t, p.stdout), "it leads to "+r.url+"/new: -L follows")
	p = readback(t, "wait", "-q", "-L", r.url+"/old")
	assert.Equal(t, 0, p.status, p.stdout)
}

// An answer that proves nothing is no lost answer, and what is no JSON is called so
// once.
func TestWords_doubt(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	p := readback(t, "run", "-q", r.url, "-d", "x")
	assert.Contains(t, p.stdout, "the write may have been carried out, and there is no --find to look for it")
	r = recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"a":1} and more`))
	})
	p = readback(t, "wait", "-q", r.url, "--expect", ".a", "--within", "100ms")
	assert.Contains(t, p.stdout, "; the last answer is not JSON")
	p = readback(t, "wait", "-q", inTurn(t, ``).url, "--expect", ".a", "--within", "100ms")
	assert.Contains(t, p.stdout, "; the last answer is empty, not JSON")
}

// The status that is told is that of the last answer, also if one more read was cut
// short.
func TestWords_lastStatus(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
		if n > 1 {
			<-req.Context().Done()
		}
		w.WriteHeader(http.StatusNotFound)
	})
	p := readback(t, "wait", "-q", r.url, "--within", "300ms", "-w", "%{http_code}")
	assert.Equal(t, "404", p.stdout)
}
