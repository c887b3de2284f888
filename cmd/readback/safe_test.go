//go:build unix

package main_test

import (
	"bytes"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A list that is empty shows nothing, and what asks for a list must say what it
// is to show.
func TestSafe_lists(t *testing.T) {
	t.Parallel()
	for _, empty := range []string{"[]", "null", "{}", " [ ]\n"} {
		r := recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
			if req.Method == http.MethodPost && n == 1 {
				w.WriteHeader(http.StatusCreated)
				_, _ = w.Write([]byte(`{"id":"9"}`))
				return
			}
			_, _ = w.Write([]byte(empty))
		})
		p := readback(t, "run", r.url, "-d", "x", "--then", "/things/{id}", "--within", "1s")
		assert.Equal(t, 124, p.status, p.stdout)
		p = readback(t, "wait", r.url, "--within", "1s")
		assert.Equal(t, 124, p.status, p.stdout)
		assert.Contains(t, p.stderr, "pending (not found)")
	}
	r := recording(t, at7)
	for _, args := range [][]string{
		{"run", r.url, "-d", "x", "--then", "GET", "/things?id={id}"},
		{"run", r.url, "-d", "x", "--then", "-d", "query", "/search"},
		{"run", "PUT", r.url + "/x?a=1", "--for", "present"},
		{"wait", r.url + "?id=7"},
		{"wait", "POST", r.url},
		{"wait", "-d", "query", r.url},
	} {
		p := readback(t, args...)
		assert.Equal(t, 2, p.status, args)
		assert.Contains(t, one(t, p.stderr), "say what reads are to show", args)
	}
	assert.Empty(t, r.requests())
}

// What is there is there however long it is; where more is needed, a limit is
// told.
func TestSafe_longBody(t *testing.T) {
	t.Parallel()
	long := []byte(`{"text":"` + strings.Repeat("x", 20<<20) + `"}`)
	r := recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
		if req.Method == http.MethodPost {
			at7(w, n, req)
			return
		}
		_, _ = w.Write(long)
	})
	p := readback(t, "run", "-q", r.url, "-d", "x")
	assert.Equal(t, 0, p.status, p.stdout)
	p = readback(t, "wait", "-q", r.url)
	assert.Equal(t, 0, p.status, p.stdout)
	p = readback(t, "wait", r.url, "--expect-json", "a=1", "--within", "4s")
	assert.Equal(t, 124, p.status)
	assert.Contains(t, one(t, p.stdout), "over 16777216 bytes; --max-body allows more")
	p = readback(t, "wait", "-q", r.url, "--max-body", "21M", "-o", "-")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Len(t, p.stdout, len(long))
	assert.Contains(t, readback(t, "wait", "--help").stdout, "--max-body SIZE")
	for _, bad := range []string{"0", "-1", "x", "1T", "99999999999G", ""} {
		p := readback(t, "wait", r.url, "--max-body", bad)
		assert.Equal(t, 2, p.status, bad)
	}
}

// What the write was answered is told and kept, so that where to read can be said
// later. Secrets are not.
func TestSafe_forgottenThen(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
		if req.Method == http.MethodPost {
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte(`{"id":9007199254740993,"token":"` + password + `","you":"` + key + `","list":[1]}`))
			return
		}
		_, _ = w.Write([]byte(`{"id":9007199254740993}`))
	})
	for _, file := range []string{"", "h.json"} {
		dir := t.TempDir()
		args := []string{"run", r.url + "/things", "-d", "x", "-H", authorization}
		if file != "" {
			args = append(args, "--handle-file", file)
		}
		p := call{dir: dir, args: args}.run(t)
		assert.Equal(t, 124, p.status)
		assert.Contains(t, p.stderr, `its answer was: {"id":9007199254740993,`)
		plain, _ := base64.RawURLEncoding.DecodeString(resumeLine(t, p.stderr))
		holdsNoSecret(t, string(plain))
		p = call{dir: dir, args: []string{"resume", resumeLine(t, p.stderr), "--origin", r.url, "-H", authorization, "--then", "/things/{id}"}}.run(t)
		assert.Equal(t, 0, p.status, p.stderr)
		assert.Contains(t, p.stdout, "GET "+r.url+"/things/9007199254740993 answered 200")
	}
	p := readback(t, "run", r.url+"/things", "-d", "x", "-H", authorization, "--json")
	assert.Contains(t, p.stdout, `"body":{"id":9007199254740993,"list":[1],"token":"REDACTED","you":"REDACTED"}`)
}

