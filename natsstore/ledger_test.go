package natsstore

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{path: filepath.Join(t.TempDir(), "ledger")}
	require.NoError(t, l.rewrite(nil))
	t.Cleanup(func() { require.NoError(t, l.close()) })
	return l
}

// A deletion cancels what is due up to its revision, in whatever order the entries
// come, and nothing later.
func TestLedger_deletions(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	require.NoError(t, l.add(entry{1, 10, false}, entry{1, 10, true}, entry{2, 21, true}, entry{2, 20, false}, entry{3, 31, false}, entry{3, 30, true}))
	c, err := readChanges(l.path)
	require.NoError(t, err)
	assert.Equal(t, []uint64{31}, c.missing(nil))
	assert.Equal(t, []uint64{31}, c.missing(map[uint64]lastMessage{3: {sequence: 30}}))
	assert.Empty(t, c.missing(map[uint64]lastMessage{3: {sequence: 32}}))
}

// A ledger that grew is written anew, and says the same.
func TestLedger_shorten(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	for i := range uint64(2 * minRewrite) {
		require.NoError(t, l.add(entry{i % 100, i + 1, false}))
		if i%100 == 50 {
			require.NoError(t, l.add(entry{i % 100, i + 1, true}))
		}
	}
	assert.Less(t, l.entries, minRewrite+1000)
	c, err := readChanges(l.path)
	require.NoError(t, err)
	assert.Len(t, c.missing(nil), 99)
	assert.Equal(t, uint64(2*minRewrite), c.most)
}

// What there is no room for is entered later.
func TestLedger_noRoom(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	require.NoError(t, l.add(entry{1, 1, false}))
	whole := l.file
	broken, err := os.Open(l.path) // for reading alone
	require.NoError(t, err)
	l.file = broken
	require.Error(t, l.add(entry{2, 2, false}))
	require.Error(t, l.add(entry{3, 3, false}))
	require.NoError(t, broken.Close())
	l.file = whole
	require.NoError(t, l.add(entry{4, 4, false}))
	c, err := readChanges(l.path)
	require.NoError(t, err)
	assert.Equal(t, []uint64{1, 2, 3, 4}, c.missing(nil))
}
