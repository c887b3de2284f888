package natsstore_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

const secret = "s3cret"

// Whoever is refused learns why, and nobody learns the password.
func TestOpen_refused(t *testing.T) {
	t.Parallel()
	srv := serve(t, &server.Options{StoreDir: t.TempDir(), Username: "alice", Password: "another"})
	address := srv.Addr().String()
	for _, tt := range []struct{ url, want string }{
		{"nats://alice:" + secret + "@" + address, "natsstore: nats://" + address + ": nats: Authorization Violation"},
		{"alice:" + secret + "@" + address, "natsstore: nats://" + address + ": nats: Authorization Violation"},
		{"nats://alice:" + secret + "%zz@" + address, "invalid URL escape"},
		{"nats://alice:" + secret + "@" + address + "x", "invalid port"},
	} {
		_, err := natsstore.Open(t.Context(), natsstore.Options{URL: tt.url, Timeout: patience})
		require.ErrorContains(t, err, tt.want)
		assert.NotContains(t, err.Error(), secret)
		assert.NotErrorIs(t, err, natsstore.ErrUnavailable)
	}
	s := open(t, natsstore.Options{URL: "nats://" + address, Replicas: 1, Connect: []nats.Option{nats.UserInfo("alice", "another")}})
	_, err := s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "a"})
	require.NoError(t, err)
}

// Who is locked out for a while, as when passwords change, comes back.
func TestStore_lockedOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv := serve(t, &server.Options{StoreDir: dir, Username: "alice", Password: "first"})
	port := srv.Addr().(*net.TCPAddr).Port
	refused := make(chan error, 10)
	s := open(t, natsstore.Options{URL: srv.ClientURL(), Replicas: 1, Timeout: soon / 4, Connect: []nats.Option{
		nats.UserInfo("alice", "first"),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrAuthorization) {
				select {
				case refused <- err:
				default: // enough of them
				}
			}
		}),
	}})
	restart := func(password string) {
		srv.Shutdown()
		srv.WaitForShutdown()
		srv = serve(t, &server.Options{StoreDir: dir, Port: port, Username: "alice", Password: password})
	}
	restart("second")
	for range 3 {
		<-refused
	}
	_, err := s.Get(t.Context(), submit.KindJob, "a")
	require.ErrorIs(t, err, natsstore.ErrUnavailable)
	restart("first")
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		_, err := s.Get(t.Context(), submit.KindJob, "a")
		assert.ErrorIs(c, err, submit.ErrNotFound)
	}, soon, 10*time.Millisecond)
}

func TestOpen_unknownCertificate(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	srv := serve(t, &server.Options{StoreDir: t.TempDir(), TLSConfig: &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
	}})
	_, err = natsstore.Open(t.Context(), natsstore.Options{URL: srv.ClientURL(), Timeout: patience})
	require.ErrorContains(t, err, "certificate signed by unknown authority")
	assert.NotErrorIs(t, err, natsstore.ErrUnavailable)

	known, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(known)
	open(t, natsstore.Options{URL: srv.ClientURL(), Replicas: 1, Connect: []nats.Option{nats.Secure(&tls.Config{RootCAs: pool})}})
}

// silent returns the address of something that takes connections and says
// nothing.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	return listener.Addr().String()
}

func TestOpen_unreachable(t *testing.T) {
	t.Parallel()
	_, err := natsstore.Open(t.Context(), natsstore.Options{URL: "nats://alice:" + secret + "@127.0.0.1:1,127.0.0.1:2"})
	require.ErrorIs(t, err, natsstore.ErrUnavailable)
	require.EqualError(t, err, "natsstore: the server does not answer: nats://127.0.0.1:1,nats://127.0.0.1:2: nats: no servers available for connection")
}

// One dead server of several does not matter, and all of them are one error in
// time.
func TestOpen_silent(t *testing.T) {
	t.Parallel()
	dead := silent(t)
	srv := serve(t, &server.Options{StoreDir: t.TempDir()})
	inOrder := []nats.Option{nats.DontRandomize()}
	open(t, natsstore.Options{URL: dead + ", " + srv.ClientURL(), Replicas: 1, Timeout: 15 * time.Second, Connect: inOrder})

	_, err := natsstore.Open(t.Context(), natsstore.Options{URL: dead, Timeout: time.Second})
	require.ErrorIs(t, err, natsstore.ErrUnavailable)
	require.ErrorContains(t, err, dead)
	patient := []nats.Option{nats.Timeout(time.Minute)}
	_, err = natsstore.Open(t.Context(), natsstore.Options{URL: dead, Timeout: 100 * time.Millisecond, Connect: patient})
	require.EqualError(t, err, "natsstore: the server does not answer: nats://"+dead+": no answer within 100ms")

	ctx, cancel := context.WithCancelCause(t.Context())
	ended := errors.New("ended")
	time.AfterFunc(50*time.Millisecond, func() { cancel(ended) })
	_, err = natsstore.Open(ctx, natsstore.Options{URL: dead, Timeout: time.Minute, Connect: patient})
	require.ErrorIs(t, err, ended)
}
