package natsstore_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

// Messages that somebody else has put into the bucket hold up none of the records.
func TestStore_foreignMessages(t *testing.T) {
	t.Parallel()
	srv := serve(t, &server.Options{StoreDir: t.TempDir()})
	s := open(t, natsstore.Options{URL: srv.ClientURL(), Replicas: 1})
	for i := range 3 {
		_, err := s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: fmt.Sprint(i), Value: []byte("x"), Label: "queued"})
		require.NoError(t, err)
	}
	conn, err := nats.Connect(srv.ClientURL())
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	for _, subject := range []string{"job.=zz", "job.=4", "job.=31", "job.=c3", "job.ä", "job", "lease.=", "other.x", "x"} {
		_, err := js.Publish(t.Context(), "$KV.readback."+subject, []byte("not ours"))
		require.NoError(t, err, subject)
	}
	for header, value := range map[string]string{"Readback-Done": "soon", "Readback-Label": "\xff"} {
		msg := nats.NewMsg("$KV.readback.job.odd" + header)
		msg.Data = []byte("x")
		msg.Header.Set(header, value)
		_, err := js.PublishMsg(t.Context(), msg)
		require.NoError(t, err)
	}
	has := func(found map[string]bool) {
		t.Helper()
		for i := range 3 {
			assert.True(t, found[fmt.Sprint(i)], i)
		}
	}
	found := make(map[string]bool)
	for r, err := range s.List(t.Context(), submit.KindJob) {
		require.NoError(t, err)
		assert.False(t, found[r.Key], "twice: %q", r.Key)
		assert.Equal(t, "x", string(r.Value))
		found[r.Key] = true
	}
	has(found)
	for _, labels := range [][]string{nil, {"queued"}} {
		clear(found)
		for r, err := range s.Since(t.Context(), submit.KindJob, 0, labels, false) {
			require.NoError(t, err)
			found[r.Key] = true
		}
		has(found)
	}
	for _, err := range s.List(t.Context(), submit.KindLease) {
		require.NoError(t, err)
	}
	clear(found)
	for r, err := range s.Since(t.Context(), submit.KindJob, 0, nil, true) {
		require.NoError(t, err)
		if found[r.Key] = true; len(found) >= 3 {
			break
		}
	}
	_, err = s.Get(t.Context(), submit.KindJob, "oddReadback-Done")
	require.Error(t, err, "it cannot be read, and it is there")
	assert.NotErrorIs(t, err, submit.ErrNotFound)
}
