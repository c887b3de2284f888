package natsstore_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

// When somebody deletes the bucket beneath running processes, and another one makes it again, nothing
// is sent twice, nothing that was sent is Failed, and the processes go on.
func TestStore_bucketDeleted(t *testing.T) {
	t.Parallel()
	srv := serve(t, &server.Options{StoreDir: t.TempDir()})
	options := natsstore.Options{URL: srv.ClientURL(), Replicas: 1, Timeout: time.Second}
	s := open(t, options)
	var mu sync.Mutex
	sent := make(map[string]int)
	shown := false
	jobs, err := submit.New(submit.Options[string, string, *string]{
		Store: s, Lease: 2 * time.Second,
		Flow: func(key, _ string) consistency.Flow[string, *string] {
			f := consistency.Create("create thing", func(context.Context) (string, error) {
				mu.Lock()
				defer mu.Unlock()
				sent[key]++
				return key, nil
			}, func(_ context.Context, id string) (*string, error) {
				mu.Lock()
				defer mu.Unlock()
				if !shown {
					return nil, consistency.Status(fmt.Errorf("not yet"), 404)
				}
				return &id, nil
			})
			f.Find = func(context.Context) ([]string, error) { return nil, nil }
			return f
		},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { jobs.Run(ctx) })
	defer all.Wait()
	defer cancel()
	results := make(chan submit.Result[string], 5)
	for i := range 5 {
		all.Go(func() {
			res, _ := jobs.Submit(ctx, fmt.Sprint("before ", i), "x")
			results <- res
		})
	}
	require.Eventually(t, func() bool { return jobs.Progress().Reading == 5 }, soon, 10*time.Millisecond)

	conn, err := nats.Connect(srv.ClientURL())
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	require.NoError(t, js.DeleteStream(t.Context(), "KV_readback"))
	_, err = s.Get(t.Context(), submit.KindJob, "before 0")
	require.ErrorIs(t, err, natsstore.ErrUnavailable, "that the bucket is gone does not say that a job is")
	require.Eventually(t, func() bool { return jobs.Progress().Err != nil }, soon, 10*time.Millisecond)
	open(t, options) // which makes it again
	mu.Lock()
	shown = true
	mu.Unlock()
	for range 5 {
		res := <-results
		assert.NotEqual(t, consistency.Failed, res.Outcome, res.Err)
	}
	after, cancelAfter := context.WithTimeout(ctx, soon)
	defer cancelAfter()
	res, err := jobs.Submit(after, "after", "x")
	require.NoError(t, err)
	assert.Equal(t, consistency.Confirmed, res.Outcome)
	mu.Lock()
	defer mu.Unlock()
	for key, n := range sent {
		assert.Equal(t, 1, n, key)
	}
}
