package natsstore_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

// loseConsumers takes away all that a store reads by, as a server does that dies.
func loseConsumers(t *testing.T, srv *server.Server) (lost int) {
	t.Helper()
	conn, err := nats.Connect(srv.ClientURL())
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), "KV_readback")
	require.NoError(t, err)
	for name := range stream.ConsumerNames(t.Context()).Name() {
		require.NoError(t, stream.DeleteConsumer(t.Context(), name))
		lost++
	}
	return lost
}

// A watcher hears of changes although what brings word of them was lost.
func TestStore_watchLost(t *testing.T) {
	t.Parallel()
	srv, s := single(t)
	r := submit.Record{Kind: submit.KindJob, Key: "a"}
	var err error
	r.Revision, err = s.Create(t.Context(), r)
	require.NoError(t, err)
	for range 3 {
		watched := make(chan submit.Record)
		go func() {
			got, err := s.Watch(t.Context(), r.Kind, r.Key, r.Revision)
			assert.NoError(t, err)
			watched <- got
		}()
		lost := 0
		require.Eventually(t, func() bool { lost += loseConsumers(t, srv); return lost > 0 }, 10*time.Second, time.Millisecond)
		began := time.Now()
		changed := r
		changed.Revision, err = s.Update(t.Context(), r)
		require.NoError(t, err)
		got := <-watched
		assert.Equal(t, changed.Revision, got.Revision)
		assert.Less(t, time.Since(began), 4*time.Second, "not by looking now and then")
		r.Revision = changed.Revision
	}
}

// A list goes on where it was.
func TestStore_listLost(t *testing.T) {
	t.Parallel()
	srv, s := single(t)
	const records = 1200 // more than are sent ahead
	for i := range records {
		_, err := s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: fmt.Sprint(i)})
		require.NoError(t, err)
	}
	found := make(map[string]bool)
	for r, err := range s.List(t.Context(), submit.KindJob) {
		require.NoError(t, err)
		require.False(t, found[r.Key], "twice")
		found[r.Key] = true
		if len(found) == 1 || len(found) == records-100 {
			require.Equal(t, 1, loseConsumers(t, srv))
		}
	}
	assert.Len(t, found, records)
}

// Nothing goes on after Close, in the process or in the server. It runs alone,
// since it counts goroutines.
func TestStore_nothingLeft(t *testing.T) {
	srv := serve(t, &server.Options{StoreDir: t.TempDir()})
	use := func(o natsstore.Options) {
		s, err := natsstore.Open(t.Context(), o)
		require.NoError(t, err)
		revision, err := s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "a"})
		require.NoError(t, err)
		for _, err := range s.List(t.Context(), submit.KindJob) {
			require.NoError(t, err)
			break
		}
		_, err = s.Watch(t.Context(), submit.KindJob, "a", 0)
		require.NoError(t, err)
		require.NoError(t, s.Delete(t.Context(), submit.Record{Kind: submit.KindJob, Key: "a", Revision: revision}))
		require.NoError(t, s.Close())
		info, err := srv.Jsz(nil)
		require.NoError(t, err)
		assert.Zero(t, info.Consumers)
	}
	for _, o := range []natsstore.Options{{Dir: t.TempDir()}, {URL: srv.ClientURL(), Replicas: 1}} {
		use(o)                               // some things are there once and for all
		before := runtime.NumGoroutine() + 1 // Eventually has one of its own
		for range 5 {
			use(o)
		}
		require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before && srv.NumClients() == 0 }, 10*time.Second, 10*time.Millisecond,
			"%d goroutines before", before)
	}
}
