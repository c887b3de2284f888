package measure_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/examples/workspaces"
)

// A result that could not be written does not hide that nothing was confirmed.
func TestProcess_full(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = full.Close() })
	_, url := start(t, workspaces.Options{WorkspacesLag: time.Minute})
	for want, args := range map[int][]string{
		1:   {"-d", "{}", "--count", "1"},
		124: append(asAlice, "--count", "1", "--within", "100ms", "--settle-for", "10ms"),
	} {
		p := measureAt(url, args...)
		p.Stdout = full
		require.Error(t, p.Run())
		assert.Equal(t, want, p.ProcessState.ExitCode())
		assert.Contains(t, p.err.String(), "no space left on device")
	}
}
