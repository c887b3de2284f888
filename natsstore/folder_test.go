package natsstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

func TestOpen_inUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := natsstore.Open(t.Context(), natsstore.Options{Dir: dir, NoSync: true, Timeout: patience})
	require.NoError(t, err)
	_, err = natsstore.Open(t.Context(), natsstore.Options{Dir: dir, NoSync: true})
	require.ErrorIs(t, err, natsstore.ErrInUse)
	require.ErrorContains(t, err, dir)
	require.NoError(t, first.Close())
	open(t, natsstore.Options{Dir: dir, NoSync: true})
}

func TestStore_closed(t *testing.T) {
	t.Parallel()
	s, err := natsstore.Open(t.Context(), natsstore.Options{Dir: t.TempDir(), NoSync: true})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err = s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "a"})
	require.ErrorIs(t, err, natsstore.ErrClosed)
	_, err = s.Watch(t.Context(), submit.KindJob, "a", 1)
	require.ErrorIs(t, err, natsstore.ErrClosed)
}

// A store that is closed while somebody watches ends the watch.
func TestStore_closedWhileWatched(t *testing.T) {
	t.Parallel()
	s, err := natsstore.Open(t.Context(), natsstore.Options{Dir: t.TempDir(), NoSync: true, Timeout: patience})
	require.NoError(t, err)
	s.LookSeldom()
	revision, err := s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "a"})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	ended := make(chan error)
	for range 10 {
		go func() {
			_, err := s.Watch(ctx, submit.KindJob, "a", revision)
			ended <- err
		}()
	}
	time.Sleep(50 * time.Millisecond) // most of them wait
	require.NoError(t, s.Close())
	for range 10 {
		require.ErrorIs(t, <-ended, natsstore.ErrClosed)
	}
}

// A program that ends its calls and then closes the store is no trouble of the server's, which is
// not started anew for that.
func TestStore_closedAfterCalls(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 10 {
		core, logs := observer.New(zap.WarnLevel)
		s, err := natsstore.Open(t.Context(), natsstore.Options{Dir: dir, Timeout: patience, Logger: zap.New(core)})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var calls sync.WaitGroup
		for n := range 8 {
			calls.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					_, _ = s.Create(ctx, submit.Record{Kind: submit.KindJob, Key: fmt.Sprint(round, " ", n, " ", i)})
				}
			})
		}
		time.Sleep(20 * time.Millisecond) // some are under way
		cancel()
		calls.Wait()
		require.NoError(t, s.Close())
		assert.Empty(t, logs.All())
	}
}

// A server that cannot start says why at once, and lets go of the folder.
func TestOpen_noStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	obstacle := filepath.Join(dir, "jetstream")
	require.NoError(t, os.Symlink("nowhere", obstacle))
	began := time.Now()
	_, err := natsstore.Open(t.Context(), natsstore.Options{Dir: dir, Timeout: time.Minute})
	require.ErrorIs(t, err, natsstore.ErrUnavailable)
	require.ErrorContains(t, err, "could not create storage directory")
	assert.Less(t, time.Since(began), 30*time.Second)
	require.NoError(t, os.Remove(obstacle))
	open(t, natsstore.Options{Dir: dir})
}

// Nobody else may look into a folder that Open makes.
func TestOpen_private(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	open(t, natsstore.Options{Dir: dir})
	require.NoError(t, filepath.WalkDir(filepath.Dir(dir), func(path string, entry os.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		if entry.IsDir() {
			assert.Equal(t, os.FileMode(0o700), info.Mode().Perm(), path)
		}
		return nil
	}))
}

// Whose context has ended opens nothing.
func TestOpen_endedContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(os.ErrClosed)
	dir := filepath.Join(t.TempDir(), "store")
	_, err := natsstore.Open(ctx, natsstore.Options{Dir: dir})
	require.ErrorIs(t, err, os.ErrClosed)
	assert.NoDirExists(t, dir)
}

// Whoever gives up opening a folder leaves it free, at whatever moment.
func TestOpen_cutShort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for wait := range 40 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(wait)*500*time.Microsecond)
		s, err := natsstore.Open(ctx, natsstore.Options{Dir: dir, NoSync: true})
		cancel()
		if err == nil {
			require.NoError(t, s.Close())
		} else if !errors.Is(err, natsstore.ErrInUse) {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		s, err := natsstore.Open(t.Context(), natsstore.Options{Dir: dir, NoSync: true})
		if assert.NoError(c, err) {
			assert.NoError(c, s.Close())
		}
	}, soon, 10*time.Millisecond)
}

// Notes that a later version made are left alone.
func TestOpen_laterVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	later := []byte(`{"readback":2,"buckets":[]}`)
	path := filepath.Join(dir, "notes.json")
	require.NoError(t, os.WriteFile(path, later, 0o600))
	_, err := natsstore.Open(t.Context(), natsstore.Options{Dir: dir})
	require.ErrorContains(t, err, "notes.json is of version 2, not 1")
	require.NotErrorIs(t, err, natsstore.ErrDamaged)
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, later, kept)
}

// A record that is done is kept for as long as it says, and not for ever.
func TestStore_keep(t *testing.T) {
	t.Parallel()
	s := open(t, natsstore.Options{Dir: t.TempDir(), NoSync: true})
	r := submit.Record{Kind: submit.KindJob, Key: "a"}
	revision, err := s.Create(t.Context(), r)
	require.NoError(t, err)
	r.Revision, r.Done, r.Keep = revision, true, 1500*time.Millisecond
	began := time.Now()
	r.Revision, err = s.Update(t.Context(), r)
	require.NoError(t, err)
	_, err = s.Watch(t.Context(), submit.KindJob, "a", r.Revision)
	require.ErrorIs(t, err, submit.ErrNotFound)
	assert.GreaterOrEqual(t, time.Since(began), 1500*time.Millisecond)

	again, err := s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "a"})
	require.NoError(t, err)
	assert.Greater(t, again, r.Revision)
}
