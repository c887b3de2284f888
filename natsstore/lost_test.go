package natsstore_test

import (
	"context"
	"errors"
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
// There is something soon.
func loseConsumers(t *testing.T, srv *server.Server) {
	t.Helper()
	conn, err := nats.Connect(srv.ClientURL())
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), "KV_readback")
	require.NoError(t, err)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		lost := 0
		for name := range stream.ConsumerNames(t.Context()).Name() {
			// One that heard nothing for a while is replaced meanwhile.
			if err := stream.DeleteConsumer(t.Context(), name); !errors.Is(err, jetstream.ErrConsumerNotFound) {
				assert.NoError(c, err)
				lost++
			}
		}
		assert.Positive(c, lost)
	}, soon, time.Millisecond)
}

// A watcher hears of changes although what brings word of them was lost.
func TestStore_watchLost(t *testing.T) {
	t.Parallel()
	srv, s := single(t)
	s.LookSeldom()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	r := submit.Record{Kind: submit.KindJob, Key: "a"}
	var err error
	r.Revision, err = s.Create(t.Context(), r)
	require.NoError(t, err)
	for range 3 {
		watched := make(chan submit.Record)
		go func() {
			got, err := s.Watch(ctx, r.Kind, r.Key, r.Revision)
			assert.NoError(t, err)
			watched <- got
		}()
		loseConsumers(t, srv)
		changed := r
		changed.Revision, err = s.Update(t.Context(), r)
		require.NoError(t, err)
		got := <-watched
		assert.Equal(t, changed.Revision, got.Revision)
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
			loseConsumers(t, srv)
		}
	}
	assert.Len(t, found, records)
}

// leavesNoConsumers checks that use does not leave any. Once is enough: where the
// machine stood still in between, a store leaves it to the server to forget one.
func leavesNoConsumers(t *testing.T, consumers func() int, use func()) {
	t.Helper()
	for range 10 {
		before := consumers()
		if use(); consumers() <= before {
			return
		}
	}
	assert.Fail(t, "a consumer is left each time")
}

// Nothing goes on after Close, in the process or in the server. It runs alone,
// since it counts goroutines.
func TestStore_nothingLeft(t *testing.T) {
	srv := serve(t, &server.Options{StoreDir: t.TempDir()})
	consumers := func() int {
		info, err := srv.Jsz(nil)
		require.NoError(t, err)
		return info.Consumers
	}
	use := func(o natsstore.Options) {
		o.Timeout = patience
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
	}
	for _, o := range []natsstore.Options{{Dir: t.TempDir()}, {URL: srv.ClientURL(), Replicas: 1}} {
		use(o)                               // some things are there once and for all
		before := runtime.NumGoroutine() + 1 // Eventually has one of its own
		leavesNoConsumers(t, consumers, func() { use(o) })
		for range 5 {
			use(o)
		}
		require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before && srv.NumClients() == 0 }, soon, 10*time.Millisecond,
			"%d goroutines before", before)
	}
}
