package main_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
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
	assert.Contains(t, readback(t, "__complete", "run", "--within").stdout, "--within\tTIME until the run is unconfirmed, ")
}
