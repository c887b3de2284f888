//go:build unix

package main_test

import (
	"bufio"
	"bytes"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/things"
)

// jobs returns the commands of the table in docs/command.md, by their jobs.
func jobs(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/command.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "| job | today | with readback |\n")
	require.True(t, found)
	all := make(map[string]string)
	for line := range strings.Lines(rest) {
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), `\|`, "\x00"), "|")
		if len(cells) != 5 {
			break
		}
		command := strings.Trim(strings.ReplaceAll(cells[3], "\x00", "|"), " `")
		if command != "---" {
			all[strings.TrimSpace(cells[1])] = command
		}
	}
	return all
}

// demo returns the URL of a service for all jobs of the table: that of readback demo.
func demo(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(things.New(50 * time.Millisecond))
	t.Cleanup(server.Close)
	return server.URL
}

// writesAndReads is a program that reads what it has just written, once: a 404 fails it.
const writesAndReads = `#!/bin/sh
exec readback run -q $API_URL/things -d x --window 404=1ms
`

// shell returns a process of a command in a shell that knows readback, in a folder
// with the files that the table speaks of.
func shell(t *testing.T, command, api string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	bin, dir := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink(self, filepath.Join(bin, "readback")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "new.json"), []byte(`{"a":1}`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ready"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "test.sh"), []byte(writesAndReads), 0o700))
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir = dir
	cmd.Env = []string{asCommand, "GORACE=atexit_sleep_ms=0", "PATH=" + bin + ":" + os.Getenv("PATH"), "api=" + api}
	return cmd
}

// Each command of the table does its job as it stands there.
func TestTable(t *testing.T) {
	t.Parallel()
	all := jobs(t)
	require.GreaterOrEqual(t, len(all), 22)
	serves := all["serve such programs"]
	delete(all, "serve such programs")
	for job, command := range all {
		t.Run(job, func(t *testing.T) {
			t.Parallel()
			cmd := shell(t, command, demo(t))
			var output bytes.Buffer
			cmd.Stdout, cmd.Stderr = &output, &output
			assert.NoError(t, cmd.Run(), "%s\n%s", command, output.String())
			assert.NoFileExists(t, filepath.Join(cmd.Dir, "h.json"))
		})
	}

	// One that goes on until it is stopped: on another port, which may be taken.
	t.Run("serve such programs", func(t *testing.T) {
		t.Parallel()
		require.Contains(t, serves, "127.0.0.1:8080")
		api := demo(t)
		assert.Error(t, shell(t, "API_URL=$api ./test.sh", api).Run(), "without the proxy it does not see what it wrote")

		cmd := shell(t, "exec "+strings.Replace(serves, ":8080", ":0", 1), api)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		url, err := bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		output, err := shell(t, "API_URL="+strings.TrimSpace(url)+" ./test.sh", api).CombinedOutput()
		assert.NoError(t, err, string(output))
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		assert.NoError(t, cmd.Wait())
	})
}
