package pgtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The newest version is taken; where there is none, the error says what to install.
func TestProgramsIn(t *testing.T) {
	folders := t.TempDir()
	t.Setenv("PATH", t.TempDir())
	_, err := programsIn(folders)
	require.ErrorIs(t, err, ErrMissing)
	assert.ErrorContains(t, err, "apt-get install -y postgresql")

	for _, version := range []string{"9", "18", "15", "other"} {
		bin := filepath.Join(folders, version, "bin")
		require.NoError(t, os.MkdirAll(bin, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(bin, "initdb"), nil, 0o755))
	}
	bin, err := programsIn(folders)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(folders, "18", "bin"), bin)

	t.Setenv("PATH", bin)
	found, err := programsIn(t.TempDir())
	require.NoError(t, err)
	assert.Equal(t, bin, found)
}
