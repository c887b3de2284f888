package main_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// at7 answers a write with a Location, and a read with a document.
func at7(w http.ResponseWriter, n int, _ *http.Request) {
	if n == 1 {
		w.Header().Set("Location", "/7?a=1")
		w.WriteHeader(http.StatusCreated)
		return
	}
	_, _ = w.Write([]byte(`{"id":7}`))
}

func TestCurl_noScheme(t *testing.T) {
	t.Parallel()
	r := recording(t, at7)
	p := readback(t, "run", "-q", strings.TrimPrefix(r.url, "http://")+"/x", "-d", "x")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Equal(t, "POST /x", r.requests()[0].line)
}

// What stands before --then is the write's, and what follows it the read's.
func TestCurl_sides(t *testing.T) {
	t.Parallel()
	r := recording(t, at7)
	p := readback(t, "run", "-q",
		"-X", "PUT", r.url+"/write?w=1", "-H", "X-Both: write", "-H", "X-Write: 1", "-H", "Content-Type: text/plain", "-d", "written", "-u", "me:"+password,
		"--for", "present", "--expect-status", "200",
		"--then", "-X", "POST", "/read?r=1", "-H", "X-Both: read", "-H", "X-Read: 1", "-H", "Content-Type: application/json", "-d", "asked",
		"--within", "5s")
	require.Equal(t, 0, p.status, p.stdout)
	got := r.requests()
	require.Len(t, got, 2)

	write := got[0]
	assert.Equal(t, "PUT /write?w=1", write.line)
	assert.Equal(t, "written", write.body)
	assert.Equal(t, []string{"write"}, write.header["X-Both"])
	assert.Equal(t, "text/plain", write.header.Get("Content-Type"))
	assert.Empty(t, write.header.Get("X-Read"))
	assert.Equal(t, "Basic bWU6aHVudGVyMmh1bnRlcjI=", write.header.Get("Authorization"))

	read := got[1]
	assert.Equal(t, "POST /read?r=1", read.line)
	assert.Equal(t, "asked", read.body)
	assert.Equal(t, []string{"read"}, read.header["X-Both"], "the read's goes before that of the write")
	assert.Equal(t, "1", read.header.Get("X-Write"), "and the rest is taken from it")
	assert.Equal(t, "application/json", read.header.Get("Content-Type"))
	assert.Equal(t, write.header.Get("Authorization"), read.header.Get("Authorization"))
	assert.Equal(t, "no-cache", read.header.Get("Cache-Control"))
}

func TestCurl_method(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"POST /7":   {"-d", ""},
		"GET /7":    {},
		"REPORT /7": {"-X", "REPORT", "-d", "x"},
	} {
		r := recording(t, at7)
		p := readback(t, append([]string{"run", "PUT", r.url + "/7", "--for", "present", "--expect-status", "2xx", "--then", "/7"}, args...)...)
		require.Len(t, r.requests(), 2, p.stderr)
		assert.Equal(t, "PUT /7", r.requests()[0].line)
		assert.Equal(t, want, r.requests()[1].line, "the flags stand after --then: they are the read's")

		p = readback(t, append(append([]string{"run", r.url + "/7"}, args...), "--for", "present")...)
		if len(args) == 0 {
			assert.Equal(t, 2, p.status)
			assert.Len(t, r.requests(), 2)
			continue
		}
		assert.Equal(t, want, r.requests()[2].line, p.stderr)
	}
}

