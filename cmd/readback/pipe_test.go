//go:build unix

package main_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// closedPipe is what a process writes to whose reader has gone.
func closedPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// A reader that goes away ends nothing: the write is read back all the same.
func TestPipe_stderr(t *testing.T) {
	t.Parallel()
	s := lagging(t, usual)
	cmd := call{args: []string{"run", s.url, "-H", authorization, "-d", body("a")}}.cmd(t)
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, closedPipe(t)
	require.NoError(t, cmd.Run())
	assert.Contains(t, one(t, stdout.String()), "confirmed after ")
}

func TestPipe_stdout(t *testing.T) {
	t.Parallel()
	s := lagging(t, usual)
	dir := t.TempDir()
	for want, args := range map[int][]string{
		74:  {"run", s.url, "-H", authorization, "-d", body("a")},
		1:   {"run", s.url, "-H", authorization, "-d", "{}"},
		124: {"run", s.url, "-H", authorization, "-d", body("b"), "--then", "/v1/workspaces/nope", "--within", "50ms", "--handle-file", "h.json"},
	} {
		cmd := call{args: args, dir: dir}.cmd(t)
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = closedPipe(t), &stderr
		_ = cmd.Run()
		assert.Equal(t, want, cmd.ProcessState.ExitCode(), stderr.String())
		assert.Contains(t, stderr.String(), "; the result was not written: ")
	}
	assert.FileExists(t, filepath.Join(dir, "h.json"))
}

// A result that was not written for another reason is no success.
func TestPipe_full(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = full.Close() })
	s := lagging(t, usual)
	for _, args := range [][]string{
		{"run", "-q", s.url, "-H", authorization, "-d", body("a")},
		{"wait", "-q", s.url, "-H", authorization},
		{"wait", "-q", "--", "true"},
	} {
		cmd := call{args: args}.cmd(t)
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &stderr
		_ = cmd.Run()
		assert.Equal(t, 74, cmd.ProcessState.ExitCode())
		assert.Contains(t, stderr.String(), ": confirmed after ")
		assert.Contains(t, stderr.String(), "no space left on device")
	}
}

// What a file holds is kept from the first time that it is read: a pipe, as bash
// makes of @<(command), has nothing left for a second one.
func TestPipe_files(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, _ int, req *http.Request) {
		w.Header().Set("Location", "/7")
		if req.Method == http.MethodGet {
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprintf(w, "not for %v", req.Header)
		}
	})
	for _, args := range [][]string{
		{"run", "--within", "50ms", "-v"},
		{"measure", "--within", "50ms", "--count", "2", "--pause", "0", "--settle-for", "0"},
	} {
		dir := t.TempDir()
		for name, content := range map[string]string{"in.write": authorization, "in.read": "X-Api-Key: " + password, "in.body": "x=1"} {
			name = filepath.Join(dir, name)
			require.NoError(t, syscall.Mkfifo(name, 0o600))
			go func() { _ = os.WriteFile(name, []byte(content), 0o600) }() // for one reader
		}
		p := call{dir: dir, args: append(args, r.url, "-H", "@in.write", "-d", "@in.body", "--then", "-H", "@in.read", "--connect-timeout", "5")}.run(t)
		assert.Equal(t, 124, p.status, p.stderr)
		if args[0] == "run" {
			assert.Regexp(t, "readback resume [^ ]+ --origin [^ ]+ -H 'Authorization: ...' --then -H 'X-Api-Key: ...'\n", p.stderr)
		}
	}
	got := r.requests()
	require.GreaterOrEqual(t, len(got), 6)
	for _, request := range got {
		assert.Equal(t, "ApiKey "+key, request.header.Get("Authorization"))
		if strings.HasPrefix(request.line, "POST ") {
			assert.Equal(t, "x=1", request.body)
		} else {
			assert.Equal(t, password, request.header.Get("X-Api-Key"))
		}
	}
}

// What is asked for and cannot be written is no success, whatever it is.
func TestPipe_unwritten(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--version"}, {"version"}, {"--help"}, {"help", "run"}, {"wait", "--help"}, {"completion", "bash"}, {"help"}} {
		cmd := call{args: args}.cmd(t)
		cmd.Stdout = closedPipe(t)
		_ = cmd.Run()
		assert.Equal(t, 74, cmd.ProcessState.ExitCode(), args)
	}
}
