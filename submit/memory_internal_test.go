package submit

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who no longer watches leaves nothing behind.
func TestMemory_watchersLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory()
		revision, err := m.Create(t.Context(), Record{Kind: KindJob, Key: "a"})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		for range 3 {
			go func() { _, _ = m.Watch(ctx, KindJob, "a", revision) }()
		}
		synctest.Wait()
		assert.Equal(t, 3, m.watched[memoryKey{KindJob, "a"}].watchers)
		cancel()
		synctest.Wait()
		assert.Empty(t, m.watched)
	})
}

// What may be forgotten is, also if nobody asks for it any more.
func TestMemory_forgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory()
		put := func(from, to int, keep time.Duration) {
			for i := from; i < to; i++ {
				_, err := m.Create(t.Context(), Record{Kind: KindJob, Key: fmt.Sprint(i), Done: true, Keep: keep})
				require.NoError(t, err)
			}
		}
		put(0, 100, 0)
		put(100, 3000, time.Minute)
		assert.Len(t, m.records, 3000)
		time.Sleep(time.Hour)
		put(3000, 6000, time.Minute)
		assert.Less(t, len(m.records), 3200)
		for i := range 100 {
			_, err := m.Get(t.Context(), KindJob, fmt.Sprint(i))
			require.NoError(t, err)
		}
	})
}

// Leases are listed often, and beside any number of jobs: what that costs is
// theirs alone. It runs by itself, to count what it allocates.
func TestMemory_listsOneKind(t *testing.T) {
	m := NewMemory()
	for i := range 100_000 {
		_, err := m.Create(t.Context(), Record{Kind: KindJob, Key: fmt.Sprint(i)})
		require.NoError(t, err)
	}
	_, err := m.Create(t.Context(), Record{Kind: KindLease, Key: "a"})
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for r, err := range m.List(t.Context(), KindLease) {
		require.NoError(t, err)
		assert.Equal(t, "a", r.Key)
	}
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(100_000))
}
