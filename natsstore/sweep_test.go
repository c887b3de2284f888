package natsstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

// An outcome outlives a start whose clock is days ahead, and one whose clock is
// behind, and is forgotten when two starts agree that its time is over. Then it is
// not missed.
func TestStore_wrongClock(t *testing.T) {
	t.Parallel()
	srv := serve(t, &server.Options{StoreDir: t.TempDir()})
	for name, o := range map[string]natsstore.Options{
		"in the process": {Dir: filepath.Join(t.TempDir(), "store")},
		"in a cluster":   {URL: srv.ClientURL(), Replicas: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const day = 24 * time.Hour
			o.Timeout = patience
			began := time.Now()
			start := func(clock time.Duration, use func(s *natsstore.Store)) {
				t.Helper()
				s, err := natsstore.Open(t.Context(), o.WithClock(func() time.Time { return began.Add(clock) }))
				require.NoError(t, err)
				use(s)
				require.NoError(t, s.Sweep(t.Context()))
				require.NoError(t, s.Close())
			}
			ended := submit.Record{Kind: submit.KindJob, Key: "a.b c", Done: true, Keep: 7 * day}
			there := func(want error) func(s *natsstore.Store) {
				return func(s *natsstore.Store) {
					t.Helper()
					_, err := s.Get(t.Context(), ended.Kind, ended.Key)
					require.ErrorIs(t, err, want)
				}
			}
			start(0, func(s *natsstore.Store) {
				_, err := s.Create(t.Context(), ended)
				require.NoError(t, err)
				_, err = s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "for ever", Done: true})
				require.NoError(t, err)
				_, err = s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "pending"})
				require.NoError(t, err)
			})
			start(day, there(nil))
			start(9*day, there(nil)) // wrong
			start(day+time.Hour, there(nil))
			start(-30*day, there(nil)) // wrong
			start(2*day, there(nil))
			start(9*day, there(nil)) // right
			start(10*day, there(nil))
			start(10*day, func(s *natsstore.Store) {
				there(submit.ErrNotFound)(s)
				for _, key := range []string{"for ever", "pending"} {
					_, err := s.Get(t.Context(), submit.KindJob, key)
					require.NoError(t, err)
				}
				_, err := s.Create(t.Context(), ended)
				require.NoError(t, err)
			})
		})
	}
}

// No record is left to the server's clock.
func TestStore_noTimeToLive(t *testing.T) {
	t.Parallel()
	srv, s := single(t)
	revision, err := s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "a"})
	require.NoError(t, err)
	revision, err = s.Update(t.Context(), submit.Record{Kind: submit.KindJob, Key: "a", Revision: revision, Done: true, Keep: time.Hour})
	require.NoError(t, err)
	conn, err := nats.Connect(srv.ClientURL())
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), "KV_readback")
	require.NoError(t, err)
	msg, err := stream.GetMsg(t.Context(), revision)
	require.NoError(t, err)
	require.Empty(t, msg.Header.Get(jetstream.MsgTTLHeader))
}
