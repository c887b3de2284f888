package main

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// No expression of an action stands in a script: what a caller of the action
// writes would be run.
func TestAction_noExpressionInScripts(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../action.yml")
	require.NoError(t, err)
	expressions := 0
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, "${{") {
			continue
		}
		expressions++
		assert.Regexp(t, `^        READBACK_[A-Z]+: \$\{\{ inputs\.[a-z]+ \}\}\n$`, line)
	}
	assert.Equal(t, strings.Count(string(text), "    description:"), expressions, "each input is used once")
}

// stepOfGuide returns the step of a workflow that the guide shows, with the action of this
// folder in place of the released one.
func stepOfGuide(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/shell.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "```yaml\n")
	require.True(t, found)
	step, _, _ := strings.Cut(rest, "```")
	require.Contains(t, step, "uses: readback-go/readback@v0.1.0\n")
	step = strings.Replace(step, "readback-go/readback@v0.1.0", "./", 1)
	return "      " + strings.ReplaceAll(strings.TrimSpace(step), "\n", "\n      ") + "\n"
}

// Workflows that use the action, as the guide shows and shorter, and one that has its steps,
// pass actionlint.
func TestAction_actionlint(t *testing.T) {
	t.Parallel()
	action, err := os.ReadFile("../../../action.yml")
	require.NoError(t, err)
	_, steps, found := strings.Cut(string(action), "  steps:\n")
	require.True(t, found)
	root := clone(t, map[string]string{
		"action.yml": string(action),
		".github/workflows/use.yml": "on: push\njobs:\n  use:\n    runs-on: ubuntu-latest\n    steps:\n" +
			"      - uses: ./\n        with:\n          version: v0.1.0\n          args: version\n",
		".github/workflows/guide.yml": "on: push\njobs:\n  use:\n    runs-on: ubuntu-latest\n    steps:\n" + stepOfGuide(t),
		".github/workflows/steps.yml": "on:\n  workflow_dispatch:\n    inputs:\n      version: {type: string}\n      args: {type: string}\n" +
			"jobs:\n  steps:\n    runs-on: ubuntu-latest\n    steps:\n" + strings.ReplaceAll(steps, "    ", "      "),
		".github/workflows/wrong.yml": "on: push\njobs:\n  use:\n    runs-on: ubuntu-latest\n    steps:\n" +
			"      - uses: ./\n        with:\n          verison: v0.1.0\n",
	})
	lint := func(name string) (string, error) {
		tool, err := exec.CommandContext(t.Context(), "go", "tool", "-n", "actionlint").Output()
		require.NoError(t, err)
		cmd := exec.CommandContext(t.Context(), strings.TrimSpace(string(tool)), "-no-color", filepath.Join(".github", "workflows", name))
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, name := range []string{"use.yml", "guide.yml", "steps.yml"} {
		said, err := lint(name)
		assert.NoError(t, err, said)
	}
	said, err := lint("wrong.yml") // it does look at the action
	assert.Error(t, err)
	assert.Contains(t, said, `input "verison" is not defined in action`)
}

// runAction runs the script of the action as a runner does, against releases
// that have one archive and some checksums.
func runAction(t *testing.T, archive []byte, checksums string, env ...string) (out, path string, err error) {
	t.Helper()
	const name = "/v0.1.0/readback-v0.1.0-linux-amd64.tar.gz"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case name:
			_, _ = w.Write(archive)
		case "/v0.1.0/checksums.txt":
			_, _ = w.Write([]byte(checksums))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	dir := t.TempDir()
	path = filepath.Join(dir, "path")
	cmd := exec.CommandContext(t.Context(), "bash", "../../action/readback.sh")
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "READBACK_RELEASES=" + server.URL, "READBACK_VERSION=v0.1.0", "RUNNER_OS=Linux",
		"RUNNER_ARCH=X64", "RUNNER_TEMP=" + dir, "GITHUB_PATH=" + path, "GITHUB_WORKSPACE=" + dir,
	}, env...)
	said, err := cmd.CombinedOutput()
	text, _ := os.ReadFile(path)
	return strings.ReplaceAll(string(said), dir, "TEMP"), strings.ReplaceAll(string(text), dir, "TEMP"), err
}

// fake is an archive whose program prints where it runs and each argument, and
// ends unconfirmed.
func fake(t *testing.T) (archive []byte, checksums string) {
	t.Helper()
	archive, err := pack([]entry{{"readback", 0o755, []byte("#!/bin/sh\npwd\nprintf '<%s>\\n' \"$@\"\nexit 124\n")}})
	require.NoError(t, err)
	return archive, fmt.Sprintf("%x  readback-v0.1.0-linux-amd64.tar.gz\n", sha256.Sum256(archive))
}

// The arguments are handed on as they are, and so is the exit status.
func TestAction_runs(t *testing.T) {
	t.Parallel()
	archive, checksums := fake(t)
	out, path, err := runAction(t, archive, "0000  other.tar.gz\n"+checksums, "READBACK_ARGS=run\n-d\n$(touch x) \"`id`\"\n")
	assert.Equal(t, "TEMP\n<run>\n<-d>\n<$(touch x) \"`id`\">\n", out)
	assert.EqualError(t, err, "exit status 124")
	assert.Equal(t, "TEMP/readback-v0.1.0\n", path)
}

// Without arguments it is installed alone.
func TestAction_installs(t *testing.T) {
	t.Parallel()
	archive, checksums := fake(t)
	out, path, err := runAction(t, archive, checksums)
	assert.NoError(t, err)
	assert.Empty(t, out)
	assert.Equal(t, "TEMP/readback-v0.1.0\n", path)
}

// What is not the release is neither run nor put on the path.
func TestAction_refuses(t *testing.T) {
	t.Parallel()
	archive, checksums := fake(t)
	for _, tt := range []struct{ name, checksums, env, want string }{
		{"another checksum", "0000  readback-v0.1.0-linux-amd64.tar.gz\n", "", "the checksum of readback-v0.1.0-linux-amd64.tar.gz is"},
		{"no checksum", "", "", "checksums.txt does not name readback-v0.1.0-linux-amd64.tar.gz"},
		{"no such release", checksums, "READBACK_VERSION=v0.2.0", "404"},
		{"no version", checksums, "READBACK_VERSION=../../x", "READBACK_VERSION is no version"},
		{"no system", checksums, "RUNNER_OS=Plan9", "no release for the system Plan9"},
		{"no processor", checksums, "RUNNER_ARCH=ARM", "no release for the processor ARM"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, path, err := runAction(t, archive, tt.checksums, "READBACK_ARGS=run", tt.env)
			assert.Error(t, err)
			assert.Contains(t, out, tt.want)
			assert.NotContains(t, out, "<run>")
			assert.Empty(t, path)
		})
	}
}