// That nothing is there proves no deletion of what was never seen, and the line
// says so; --seen looks first.
func TestSafe_seen(t *testing.T) {
	t.Parallel()
	script := func(deletion, before, after int) *recorder {
		deleted := false
		return recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
			switch {
			case req.Method == http.MethodDelete:
				deleted = true
				w.WriteHeader(deletion)
			case deleted:
				w.WriteHeader(after)
			default:
				w.WriteHeader(before)
			}
		})
	}
	r := script(404, 404, 404)
	p := readback(t, "run", "DELETE", r.url+"/7")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Contains(t, one(t, p.stdout), "; the DELETE itself was answered 404: nothing shows that it was ever there")

	r = script(204, 404, 404)
	p = readback(t, "run", "DELETE", r.url+"/7")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Contains(t, one(t, p.stdout), "; no read showed it before: --seen looks first")

	r = script(204, 404, 404)
	p = readback(t, "run", "DELETE", r.url+"/7", "--seen")
	assert.Equal(t, 1, p.status)
	assert.Contains(t, one(t, p.stderr), "it is not there: GET "+r.url+"/7 answered 404; nothing was sent")
	assert.Len(t, r.requests(), 1)

	r = script(204, 200, 404)
	p = readback(t, "run", "DELETE", r.url+"/7", "--seen")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Contains(t, one(t, p.stdout), "; before, GET "+r.url+"/7 answered 200")

	r = script(204, 403, 404)
	p = readback(t, "run", "DELETE", r.url+"/7", "--seen", "--window", "403=50ms")
	assert.Equal(t, 3, p.status, "who may not see it cannot tell whether it is there")
	assert.Contains(t, one(t, p.stderr), "nothing was sent")
	assert.NotContains(t, p.stderr, "it is not there")

	r = script(204, 401, 404)
	p = readback(t, "run", "DELETE", r.url+"/7", "--seen")
	assert.Equal(t, 3, p.status)
	assert.Contains(t, one(t, p.stderr), "nothing was sent")
	assert.Len(t, r.requests(), 1)

	p = readback(t, "run", r.url, "-d", "x", "--seen")
	assert.Equal(t, 2, p.status)
}

// A connection has its keys, or it is none.
func TestSafe_connectTimeout(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	for want, args := range map[int][]string{1: {"run", "-d", "x"}, 124: {"wait", "--within", "2s"}} {
		began := time.Now()
		p := readback(t, append(args, "https://"+silent.Addr().String(), "--connect-timeout", "0.5", "-q")...)
		assert.Equal(t, want, p.status, p.stdout)
		assert.Less(t, time.Since(began), 9*time.Second) // the default is 10 s
	}
}

// What ends a run by its window names the flag that widens it.
func TestSafe_window(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		403: `"forbidden" is not taken for lag any longer; --window 403=TIME widens that`,
		404: `"not found" is not taken for lag any longer; --window 404=TIME widens that`,
	} {
		r := recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) { w.WriteHeader(status) })
		p := readback(t, "wait", "-q", r.url, "--window", "403=50ms", "--window", "404=50ms")
		assert.Equal(t, 124, p.status)
		assert.Contains(t, one(t, p.stdout), want)
	}
}

// A result that nobody got is no success, whoever closed the pipe.
func TestSafe_brokenPipe(t *testing.T) {
	t.Parallel()
	r := recording(t, at7)
	for _, args := range [][]string{{"run", r.url, "-d", "x"}, {"wait", r.url}, {"wait", "--", "true"}} {
		cmd := call{args: args}.cmd(t)
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = closedPipe(t), &stderr
		_ = cmd.Run()
		assert.Equal(t, 74, cmd.ProcessState.ExitCode(), stderr.String())
	}
}

// A read that is refused is told apart from one that was in vain until the end.
func TestSafe_refusedRead(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 422} {
		r := recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) { w.WriteHeader(status) })
		p := readback(t, "wait", r.url)
		assert.Equal(t, 3, p.status, status)
		assert.Len(t, r.requests(), 1)
		p = readback(t, "wait", "-q", "--json", r.url)
		assert.Contains(t, p.stdout, `"exit":3`)
	}
	r := recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) { w.WriteHeader(404) })
	p := readback(t, "wait", "-q", r.url, "--within", "50ms")
	assert.Equal(t, 124, p.status)
}
