package main_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
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
					{"--then", "/things/{id}?token=" + password, "-u", "you:" + key, "--expect-status", "200"}} {
					dir := t.TempDir()
					args := append(append([]string{"run", "-X", "POST", at, "-d", "x", "--within", "30ms", "--interval", "10ms"}, given...), how...)
					p := call{args: args, dir: dir}.run(t) // looks at everything
					assert.Contains(t, []int{0, 1, 3, 124}, p.status, p.stderr)
					if p.status >= 3 {
						handle := resumeLine(t, p.stderr)
						plain, _ := base64.RawURLEncoding.DecodeString(handle)
						holdsNoSecret(t, string(plain))
						p = call{args: []string{"resume", handle}, dir: dir}.run(t)
						assert.Equal(t, 2, p.status)
					}
				}
				p := readback(t, append([]string{"wait", at, "--within", "30ms", "-v", "--expect-status", "200"}, given...)...)
				assert.Contains(t, []int{0, 3, 124}, p.status, p.stderr)
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

// What a header holds that is made for no secret does not take words of every
// day out of the output, and what is hidden there leaves JSON what it is.
func TestSecrets_words(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) {
		w.Header().Set("Location", "/test/7")
		_, _ = w.Write([]byte(`{"account":1234567890,"location":"here"}`))
	})
	p := readback(t, "run", r.url, "-d", "x", "-H", "X-Why: test", "-H", "X-Account: 1234567890", "-H", "X-Client: readback", "-H", "X-Part: location", "--json")
	require.Equal(t, 0, p.status, p.stdout)
	var got struct {
		Readback int            `json:"readback"`
		Read     map[string]any `json:"read"`
		Write    map[string]any `json:"write"`
		Value    map[string]any `json:"value"`
	}
	require.NoError(t, json.Unmarshal([]byte(one(t, p.stdout)), &got), p.stdout)
	assert.Equal(t, 1, got.Readback)
	assert.Equal(t, r.url+"/test/7", got.Read["url"])
	assert.Equal(t, r.url+"/test/7", got.Write["location"])
	assert.Equal(t, map[string]any{"account": "REDACTED", "REDACTED": "here"}, got.Value)
}

// A handle is whole, whatever words are hidden in it.
func TestSecrets_handle(t *testing.T) {
	t.Parallel()
	var there atomic.Bool
	r := recording(t, func(w http.ResponseWriter, n int, _ *http.Request) {
		w.Header().Set("Location", "/things/7")
		if n > 1 && !there.Load() {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte(`{"id":7}`))
	})
	again := []string{"-H", "X-Part: location", "-H", "X-Class: written!"}
	p := readback(t, append([]string{"run", r.url, "-d", "x", "--within", "30ms"}, again...)...)
	require.Equal(t, 124, p.status, p.stdout)
	there.Store(true)
	p = readback(t, append([]string{"resume", resumeLine(t, p.stderr), "--origin", r.url, "--within", "30s"}, again...)...)
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Contains(t, p.stdout, "GET "+r.url+"/things/7 answered 200")
}

// Many services take a token for the name of a user without a password.
func TestSecrets_userAlone(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) {
		w.Header().Set("Location", "/7")
		_, _ = w.Write([]byte(`{"you":"` + password + `"}`))
	})
	at := "http://" + password + "@" + r.url[len("http://"):]
	for _, args := range [][]string{{r.url, "-u", password + ":"}, {at}} {
		p := readback(t, append([]string{"run", "-d", "x", "--json", "-v"}, args...)...)
		assert.Equal(t, 0, p.status, p.stderr)
		assert.Contains(t, p.stdout, `"you":"REDACTED"`)
	}
}

// A body may hold secrets, in fields that are made for them.
func TestSecrets_body(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, _ int, req *http.Request) {
		w.Header().Set("Location", "/default-pool")
		if req.Method == http.MethodPost {
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("not found with " + password + " of default-pool"))
	})
	for _, body := range []string{
		`{"name":"default-pool","secretName":"default-pool","auth":[{"password":"` + password + `"}]}`,
		"name=default-pool&client_secret=" + password,
		"api_key=%68unter2hunter2",
	} {
		p := readback(t, "run", "-v", r.url, "-d", body, "--within", "300ms")
		assert.Equal(t, 124, p.status, p.stderr)
		assert.Contains(t, p.stderr, "not found with REDACTED of default-pool")
		assert.NotContains(t, resumeLine(t, p.stderr), "URL", "names of things are no secrets")
	}
}

// What --find names may hold a secret, too.
func TestSecrets_find(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("no more of " + password))
	})
	p := readback(t, "run", "-v", r.url, "-d", "x", "--within", "30ms", "--find", "/list?token="+password, "--mine", "a=b", "--found", "/{id}")
	assert.Equal(t, 124, p.status)
	assert.Contains(t, p.stderr, "no more of REDACTED")
}

// A dry run hides what a run does.
func TestSecrets_dryRun(t *testing.T) {
	t.Parallel()
	p := readback(t, "run", "http://127.0.0.1:1/"+password, "-d", "x", "-H", "X-Api-Key: "+password, "--dry-run")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Equal(t, "POST http://127.0.0.1:1/REDACTED, 1 bytes, once; then GET {location}, until it is there, within 30s", one(t, p.stdout))
}
