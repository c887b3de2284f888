package natsstore

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
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

// A ledger that could not be opened again, as where a process has too many files open, is opened later.
func TestLedger_opensLater(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	require.NoError(t, l.add(entry{1, 1, false}))
	away := filepath.Dir(l.path) + " away"
	require.NoError(t, os.Rename(filepath.Dir(l.path), away))
	require.Error(t, l.replace(nil, 0))
	require.Error(t, l.add(entry{2, 2, false}))
	require.NoError(t, os.Rename(away, filepath.Dir(l.path)))
	require.NoError(t, l.add(entry{3, 3, false}))
	c, err := readChanges(l.path)
	require.NoError(t, err)
	assert.Equal(t, []uint64{1, 2, 3}, c.missing(nil))
}

// A change that is answered as the store is being closed, and that the ledger can no longer have, is not
// acknowledged.
func TestLedger_closed(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Timeout: time.Minute})
	require.NoError(t, err)
	require.NoError(t, s.folder.ledger.close())
	_, err = s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "alone"})
	require.ErrorIs(t, err, ErrClosed)
	group := make([]submit.Record, batchFrom)
	for i := range group {
		group[i] = submit.Record{Kind: submit.KindJob, Key: fmt.Sprint(i)}
	}
	_, err = s.ChangeAll(t.Context(), group)
	require.ErrorIs(t, err, ErrClosed)
	require.NoError(t, s.Close())
}
