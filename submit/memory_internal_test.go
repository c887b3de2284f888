package submit

import (
	"context"
	"fmt"
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
