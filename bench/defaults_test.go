package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The table of defaults has a row for each poller, ours first, and is the same for
// the same seed.
func TestDefaults(t *testing.T) {
	var once, again strings.Builder
	o := options{flows: 200, seed: 1, trip: 2 * time.Millisecond}
	require.NoError(t, defaults(&once, t, o))
	require.NoError(t, defaults(&again, t, o))
	assert.Equal(t, once.String(), again.String())
	lines := strings.Split(strings.TrimSpace(once.String()), "\n")
	require.Len(t, lines, 13)
	assert.Equal(t, len(constants), strings.Count(lines[0], "lag "))
	assert.Contains(t, lines[1], "readback Backoff (60ms")
	assert.Contains(t, lines[2], "before")
	assert.Regexp(t, `k8s wait \(every 1s\) +98[0-9]ms / 98[0-9]ms / 2\.0 `, once.String())
}
