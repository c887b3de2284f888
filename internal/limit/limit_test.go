package limit

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Of keys that nobody asks for any more, no more limiters are kept than of those in use.
func TestLimits_forgetsKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := Limits[int]{PerSecond: 1}
		for key := range 10_000 {
			require.NoError(t, l.Wait(t.Context(), key, 0))
			require.ErrorIs(t, l.Wait(t.Context(), key, 0), Err)
			time.Sleep(10 * time.Millisecond) // each is in use for a second
			assert.LessOrEqual(t, len(l.of), 3*sweepFrom)
		}
	})
}
