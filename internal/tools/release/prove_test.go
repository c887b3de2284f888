package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What somebody has set, for a shell or for good, does not reach the binaries, nor lead past the
// modules of the release; where they have modules from does stay.
func TestSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	require.NoError(t, os.WriteFile(file, []byte("GOEXPERIMENT=jsonv2\nGOFLAGS=-race\nGOPROXY=https://modules.example\nGOSUMDB=off\n"), 0o666))
	t.Setenv("GOENV", file)
	for name, value := range map[string]string{"GOFIPS140": "latest", "GOPRIVATE": "house.example", "GOPROXY": "", "GOSUMDB": "", "GOFLAGS": "", "GOWORK": "off"} {
		t.Setenv(name, value)
	}
	env, cache, err := settings(t.Context(), "/a folder/proxy", "house.example/lib")
	require.NoError(t, err)
	assert.DirExists(t, cache)
	cmd := exec.CommandContext(t.Context(), "go", "env", "GOEXPERIMENT", "GOFIPS140", "GOFLAGS", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOPROXY", "GOSUMDB")
	cmd.Env, cmd.Dir = env, t.TempDir()
	said, err := cmd.Output()
	require.NoError(t, err)
	assert.Equal(t, []string{"", "off", "-mod=mod", "", "", "house.example/lib,house.example/lib/*",
		"file:///a%20folder/proxy,https://modules.example", "off", ""}, strings.Split(string(said), "\n"))
}

// What is built for a version that has a tag is what the tag has, from the commit before it was
// prepared or after.
func TestOnBench_tagged(t *testing.T) {
	t.Parallel()
	root := clone(t, house())
	commit := func(message string) {
		_, err := git(root, "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "-q", "-a", "-m", message)
		require.NoError(t, err)
	}
	bench := func() error { return onBench(t.Context(), root, "v0.1.0", func(workbench) error { return nil }) }
	require.NoError(t, bench())
	_, err := prepare(root, "v0.1.0")
	require.NoError(t, err)
	commit("release")
	_, err = git(root, "tag", "v0.1.0")
	require.NoError(t, err)
	assert.NoError(t, bench(), "at the tag")
	_, err = git(root, "checkout", "-q", "HEAD~1")
	require.NoError(t, err)
	assert.NoError(t, bench(), "before it")
	require.NoError(t, os.WriteFile(filepath.Join(root, "lib.go"), []byte("package lib\n\nvar New int\n"), 0o666))
	commit("more")
	assert.EqualError(t, bench(), "the tag v0.1.0 has something else in:\ncmd/go.sum\nexamples/go.sum\nlib.go\n")
}