func TestCurl_data(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in.txt"), []byte("a\r\nb\n\x00c"), 0o600))
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"text", []string{"-d", "a=1"}, "a=1"},
		{"several", []string{"-d", "a=1", "--data-raw", "@b", "-d", "c"}, "a=1&@b&c"},
		{"file", []string{"-d", "@in.txt"}, "abc"},
		{"file as it is", []string{"--data-binary", "@in.txt"}, "a\r\nb\n\x00c"},
		{"stdin", []string{"-d", "@-"}, "from stdin"},
		{"empty", []string{"-d", ""}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := recording(t, at7)
			p := call{args: append([]string{"run", r.url}, tt.args...), dir: dir, stdin: "from\n stdin"}.run(t)
			require.Equal(t, 0, p.status, p.stderr)
			got := r.requests()
			assert.Equal(t, "POST /", got[0].line)
			assert.Equal(t, tt.want, got[0].body)
			assert.Equal(t, "application/x-www-form-urlencoded", got[0].header.Get("Content-Type"))
			assert.Equal(t, "GET /7?a=1", got[1].line)
			assert.Empty(t, got[1].body)
			assert.Empty(t, got[1].header.Get("Content-Type"))
		})
	}
}

func TestCurl_headers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in.headers"), []byte("X-File: 1\r\n\nX-File: 2\n"), 0o600))
	r := recording(t, at7)
	p := call{dir: dir, args: []string{"run", r.url, "-d", "x", "-H", "@in.headers", "-H", "X-Empty;", "-H", "User-Agent:", "-H", "Host: other.example",
		"-H", "X-Gone: 1", "--then", "-H", "X-Gone:", "-A", "reader"}}.run(t)
	require.Equal(t, 0, p.status, p.stderr)
	got := r.requests()
	assert.Equal(t, []string{"1", "2"}, got[0].header["X-File"])
	assert.Equal(t, []string{""}, got[0].header["X-Empty"])
	assert.NotContains(t, got[0].header, "User-Agent")
	assert.Equal(t, "1", got[0].header.Get("X-Gone"))
	assert.Equal(t, "other.example", got[0].host)
	assert.Equal(t, "other.example", got[1].host)
	assert.NotContains(t, got[1].header, "X-Gone")
	assert.Equal(t, "reader", got[1].header.Get("User-Agent"))
}

// Credentials in a URL are -u, and go where the URL goes.
func TestCurl_userInURL(t *testing.T) {
	t.Parallel()
	r := recording(t, at7)
	u, err := url.Parse(r.url)
	require.NoError(t, err)
	u.User = url.UserPassword("me", password)
	p := readback(t, "run", u.String(), "-d", "x", "-v")
	require.Equal(t, 0, p.status, p.stderr)
	for _, got := range r.requests() {
		assert.Equal(t, "Basic bWU6aHVudGVyMmh1bnRlcjI=", got.header.Get("Authorization"))
	}
}

// A place that the command line names gets its headers; one that only the
// service names gets none, and only if it is allowed.
func TestCurl_otherOrigin(t *testing.T) {
	t.Parallel()
	reads := recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) { _, _ = w.Write([]byte(`{"id":7}`)) })
	writes := recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) {
		w.Header().Set("Location", reads.url+"/named")
		w.WriteHeader(http.StatusCreated)
	})
	p := readback(t, "run", "-q", writes.url, "-d", "x", "-H", "X-Write: 1", "-u", "me:"+password,
		"--then", reads.url+"/typed", "-H", "X-Read: 1", "-u", "you:"+password)
	require.Equal(t, 0, p.status, p.stdout)
	p = readback(t, "run", "-q", writes.url, "-d", "x", "-u", "me:"+password, "--allow-origin", reads.url,
		"--then", "-H", "X-Read: 1", "-H", "Accept: text/plain")
	require.Equal(t, 0, p.status, p.stdout)

	got := reads.requests()
	require.Len(t, got, 2)
	assert.Equal(t, "GET /typed", got[0].line)
	assert.Equal(t, "1", got[0].header.Get("X-Read"))
	assert.Equal(t, "Basic eW91Omh1bnRlcjJodW50ZXIy", got[0].header.Get("Authorization"), "its own, not the write's")
	assert.Empty(t, got[0].header.Get("X-Write"))
	assert.Equal(t, "GET /named", got[1].line)
	assert.Empty(t, got[1].header.Get("X-Read"))
	assert.Empty(t, got[1].header.Get("Authorization"))
	assert.Equal(t, "text/plain", got[1].header.Get("Accept"))
}

