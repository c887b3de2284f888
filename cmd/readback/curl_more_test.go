//go:build unix

package main_test

import (
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCurl_form(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in.png"), []byte("\x89PNG\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in.txt"), []byte("from a file"), 0o600))
	r := recording(t, at7)
	p := call{dir: dir, args: []string{"run", "-q", r.url, "-F", "a=1=2", "-F", "f=@in.png", "-F", `g=@in.txt;type=text/csv;filename="x y.csv"`, "-F", "t=<in.txt", "-F", `j={"a":1};type=application/json`}}.run(t)
	require.Equal(t, 0, p.status, p.stderr)
	got := r.requests()
	assert.Equal(t, "POST /", got[0].line)
	kind, parameters, err := mime.ParseMediaType(got[0].header.Get("Content-Type"))
	require.NoError(t, err)
	assert.Equal(t, "multipart/form-data", kind)
	form, err := multipart.NewReader(strings.NewReader(got[0].body), parameters["boundary"]).ReadForm(1 << 20)
	require.NoError(t, err)
	assert.Equal(t, map[string][]string{"a": {"1=2"}, "t": {"from a file"}, "j": {`{"a":1}`}}, form.Value)
	assert.Equal(t, "in.png", form.File["f"][0].Filename)
	assert.Equal(t, "image/png", form.File["f"][0].Header.Get("Content-Type"))
	assert.Equal(t, "x y.csv", form.File["g"][0].Filename)
	assert.Equal(t, "text/csv", form.File["g"][0].Header.Get("Content-Type"))
}

func TestCurl_more(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in.txt"), []byte("a b&c"), 0o600))
	for _, tt := range []struct {
		name string
		args []string
		line string // of the write
		body string
		head map[string]string
	}{
		{"upload", []string{"-T", "in.txt", "--for", "present"}, "PUT /x/in.txt", "a b&c", map[string]string{"Content-Type": ""}},
		{"upload of stdin", []string{"-T", "-", "--for", "present"}, "PUT /x/", "from stdin", nil},
		{"json", []string{"--data-json", `{"a":1}`}, "POST /x/", `{"a":1}`, map[string]string{"Content-Type": "application/json", "Accept": "application/json"}},
		{"json of its own type", []string{"--data-json", `[1]`, "-H", "Content-Type: application/x"}, "POST /x/", `[1]`, map[string]string{"Content-Type": "application/x"}},
		{"encoded", []string{"--data-urlencode", "a=b c&d", "--data-urlencode", "=e f", "--data-urlencode", "x y", "--data-urlencode", "n@in.txt", "--data-urlencode", "@in.txt"},
			"POST /x/", "a=b%20c%26d&e%20f&x%20y&n=a%20b%26c&a%20b%26c", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}},
		{"query", []string{"-X", "POST", "-G", "-d", "a=1", "--data-urlencode", "b=c d"}, "POST /x/?a=1&b=c%20d", "", map[string]string{"Content-Type": ""}},
		{"cookies", []string{"-d", "x", "-b", "a=1", "-b", "b=" + password}, "POST /x/", "x", map[string]string{"Cookie": "a=1; b=" + password}},
		{"bearer", []string{"-d", "x", "--oauth2-bearer", password}, "POST /x/", "x", map[string]string{"Authorization": "Bearer " + password}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
				if n == 1 {
					at7(w, n, req)
					return
				}
				_, _ = w.Write([]byte(`{"id":7,"echo":"` + req.Header.Get("Authorization") + `"}`))
			})
			p := call{dir: dir, stdin: "from stdin", args: append([]string{"run", "-v", "--json", r.url + "/x/"}, tt.args...)}.run(t)
			require.Equal(t, 0, p.status, p.stdout+p.stderr)
			got := r.requests()
			assert.Equal(t, tt.line, got[0].line)
			assert.Equal(t, tt.body, got[0].body)
			for name, want := range tt.head {
				assert.Equal(t, want, got[0].header.Get(name), name)
			}
		})
	}
}

// A read may ask by -G, and its fields are filled in.
func TestCurl_get(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, n int, req *http.Request) { _, _ = w.Write([]byte(`{"id":"a b"}`)) })
	p := readback(t, "run", "-q", r.url, "-d", "x", "--expect-json", "id={id}", "--then", r.url+"/list", "-G", "-d", "id={id}", "--data-urlencode", "q=x y")
	require.Equal(t, 0, p.status, p.stdout)
	assert.Equal(t, "GET /list?id=a+b&q=x%20y", r.requests()[1].line)
	p = readback(t, "run", r.url, "-d", "x", "--then", r.url+"/list", "-G", "-d", "id={id}")
	assert.Equal(t, 2, p.status, "it is a query")
	p = readback(t, "wait", "-q", r.url+"/list", "-G", "-d", "a=b", "--expect", ".id")
	assert.Equal(t, 0, p.status, p.stdout)
	assert.Equal(t, "GET /list?a=b", r.requests()[2].line)
}

func TestCurl_unixSocket(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	socket := filepath.Join(dir, "in.sock")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	r := &recorder{}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: r.handler(func(w http.ResponseWriter, n int, req *http.Request) {
		if n > 1 && n < 4 {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		at7(w, n, req)
	})}}
	server.Start()
	t.Cleanup(server.Close)
	p := call{dir: dir, args: []string{"run", "--unix-socket", "in.sock", "http://docker/x", "-d", "x", "--within", "20ms", "--interval", "15ms", "-x", "http://127.0.0.1:1"}}.run(t)
	assert.Equal(t, "docker", r.requests()[0].host)
	if p.status == 124 { // as it should, unless the machine stood still
		assert.Contains(t, p.stderr, " --unix-socket "+socket)
	}
}

// -w tells of the result, however it ended.
func TestCurl_writeOut(t *testing.T) {
	t.Parallel()
	r := recording(t, at7)
	p := readback(t, "run", "-q", r.url, "-d", "x", "-w", `%{outcome}\t%{exit} %{reads} %{http_code} %{write.status} %{write.class} %{value} %{error}100%%\n`)
	assert.Equal(t, "confirmed\t0 1 200 201 applied {\"id\":7} 100%\n", p.stdout, p.stderr)
	r = recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) { w.WriteHeader(409) })
	p = readback(t, "run", "-q", r.url, "-d", "x", "-H", authorization, "-w", `%{outcome} %{exit} %{http_code}|%{write.status}`)
	assert.Equal(t, 1, p.status)
	assert.Equal(t, "failed 1 |409", p.stdout)
	p = readback(t, "wait", "-q", inTurn(t, "404 | {}").url, "--within", "50ms", "-w", `%{json}`)
	assert.Contains(t, p.stdout, `"exit":124`)
}
