package natsstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/readbacktest"
	"github.com/readback-go/readback/submit"
)

// open opens a store that is closed with the test.
func open(t *testing.T, o natsstore.Options) *natsstore.Store {
	t.Helper()
	s, err := natsstore.Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestStore_inProcess(t *testing.T) {
	t.Parallel()
	readbacktest.TestStore(t, func(t *testing.T) (here, there submit.Store) {
		s := open(t, natsstore.Options{Dir: t.TempDir(), NoSync: true})
		return s, s
	})
}

func TestStore_inProcessSynced(t *testing.T) {
	t.Parallel()
	readbacktest.TestStore(t, func(t *testing.T) (here, there submit.Store) {
		s := open(t, natsstore.Options{Dir: t.TempDir()})
		return s, s
	})
}
