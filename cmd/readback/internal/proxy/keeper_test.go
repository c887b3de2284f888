package proxy

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
)

// A crash costs what was learned in the last minute.
func TestKeeper_everyMinute(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state")
	synctest.Test(t, func(t *testing.T) {
		learned := readback.NewLearned(readback.LearnedOptions{})
		k, err := keep(file, learned)
		require.NoError(t, err)
		first, err := os.ReadFile(file)
		require.NoError(t, err)
		learned.Observe(readback.Lag{After: time.Second, By: 2 * time.Second})
		time.Sleep(61 * time.Second)
		synctest.Wait()
		second, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.NotEqual(t, string(first), string(second))
		require.NoError(t, k.close())
	})
}
