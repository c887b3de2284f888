package natsstore_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

// Records that change while they are listed are all in the list, none with less
// than what was acknowledged before the list began.
func TestStore_listWhileChanging(t *testing.T) {
	t.Parallel()
	listWhileChanging(t, open(t, natsstore.Options{Dir: t.TempDir(), NoSync: true}))
}

func listWhileChanging(t *testing.T, s submit.Store) {
	const records = 8
	ctx, cancel := context.WithCancel(t.Context())
	var changing sync.WaitGroup
	defer changing.Wait()
	defer cancel()
	var acknowledged [records]atomic.Uint64
	for i := range records {
		r := submit.Record{Kind: submit.KindJob, Key: fmt.Sprint(i)}
		var err error
		r.Revision, err = s.Create(t.Context(), r)
		require.NoError(t, err)
		acknowledged[i].Store(r.Revision)
		changing.Go(func() {
			for ctx.Err() == nil {
				revision, err := s.Update(ctx, r)
				if err != nil {
					assert.ErrorIs(t, err, context.Canceled)
					return
				}
				r.Revision = revision
				acknowledged[i].Store(revision)
			}
		})
	}
	for range 50 {
		var before [records]uint64
		for i := range records {
			before[i] = acknowledged[i].Load()
		}
		found := make(map[string]uint64)
		for r, err := range s.List(t.Context(), submit.KindJob) {
			require.NoError(t, err)
			require.NotContains(t, found, r.Key)
			found[r.Key] = r.Revision
		}
		for i := range records {
			require.GreaterOrEqual(t, found[fmt.Sprint(i)], before[i], "record %d", i)
		}
	}
}

// A record that always changes just before it would be read is in the list all
// the same.
func TestStore_listChase(t *testing.T) {
	t.Parallel()
	s := open(t, natsstore.Options{Dir: t.TempDir(), NoSync: true})
	const crowd = 1500 // more than are sent ahead
	records := make(map[string]submit.Record)
	write := func(key string) {
		r := submit.Record{Kind: submit.KindJob, Key: key}
		var err error
		if was, ok := records[key]; ok {
			r.Revision, err = s.Update(t.Context(), was)
		} else {
			r.Revision, err = s.Create(t.Context(), r)
		}
		require.NoError(t, err)
		records[key] = r
	}
	writeBehind := func() { // the crowd keeps the hare out of sight
		write("hound")
		for i := range crowd {
			write(fmt.Sprint("crowd ", i))
		}
		write("hare")
	}
	for i := range crowd {
		write(fmt.Sprint("first ", i))
	}
	writeBehind()
	found := make(map[string]bool)
	for r, err := range s.List(t.Context(), submit.KindJob) {
		require.NoError(t, err)
		require.False(t, found[r.Key], "twice")
		switch {
		case len(found) == 0:
			writeBehind()
		case r.Key == "hound":
			write("hare")
		}
		found[r.Key] = true
	}
	assert.Len(t, found, len(records))
	assert.True(t, found["hare"])
}

// A list that is left early leaves nothing behind in the server.
func TestStore_listLeft(t *testing.T) {
	t.Parallel()
	srv, s := single(t)
	for i := range 10 {
		_, err := s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: fmt.Sprint(i)})
		require.NoError(t, err)
	}
	consumers := func() int {
		info, err := srv.Jsz(nil)
		require.NoError(t, err)
		return info.Consumers
	}
	leavesNoConsumers(t, consumers, func() {
		for _, err := range s.List(t.Context(), submit.KindJob) {
			require.NoError(t, err)
			break
		}
	})
	leavesNoConsumers(t, consumers, func() {
		for _, err := range s.List(t.Context(), submit.KindJob) {
			require.NoError(t, err)
		}
	})
}
