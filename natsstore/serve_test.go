package natsstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
)

// A server in the process listens to nobody, and waits for the disk at each
// change unless it is told not to.
func TestServe(t *testing.T) {
	t.Parallel()
	for _, noSync := range []bool{false, true} {
		s, err := Open(t.Context(), Options{Dir: t.TempDir(), NoSync: noSync, Timeout: time.Minute})
		require.NoError(t, err)
		assert.Equal(t, !noSync, s.site.server.JetStreamConfig().SyncAlways)
		assert.Nil(t, s.site.server.Addr())
		require.NoError(t, s.Close())
	}
}

// A server that works is left alone, and one that does not is gone before the
// next one starts on its folder.
func TestMend(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), NoSync: true, Timeout: time.Minute})
	require.NoError(t, err)
	first := s.site
	s.mend(first)
	s.menders.Wait()
	assert.Same(t, first, s.site)

	revision, err := s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "a"})
	require.NoError(t, err)
	first.conn.Close()
	_, err = s.Get(t.Context(), submit.KindJob, "a")
	require.ErrorIs(t, err, ErrUnavailable)
	s.menders.Wait()
	assert.NotSame(t, first, s.site)
	assert.False(t, first.server.Running())
	second := s.site
	s.mend(first) // by one who noticed late
	assert.False(t, s.mending)
	assert.Same(t, second, s.site)
	r, err := s.Get(t.Context(), submit.KindJob, "a")
	require.NoError(t, err)
	assert.Equal(t, revision, r.Revision)

	require.NoError(t, s.Close())
	s.mend(second)
	assert.False(t, s.mending)
}
