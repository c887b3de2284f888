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
