//go:build unix

package main_test

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The commands that the demo prints do what it says of them, in a shell.
func TestDemo(t *testing.T) {
	t.Parallel()
	demo := call{args: []string{"demo", "--workspaces-lag", "2s", "--memberships-lag", "2500ms"}}.cmd(t)
	stdout, err := demo.StdoutPipe()
	require.NoError(t, err)
	var stderr bytes.Buffer
	demo.Stderr = &stderr
	require.NoError(t, demo.Start())

	var commands []string
	api := ""
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Keys:") {
		switch text := lines.Text(); {
		case strings.HasPrefix(text, "  readback "):
			commands = append(commands, text)
		case strings.HasPrefix(text, "    "):
			commands[len(commands)-1] += "\n" + text
		}
		if _, rest, found := strings.Cut(lines.Text(), "api="); found {
			api, _, _ = strings.Cut(rest, ",")
		}
	}
	require.Len(t, commands, 3)

	self, err := os.Executable()
	require.NoError(t, err)
	bin := t.TempDir()
	require.NoError(t, os.Symlink(self, filepath.Join(bin, "readback")))
	shell := func(command string) process {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Env = []string{asCommand, "GORACE=atexit_sleep_ms=0", "PATH=" + bin + ":" + os.Getenv("PATH")}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run()
		holdsNoSecret(t, stdout.String(), stderr.String())
		return process{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	}
	p := shell(commands[0])
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Contains(t, one(t, p.stdout), ": confirmed after ")
	p = shell(commands[1])
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Contains(t, p.stderr, ": 503, ambiguous in ")
	p = shell(strings.Replace(commands[2], "200ms", "20ms", 1))
	assert.Equal(t, 124, p.status, p.stderr)
	_, resume, found := strings.Cut(p.stderr, "\n  readback resume ")
	require.True(t, found, p.stderr)
	p = shell("readback resume --within 30s " + strings.Replace(resume, "Authorization: ...", authorization, 1))
	assert.Equal(t, 0, p.status, p.stderr)

	p = readback(t, "wait", "-q", api+"/jobs/7", "--expect", `.state == "done"`)
	assert.Equal(t, 0, p.status, p.stderr)

	require.NoError(t, demo.Process.Signal(os.Interrupt))
	rest, err := io.ReadAll(stdout)
	require.NoError(t, err)
	assert.Empty(t, rest)
	require.NoError(t, demo.Wait())
	assert.Empty(t, stderr.String())
}
