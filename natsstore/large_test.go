package natsstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

// A record that no server takes is refused at once and for good, and the store
// goes on. What the contract of a store allows is kept.
func TestStore_tooLarge(t *testing.T) {
	t.Parallel()
	srv := serve(t, &server.Options{StoreDir: t.TempDir()})
	small := serve(t, &server.Options{StoreDir: t.TempDir(), MaxPayload: 64 << 10})
	for name, tt := range map[string]struct {
		options natsstore.Options
		most    int
	}{
		"in the process":        {natsstore.Options{Dir: t.TempDir(), NoSync: true}, 512 << 10},
		"a cluster":             {natsstore.Options{URL: srv.ClientURL(), Replicas: 1}, 512 << 10},
		"a cluster of less":     {natsstore.Options{URL: small.ClientURL(), Replicas: 1}, 60 << 10},
		"a cluster, three URLs": {natsstore.Options{URL: srv.ClientURL() + "," + srv.ClientURL(), Replicas: 1, Bucket: "other"}, 512 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, tt.options)
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			defer cancel()
			r := submit.Record{Kind: submit.KindJob, Key: "a", Value: make([]byte, tt.most)}
			var err error
			r.Revision, err = s.Create(ctx, r)
			require.NoError(t, err)
			for _, size := range []int{1 << 20, 2 << 20} {
				large := r
				large.Value = make([]byte, size)
				began := time.Now()
				_, err = s.Update(ctx, large)
				require.ErrorIs(t, err, submit.ErrTooLarge)
				require.NotErrorIs(t, err, natsstore.ErrUnavailable)
				require.ErrorContains(t, err, `the job "a"`)
				large.Key = "b"
				_, err = s.Create(ctx, large)
				require.ErrorIs(t, err, submit.ErrTooLarge)
				assert.Less(t, time.Since(began), soon/2)
			}
			got, err := s.Get(ctx, r.Kind, r.Key)
			require.NoError(t, err)
			assert.Equal(t, r.Revision, got.Revision)
			_, err = s.Update(ctx, r)
			require.NoError(t, err)
		})
	}
}

// Under a Submitter, what the server has no room for is refused before anything is sent,
// and what was sent is read back to its end, however long the reference is.
func TestStore_tooLargeUnderSubmitter(t *testing.T) {
	t.Parallel()
	const room = 8 << 10
	srv := serve(t, &server.Options{StoreDir: t.TempDir(), MaxPayload: room})
	s := open(t, natsstore.Options{URL: srv.ClientURL(), Replicas: 1})
	sent := make(chan string, 100)
	jobs, err := submit.New(submit.Options[string, string, *string]{
		Store: s,
		Flow: func(key, job string) consistency.Flow[string, *string] {
			flow := consistency.Create("make",
				func(context.Context) (string, error) {
					sent <- key
					return strings.Repeat("r", len(job)), nil
				},
				func(_ context.Context, ref string) (*string, error) { return &ref, nil })
			flow.Find = consistency.Known(strings.Repeat("r", len(job)))
			flow.Mine = func(string) bool { return true }
			return flow
		},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { jobs.Run(ctx) })

	large := strings.Repeat("j", 2*room)
	_, err = jobs.Submit(ctx, "large", large)
	require.ErrorIs(t, err, submit.ErrTooLarge)
	assert.Equal(t, consistency.Failed, consistency.OutcomeOf(err))
	require.ErrorIs(t, jobs.Enqueue(ctx, "large", large), submit.ErrTooLarge)
	n := 0
	for key, err := range jobs.EnqueueAll(ctx, func(yield func(string, string) bool) {
		for i := 0; i < 40 && yield(fmt.Sprint("many ", i), strings.Repeat("j", []int{2 * room, 100}[i%2])); i++ {
		}
	}) {
		assert.Equal(t, n%2 == 0, errors.Is(err, submit.ErrTooLarge), "%s: %v", key, err)
		n++
	}
	assert.Equal(t, 40, n)
	// The handle and the outcome each have the reference: three times this is too much.
	res, err := jobs.Submit(ctx, "long reference", strings.Repeat("j", room*2/5))
	require.NoError(t, err)
	assert.Equal(t, consistency.Confirmed, res.Outcome)
	kept, err := jobs.Lookup(ctx, "long reference")
	require.NoError(t, err)
	assert.Equal(t, consistency.Confirmed, kept.Outcome)
	cancel()
	running.Wait()
	close(sent)
	for key := range sent {
		assert.NotEqual(t, "large", key)
	}
}
