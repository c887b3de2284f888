package natsshare_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/readback-go/readback/natsstore/natsshare"
	"github.com/readback-go/readback/readbackhttp"
)

const soon = 30 * time.Second

var _ readbackhttp.Carrier = (*natsshare.Carrier)(nil)

// serve starts a server on loopback, on any port if that is 0.
func serve(t *testing.T, o server.Options) *server.Server {
	t.Helper()
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	o.Host, o.NoLog, o.NoSigs = "127.0.0.1", true, true
	srv, err := server.NewServer(&o)
	require.NoError(t, err)
	srv.Start()
	require.True(t, srv.ReadyForConnections(soon))
	t.Cleanup(func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	return srv
}

func connect(t *testing.T, url string) *natsshare.Carrier {
	t.Helper()
	c, err := natsshare.Connect(natsshare.Options{URL: url})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// heard keeps the notes that came.
type heard struct {
	mu    sync.Mutex
	notes []string
}

func (h *heard) take(note []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notes = append(h.notes, string(note))
}

func (h *heard) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.notes...)
}

// Notes reach all others, in order; not while the server is away, also not later,
// and again once it is back.
func TestCarrier(t *testing.T) {
	t.Parallel()
	srv := serve(t, server.Options{})
	url, port := srv.ClientURL(), srv.Addr().(*net.TCPAddr).Port
	from, to := connect(t, url), connect(t, url)
	var own, others heard
	from.Receive(own.take)
	to.Receive(others.take)
	for i := range 100 {
		require.NoError(t, from.Send(fmt.Append(nil, i)))
	}
	require.Eventually(t, func() bool { return len(others.all()) == 100 }, soon, time.Millisecond)
	assert.Equal(t, "99", others.all()[99])

	srv.Shutdown()
	srv.WaitForShutdown()
	require.Eventually(t, func() bool { return from.Send([]byte("away")) != nil }, soon, time.Millisecond)
	serve(t, server.Options{Port: port})
	require.Eventually(t, func() bool {
		_ = from.Send([]byte("back"))
		all := others.all()
		return all[len(all)-1] == "back"
	}, soon, 10*time.Millisecond)
	assert.NotContains(t, others.all()[101:], "away")
	assert.Empty(t, own.all())
}

// What was sent and synced here is taken there when that was synced; without a server
// nobody waits.
func TestCarrier_sync(t *testing.T) {
	t.Parallel()
	srv := serve(t, server.Options{})
	from, to := connect(t, srv.ClientURL()), connect(t, srv.ClientURL())
	var got heard
	to.Receive(got.take)
	for i := range 200 {
		require.NoError(t, from.Send([]byte{byte(i)}))
		require.NoError(t, from.Sync(t.Context()))
		require.NoError(t, to.Sync(t.Context()))
		require.Len(t, got.all(), i+1)
	}
	srv.Shutdown()
	srv.WaitForShutdown()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		return from.Sync(ctx) != nil
	}, soon, time.Millisecond)
}

// Without a server nobody waits, which is told, and it is found when it is there.
func TestConnect_serverLater(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	url := fmt.Sprint("nats://127.0.0.1:", port)
	core, logs := observer.New(zap.InfoLevel)
	from, err := natsshare.Connect(natsshare.Options{URL: strings.Replace(url, "//", "//alice:s3cret@", 1), Logger: zap.New(core)})
	require.NoError(t, err)
	to := connect(t, url)
	require.Equal(t, 1, logs.FilterMessage("not connected").FilterLevelExact(zap.WarnLevel).Len())
	var got heard
	to.Receive(got.take)
	assert.Error(t, from.Send([]byte("early")))
	serve(t, server.Options{Port: port})
	require.Eventually(t, func() bool {
		_ = from.Send([]byte("now"))
		return len(got.all()) > 0
	}, soon, 10*time.Millisecond)
	assert.NotContains(t, got.all(), "early")
	require.Eventually(t, func() bool { return logs.FilterMessage("connected").Len() == 1 }, soon, time.Millisecond)
	from.Close()
	assert.Equal(t, 2, logs.Len(), "its end is no news")
	for _, entry := range logs.All() {
		assert.NotContains(t, fmt.Sprint(entry.ContextMap()), "s3cret")
	}
}

// Whoever floods the subject fills no log.
func TestCarrier_flooded(t *testing.T) {
	t.Parallel()
	srv := serve(t, server.Options{})
	core, logs := observer.New(zap.InfoLevel)
	c, err := natsshare.Connect(natsshare.Options{URL: srv.ClientURL(), Logger: zap.New(core)})
	require.NoError(t, err)
	defer c.Close()
	stranger, err := nats.Connect(srv.ClientURL())
	require.NoError(t, err)
	defer stranger.Close()
	begun, flood := time.Now(), make([]byte, 500_000)
	for range 300 {
		require.NoError(t, stranger.Publish("readback.share", flood))
	}
	require.NoError(t, stranger.Flush())
	require.NoError(t, c.Sync(t.Context()))
	require.Eventually(t, func() bool { return logs.Len() > 0 }, soon, time.Millisecond)
	assert.LessOrEqual(t, logs.Len(), 2+int(time.Since(begun)/time.Second))
}

func TestConnect_refused(t *testing.T) {
	t.Parallel()
	srv := serve(t, server.Options{Username: "alice", Password: "another"})
	for _, o := range []natsshare.Options{
		{},
		{URL: srv.ClientURL(), Subject: "a b"},
		{URL: srv.ClientURL(), Subject: "a.>"},
		{URL: srv.ClientURL(), Subject: "a..b"},
		{URL: srv.ClientURL(), Timeout: -1},
		{URL: "nats://alice:s3cret@" + srv.Addr().String()},
		{URL: "nats://alice:s3cret%zz@" + srv.Addr().String()},
	} {
		c, err := natsshare.Connect(o)
		require.Error(t, err, "%+v", o)
		assert.Nil(t, c)
		assert.NotContains(t, err.Error(), "s3cret")
		assert.Contains(t, err.Error(), "natsshare: ")
	}
}

// Two Transports: what one wrote, the other holds, at once.
func TestCarrier_transports(t *testing.T) {
	t.Parallel()
	srv := serve(t, server.Options{})
	var mu sync.Mutex
	made := map[string]time.Time{}
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch at, ok := made[r.URL.Path]; {
		case r.Method == "PUT":
			made[r.URL.Path] = time.Now()
			w.WriteHeader(http.StatusCreated)
		case !ok || time.Since(at) < 5*time.Millisecond:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(service.Close)
	client := func() *http.Client {
		share := readbackhttp.Share{Carrier: connect(t, srv.ClientURL()), Secret: []byte("sixteen bytes or more")}
		return &http.Client{Transport: readbackhttp.NewTransport(nil, readbackhttp.TransportOptions{Share: share})}
	}
	one, other := client(), client()
	for n := range 100 {
		at := fmt.Sprint(service.URL, "/", n)
		req, err := http.NewRequest("PUT", at, nil)
		require.NoError(t, err)
		resp, err := one.Do(req)
		require.NoError(t, err)
		_ = resp.Body.Close()
		resp, err = other.Get(at)
		require.NoError(t, err)
		_ = resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
}
