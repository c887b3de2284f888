package natsstore_test

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/readbacktest"
	"github.com/readback-go/readback/submit"
)

var ports atomic.Int32

// unusedPort returns a port on loopback at which nobody listens, another one each
// time. It is not one that systems give to those who ask for any: nobody gets it
// meanwhile.
func unusedPort(t *testing.T) int {
	t.Helper()
	for {
		port := 25_000 + (37*os.Getpid()+int(ports.Add(1)))%4_000
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			require.NoError(t, listener.Close())
			return port
		}
	}
}

// serve starts a server with a real socket on loopback.
func serve(t *testing.T, o *server.Options) *server.Server {
	t.Helper()
	o.Host, o.NoLog, o.NoSigs, o.JetStream = "127.0.0.1", true, true, true
	if o.Port == 0 {
		o.Port = unusedPort(t)
	}
	srv, err := server.NewServer(o)
	require.NoError(t, err)
	srv.Start()
	require.True(t, srv.ReadyForConnections(soon), "the server is not ready")
	t.Cleanup(func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	return srv
}

// cluster starts three servers that know each other.
func cluster(t *testing.T) []*server.Server {
	t.Helper()
	// A server does not start without routes: the ports must be known before.
	var routes []*url.URL
	for range 3 {
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", unusedPort(t))})
	}
	var servers []*server.Server
	for i, route := range routes {
		port, err := strconv.Atoi(route.Port())
		require.NoError(t, err)
		servers = append(servers, serve(t, &server.Options{
			ServerName: fmt.Sprintf("n%d", i),
			StoreDir:   t.TempDir(),
			Cluster:    server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port},
			Routes:     routes,
		}))
	}
	return servers
}

// both opens the bucket over two servers. A cluster needs a while until it has
// a leader.
func both(t *testing.T, servers []*server.Server, bucket string) (here, there *natsstore.Store) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		s, err := natsstore.Open(t.Context(), natsstore.Options{URL: servers[0].ClientURL(), Bucket: bucket})
		if assert.NoError(c, err) {
			here = s
		}
	}, soon, 50*time.Millisecond)
	t.Cleanup(func() { require.NoError(t, here.Close()) })
	return here, open(t, natsstore.Options{URL: servers[1].ClientURL(), Bucket: bucket})
}

func TestStore_cluster(t *testing.T) {
	t.Parallel()
	servers, n := cluster(t), 0
	readbacktest.TestStore(t, func(t *testing.T) (here, there submit.Store) {
		n++
		return both(t, servers, fmt.Sprintf("b%d", n))
	})
	s := open(t, natsstore.Options{URL: servers[1].ClientURL()})
	listWhileChanging(t, s)
	_, err := natsstore.Open(t.Context(), natsstore.Options{URL: servers[2].ClientURL(), Replicas: 1, Bucket: "b1", Timeout: patience})
	require.ErrorContains(t, err, `the bucket "b1" has 3 replicas, not 1`)
}

// single opens a store on one server with a socket.
func single(t *testing.T) (*server.Server, *natsstore.Store) {
	t.Helper()
	srv := serve(t, &server.Options{StoreDir: t.TempDir()})
	return srv, open(t, natsstore.Options{URL: srv.ClientURL(), Replicas: 1})
}

// A server without JetStream, or alone where three are asked for, says so.
func TestOpen_unfit(t *testing.T) {
	t.Parallel()
	srv := serve(t, &server.Options{StoreDir: t.TempDir()})
	_, err := natsstore.Open(t.Context(), natsstore.Options{URL: srv.ClientURL(), Timeout: patience})
	require.ErrorContains(t, err, "replicas > 1 not supported")
	require.NotErrorIs(t, err, natsstore.ErrUnavailable)

	conn, err := nats.Connect(srv.ClientURL())
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "usual", Storage: jetstream.FileStorage})
	require.NoError(t, err)
	_, err = natsstore.Open(t.Context(), natsstore.Options{URL: srv.ClientURL(), Replicas: 1, Bucket: "usual", Timeout: patience})
	require.ErrorContains(t, err, `the bucket "usual" allows direct reads`)
}

// What was acknowledged is there when the server comes back, and the store goes
// on by itself.
func TestStore_serverAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv := serve(t, &server.Options{StoreDir: dir})
	port := srv.Addr().(*net.TCPAddr).Port
	s := open(t, natsstore.Options{URL: srv.ClientURL(), Replicas: 1, Timeout: 3 * time.Second})
	r := submit.Record{Kind: submit.KindJob, Key: "before", Value: []byte("kept")}
	revision, err := s.Create(t.Context(), r)
	require.NoError(t, err)

	srv.Shutdown()
	srv.WaitForShutdown()
	require.EventuallyWithT(t, func(c *assert.CollectT) { // once the client knows
		_, err = s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "meanwhile"})
		assert.EqualError(c, err, "natsstore: the server does not answer: write: there is no connection")
	}, soon, time.Millisecond)
	require.ErrorIs(t, err, natsstore.ErrUnavailable)
	_, err = s.Get(t.Context(), submit.KindJob, "before")
	require.ErrorIs(t, err, natsstore.ErrUnavailable)
	for _, err := range s.List(t.Context(), submit.KindJob) {
		require.ErrorIs(t, err, natsstore.ErrUnavailable)
	}
	_, err = s.Watch(t.Context(), submit.KindJob, "before", revision)
	require.ErrorIs(t, err, natsstore.ErrUnavailable)

	serve(t, &server.Options{StoreDir: dir, Port: port})
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		got, err := s.Get(t.Context(), submit.KindJob, "before")
		assert.NoError(c, err)
		assert.Equal(c, []byte("kept"), got.Value)
	}, soon, 50*time.Millisecond)
	_, err = s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "after"})
	require.NoError(t, err)
}
