package main

import (
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The last stage of the container file is empty but for what is copied, and its
// user is nobody in particular, by number, since there is no file that has names.
func TestContainer_lastStage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../Containerfile")
	require.NoError(t, err)
	i := strings.LastIndex(string(text), "\nFROM ")
	require.Positive(t, i)
	build, last := string(text[:i]), strings.TrimSpace(string(text[i:]))
	assert.Contains(t, build, "CGO_ENABLED=0")
	assert.Contains(t, build, `/cmd/readback@"$VERSION"`)

	said := make(map[string][]string)
	for line := range strings.Lines(last) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		said[word] = append(said[word], rest)
	}
	assert.Equal(t, []string{"scratch"}, said["FROM"])
	assert.Equal(t, []string{"65532:65532"}, said["USER"])
	assert.Empty(t, said["RUN"], "there is no shell")
	const trusted = "/etc/ssl/certs/ca-certificates.crt" // where Go looks for it
	assert.Equal(t, []string{"--from=build " + trusted + " " + trusted, "--from=build /out/readback /readback"}, said["COPY"])
	require.Len(t, said["ENTRYPOINT"], 1)
	var entry []string
	require.NoError(t, json.Unmarshal([]byte(said["ENTRYPOINT"][0]), &entry), "a shell is asked for otherwise")
	require.NotEmpty(t, entry)
	assert.Equal(t, "/readback", entry[0])
}

// The command that the container holds is static, and begins in a folder where
// there is nothing else, as nobody. The latter needs root.
func TestContainer_static(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	program := filepath.Join(root, "readback")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/readback")
	cmd.Dir, cmd.Env = "../../..", append(os.Environ(), "CGO_ENABLED=0")
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, string(said))

	file, err := elf.Open(program)
	require.NoError(t, err)
	defer file.Close()
	for _, p := range file.Progs {
		assert.NotEqual(t, elf.PT_INTERP, p.Type, "it asks for a dynamic linker")
	}
	if os.Getuid() != 0 {
		return
	}
	require.NoError(t, os.Chmod(root, 0o755))
	cmd = exec.CommandContext(t.Context(), "/readback", "proxy", "--help")
	cmd.Dir, cmd.Env = "/", []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	said, err = cmd.CombinedOutput()
	require.NoError(t, err, string(said))
	assert.Contains(t, string(said), "Proxy is a reverse proxy")
}