// As people call curl in scripts.
func TestCurl_usual(t *testing.T) {
	t.Parallel()
	r := recording(t, at7)
	p := readback(t, "run", "-sSfL", r.url, "-d", "x")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Empty(t, p.stderr)
	p = readback(t, "run", "-sSfL", "http://no-such-host.invalid", "-d", "x")
	assert.Equal(t, 1, p.status)
	assert.Contains(t, one(t, p.stdout), "no-such-host.invalid")
}

func TestCurl_redirects(t *testing.T) {
	t.Parallel()
	answer := func(w http.ResponseWriter, n int, req *http.Request) {
		switch {
		case req.Method == http.MethodPost:
			w.Header().Set("Location", "/old")
			w.WriteHeader(http.StatusSeeOther)
		case req.URL.Path == "/old":
			http.Redirect(w, req, "/new", http.StatusMovedPermanently)
		default:
			_, _ = w.Write([]byte(`{"id":7}`))
		}
	}
	r := recording(t, answer)
	p := readback(t, "run", "-q", r.url, "-d", "x", "--within", "50ms")
	assert.Equal(t, 124, p.status, "a redirect of a read says nothing")
	p = readback(t, "run", "-q", r.url, "-d", "x", "-L")
	assert.Equal(t, 0, p.status)
	assert.Contains(t, p.stdout, r.url+"/new answered 200")

	other := recording(t, func(http.ResponseWriter, int, *http.Request) {})
	away := recording(t, func(w http.ResponseWriter, _ int, req *http.Request) {
		http.Redirect(w, req, other.url, http.StatusFound)
	})
	p = readback(t, "wait", "-q", away.url, "-L", "--within", "50ms", "-H", authorization)
	assert.Equal(t, 124, p.status)
	assert.Empty(t, other.requests(), "another origin")
	around := recording(t, func(w http.ResponseWriter, _ int, req *http.Request) { http.Redirect(w, req, "/", http.StatusFound) })
	p = readback(t, "wait", "-q", around.url, "-L", "--within", "50ms")
	assert.Equal(t, 124, p.status, "in a circle")
}

func TestCurl_connections(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	server := httptest.NewTLSServer(r.handler(at7))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	dir := t.TempDir()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in.pem"), certificate, 0o600))
	named := "https://example.com:" + u.Port() // the name in the certificate
	p := call{dir: dir, args: []string{"run", "-q", named, "-d", "x", "--cacert", "in.pem", "--resolve", "example.com:" + u.Port() + ":127.0.0.1"}}.run(t)
	assert.Equal(t, 0, p.status, p.stdout)
	assert.Len(t, r.requests(), 2)
}

func TestCurl_proxy(t *testing.T) {
	t.Parallel()
	proxy := recording(t, at7)
	p := readback(t, "run", "-q", "http://service.invalid/x", "-d", "x", "--proxy", proxy.url)
	require.Equal(t, 0, p.status, p.stdout)
	got := proxy.requests()
	require.Len(t, got, 2)
	assert.Equal(t, "POST /x", got[0].line)
	assert.Equal(t, "GET /7?a=1", got[1].line)
	assert.Equal(t, "service.invalid", got[0].host)
}

// A write without an answer in its time may have been carried out.
func TestCurl_maxTime(t *testing.T) {
	t.Parallel()
	r := recording(t, func(_ http.ResponseWriter, _ int, req *http.Request) { <-req.Context().Done() })
	p := readback(t, "run", r.url, "-d", "x", "-m", "1.5", "-q")
	assert.Equal(t, 124, p.status)
	assert.Contains(t, p.stderr, "may have been carried out, or may be later (no answer came); do not send it again. Nothing tells where it is")
	assert.Contains(t, p.stderr, " --find '...' --mine '...' --found '...'\n")
	assert.Len(t, r.requests(), 1)

	p = readback(t, "wait", r.url, "-m", "20ms", "--within", "200ms", "-q")
	assert.Equal(t, 124, p.status)
	assert.Contains(t, p.stdout, "timed out")
}
