package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun_disk(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-disk", "-rounds", "8", "-jobs", "3"}, nil, &out, &out), "%s", &out)
	assert.Contains(t, out.String(), "full-disks=2 jobs=24 ")
	assert.Contains(t, out.String(), "failed=0 lost=0 double-writes=0 wrong-outcome=0 ")
}
