//go:build unix

package main_test

import (
	"bytes"
	"os"
	"path/filepath"
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
		0:   {"run", s.url, "-H", authorization, "-d", body("a")},
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
