package readbacktest_test

import (
	"testing"

	"github.com/readback-go/readback/readbacktest"
	"github.com/readback-go/readback/submit"
)

func TestStore_memory(t *testing.T) {
	t.Parallel()
	readbacktest.TestStore(t, func(*testing.T) (here, there submit.Store) {
		store := submit.NewMemory()
		return store, store
	})
}

func TestStore_memoryInBatches(t *testing.T) {
	t.Parallel()
	readbacktest.TestStore(t, func(*testing.T) (here, there submit.Store) {
		store := submit.NewMemory().Batching()
		return store, store
	})
}
