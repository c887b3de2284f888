package natsstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
				require.ErrorIs(t, err, natsstore.ErrTooLarge)
				require.NotErrorIs(t, err, natsstore.ErrUnavailable)
				require.ErrorContains(t, err, `the job "a"`)
				large.Key = "b"
				_, err = s.Create(ctx, large)
				require.ErrorIs(t, err, natsstore.ErrTooLarge)
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
