package natsstore_test

import (
	"cmp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/readbacktest"
	"github.com/readback-go/readback/submit"
)

// patience is the timeout of stores where none is the matter of the test: a
// machine may be busy.
const patience = time.Minute

// soon is how long a test waits for what comes, to say that it did not come.
const soon = 2 * time.Minute

// open opens a store that is closed with the test. Its timeout is patience unless
// it is said.
func open(t *testing.T, o natsstore.Options) *natsstore.Store {
	t.Helper()
	o.Timeout = cmp.Or(o.Timeout, patience)
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
