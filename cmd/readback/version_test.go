package main_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	p := readback(t, "--version")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Regexp(t, `^readback (devel|v[0-9])`, one(t, p.stdout))
	assert.Equal(t, p, readback(t, "version"))
	p = readback(t, "version", "run")
	assert.Equal(t, 2, p.status)
	assert.Empty(t, p.stdout)
}

// A completion describes a flag as the help does, without what marks the name of
// its value.
func TestCompletion_usages(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"run", "--w"}, {"run", "x", "--then", "--f"}, {"wait", "--"}, {"proxy", "--"}, {"measure", "--"}, {"demo", "--"}} {
		p := readback(t, append([]string{"__complete"}, args...)...)
		assert.Equal(t, 0, p.status, p.stderr)
		assert.Contains(t, p.stdout, "\t")
		assert.NotContains(t, p.stdout, "`")
	}
	assert.Contains(t, readback(t, "__complete", "run", "--within").stdout, "--within\tTIME after the write's answer at which the run ends unconfirmed ")
}

// Values are completed, and files only where there are some.
func TestCompletion_values(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in.json"), nil, 0o600))
	for want, args := range map[string][]string{
		"absent\tit is gone":      {"wait", "--for", ""},
		"mittwald":                {"run", "--token", "m"},
		"PATCH":                   {"run", "-X", ""},
		"403=\tforbidden":         {"run", "--window", "4"},
		"@in.json":                {"run", "-d", "@i"},
		"not-sent":                {"run", "--resend", ""},
		":4\nCompletion ended":    {"wait", "--within", ""},
		":0\nCompletion ended":    {"run", "--cacert", ""},
		"--expect-status\tSTATUS": {"wait", "--expect-s"},
	} {
		p := call{dir: dir, args: append([]string{"__complete"}, args...)}.run(t)
		assert.Equal(t, 0, p.status, p.stderr)
		assert.Contains(t, p.stdout+p.stderr, want, args)
	}
}
