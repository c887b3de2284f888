package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An archive holds its files as given, and nothing of when and by whom it was made.
func TestPack(t *testing.T) {
	t.Parallel()
	archive, err := pack([]entry{{"readback", 0o755, []byte("program")}, {"man/readback.1", 0o644, nil}})
	require.NoError(t, err)
	zipped, err := gzip.NewReader(bytes.NewReader(archive))
	require.NoError(t, err)
	assert.True(t, zipped.ModTime.IsZero())
	packed := tar.NewReader(zipped)
	header, err := packed.Next()
	require.NoError(t, err)
	assert.Equal(t, []any{"readback", int64(0o755), int64(0), 0, "", ""},
		[]any{header.Name, header.Mode, header.ModTime.Unix(), header.Uid, header.Uname, header.Gname})
	text, err := io.ReadAll(packed)
	require.NoError(t, err)
	assert.Equal(t, "program", string(text))
	header, err = packed.Next()
	require.NoError(t, err)
	assert.Equal(t, "man/readback.1", header.Name)
	_, err = packed.Next()
	assert.ErrorIs(t, err, io.EOF)
}

func TestBinaries_unknownPlatform(t *testing.T) {
	t.Parallel()
	err := binaries(t.Context(), t.TempDir(), "v0.1.0", t.TempDir(), "plan9/amd64")
	assert.ErrorContains(t, err, `-platform is "plan9/amd64"`)
}

// NOTICE is what the tool makes of today's modules: go run ./internal/tools/release notice > NOTICE
func TestNotice_current(t *testing.T) {
	t.Parallel()
	want, err := notice(t.Context(), "../../..")
	require.NoError(t, err)
	got, err := os.ReadFile("../../../NOTICE")
	require.NoError(t, err)
	assert.True(t, want == string(got), "NOTICE is not current")
	assert.Contains(t, want, "github.com/spf13/cobra v")
}

// The same text is told once, whatever its line ends, and also that of a folder which came from
// elsewhere; what has none is an error.
func TestNoticeOf(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(name, text string) {
		name = filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o777))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o666))
	}
	write("a/LICENSE", "free\nto use\n")
	write("b/licence.txt", "free\r\nto use\r\n")
	write("b/NOTICE", "by b\n")
	write("c/license_test.go", "package c\n")
	write("a/copied/from/LICENSE", "by another\n")
	write("a/copied/from/deep/deep.go", "package deep\n")
	write("a/tests/LICENSE", "not linked\n")
	got, err := noticeOf(map[string][]string{
		"a v1": {filepath.Join(root, "a"), filepath.Join(root, "a", "copied", "from", "deep")}, "b v2": {filepath.Join(root, "b")},
	})
	require.NoError(t, err)
	rule := "\n" + string(bytes.Repeat([]byte("="), 79)) + "\n\n"
	assert.Equal(t, "The binaries of readback contain the following, under the licences that follow each list.\n"+
		rule+"a v1\nb v2\n\nfree\nto use\n"+rule+"a v1\n\nby another\n"+rule+"b v2\n\nby b\n", got)
	_, err = noticeOf(map[string][]string{"c v3": {filepath.Join(root, "c")}})
	assert.EqualError(t, err, "c v3 has no licence that could be found")
}
