package main_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A service that repeats what it is told, wherever it can, gets no secret out of
// the command: not into its output, its handle or its files.
func TestSecrets(t *testing.T) {
	t.Parallel()
	given := []string{
		"-H", authorization, "-H", "X-Api-Key: " + password, "-H", "Cookie: session=" + password,
	}
	for name, status := range map[string]int{"created": 201, "accepted": 202, "refused": 422, "lost": 503} {
		for reads, code := range map[string]int{"shown": 200, "not there": 404, "not allowed": 401} {
			t.Run(name+", "+reads, func(t *testing.T) {
				t.Parallel()
				r := recording(t, func(w http.ResponseWriter, _ int, req *http.Request) {
					echo := fmt.Sprintf("%s %s %v", req.URL, req.Header.Get("Authorization"), req.Header)
					w.Header().Set("Location", "/7?api_key="+password+"&echo="+key)
					w.Header().Set("ETag", key)
					w.Header().Set("X-Echo", echo)
					if req.Method == http.MethodPost {
						w.WriteHeader(status)
					} else {
						w.WriteHeader(code)
					}
					_, _ = fmt.Fprintf(w, `{"message":%q,"plain":%q,"id":%q}`, echo, key, password)
				})
				at := "http://me:" + password + "@" + r.url[len("http://"):] + "/things?api_key=" + password
				for _, how := range [][]string{{}, {"-v"}, {"--json"}, {"--print", "{id} {location}"}, {"--handle-file", "h.json"},
					{"--then", "/things/{id}?token=" + password, "-u", "you:" + key}} {
					dir := t.TempDir()
					args := append(append([]string{"run", "-X", "POST", at, "-d", "x", "--within", "30ms", "--interval", "10ms"}, given...), how...)
					p := call{args: args, dir: dir}.run(t) // looks at everything
					assert.Contains(t, []int{0, 1, 124}, p.status, p.stderr)
					if p.status == 124 {
						handle := resumeLine(t, p.stderr)
						p = call{args: []string{"resume", handle}, dir: dir}.run(t)
						assert.Equal(t, 2, p.status)
					}
				}
				p := readback(t, append([]string{"wait", at, "--within", "30ms", "-v"}, given...)...)
				assert.Contains(t, []int{0, 124}, p.status, p.stderr)
			})
		}
	}
}

// An error in the command line does not repeat it.
func TestSecrets_usage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in.headers"), []byte(password), 0o600))
	for _, args := range [][]string{
		{"-H", password},
		{"-H", "@in.headers"},
		{"-u", password},
		{"-x", "http://me:" + password + "@h:port"},
		{"--allow-origin", "https://me:" + password + "@h"},
		{"--then", "http://me:" + password + "@h:" + password + "/{"},
		{"--then", "/x?token=" + password + "&x={"},
		{"--find", "http://me:" + password + "@h/x", "--mine", "a=b", "--found", "/x"},
	} {
		p := call{dir: dir, args: append([]string{"run", "http://127.0.0.1:1/", "-d", "x"}, args...)}.run(t)
		assert.Equal(t, 2, p.status, p.stderr)
		assert.NotEmpty(t, one(t, p.stderr))
	}
	for name, value := range map[string]string{"HEADER": password, "USER": password, "PROXY": "ftp://" + password} {
		p := call{args: []string{"run", "http://127.0.0.1:1/", "-d", "x"}, env: []string{"READBACK_" + name + "=" + value}}.run(t)
		assert.Equal(t, 2, p.status, p.stderr)
	}
}
