package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// certificate returns one that it has signed itself, in TLS' form and in PEM.
func certificate(t *testing.T, name string, until time.Time) (*tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: until.Add(-24 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if name != "" {
		template.IPAddresses = nil
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// showing is a server that shows a certificate by the number of the connection.
func showing(t *testing.T, show func(connection int) *tls.Certificate, answer func(http.ResponseWriter, int, *http.Request)) *recorder {
	t.Helper()
	r := &recorder{}
	server := httptest.NewUnstartedServer(r.handler(answer))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	connections := atomic.Int32{}
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*show(int(connections.Add(1)))}}, nil
	}}
	server.StartTLS()
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// only shows one certificate.
func only(c *tls.Certificate) func(int) *tls.Certificate {
	return func(int) *tls.Certificate { return c }
}

// A certificate that is not good does not become so by waiting.
func TestTLS_ends(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, trusted := certificate(t, "", time.Now().Add(time.Hour))
	other, otherTrusted := certificate(t, "other.example", time.Now().Add(time.Hour))
	old, oldTrusted := certificate(t, "", time.Now().Add(-time.Hour))
	for name, tt := range map[string]struct {
		certificate *tls.Certificate
		trusted     []byte
		want, not   string
	}{
		"signed by nobody": {good, nil, "unknown authority; ", "nothing else"},
		"of another":       {other, otherTrusted, "127.0.0.1", "--cacert"},
		"expired":          {old, oldTrusted, "certificate has expired", "--cacert"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := showing(t, func(int) *tls.Certificate { return tt.certificate }, at7)
			var trust []string
			if tt.trusted != nil {
				file := "in." + strings.ReplaceAll(name, " ", "-")
				require.NoError(t, os.WriteFile(filepath.Join(dir, file), tt.trusted, 0o600))
				trust = []string{"--cacert", file}
			}
			began := time.Now()
			for _, args := range [][]string{{}, {"--for", "absent"}, {"--settle", "2"}} {
				p := call{dir: dir, args: append(append([]string{"wait", r.url, "--within", "50s"}, args...), trust...)}.run(t)
				assert.Equal(t, 3, p.status)
				assert.Contains(t, one(t, p.stdout), ": unconfirmed after 1 read in ")
				assert.Contains(t, p.stdout, tt.want)
				assert.NotContains(t, p.stdout, tt.not)
				assert.Contains(t, one(t, p.stderr), ": stop (refused); ")
			}
			p := call{dir: dir, args: append([]string{"run", r.url, "-d", "x"}, trust...)}.run(t)
			assert.Equal(t, 1, p.status)
			assert.Contains(t, one(t, p.stdout), ": failed; write: ")
			assert.Contains(t, p.stdout, "; the write was not sent")
			assert.Contains(t, p.stdout, tt.want)

			// Where the write was is known; where it is read is not trusted.
			plain := recording(t, at7)
			p = call{dir: dir, args: append([]string{"run", plain.url, "-d", "x", "--within", "50s", "--then", r.url + "/7"}, trust...)}.run(t)
			assert.Equal(t, 3, p.status)
			assert.Contains(t, p.stdout, ": unconfirmed after 1 read in ")
			assert.Contains(t, p.stderr, "the write was sent and carried out (answered 201); do not send it again.")
			assert.NotContains(t, p.stdout, "the write was not sent")

			assert.Less(t, time.Since(began), 50*time.Second)
			assert.Empty(t, r.requests())
		})
	}
	r := showing(t, func(int) *tls.Certificate { return good }, at7)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in.good"), trusted, 0o600))
	for _, args := range [][]string{{"-k"}, {"--cacert", "in.good"}} {
		p := call{dir: dir, args: append([]string{"wait", r.url}, args...)}.run(t)
		assert.Equal(t, 0, p.status, p.stderr)
	}
}

// Where a good certificate was shown, a bad one is that of one server of several,
// and what is there in time is confirmed.
func TestTLS_oneOfSeveral(t *testing.T) {
	t.Parallel()
	good, trusted := certificate(t, "", time.Now().Add(time.Hour))
	bad, _ := certificate(t, "other.example", time.Now().Add(time.Hour))
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in.good"), trusted, 0o600))
	for _, args := range [][]string{{"run", "-d", "x"}, {"wait"}} {
		r := showing(t, func(connection int) *tls.Certificate {
			if connection == 2 {
				return bad
			}
			return good
		}, func(w http.ResponseWriter, n int, req *http.Request) {
			w.Header().Set("Connection", "close")
			switch {
			case req.Method == http.MethodPost:
				at7(w, n, req)
			case n == 1:
				w.WriteHeader(http.StatusNotFound)
			default:
				at7(w, n, req)
			}
		})
		p := call{dir: dir, args: append(args, r.url, "--cacert", "in.good", "--interval", "10ms")}.run(t)
		assert.Equal(t, 0, p.status, p.stderr)
		assert.Contains(t, p.stderr, "unknown (unavailable); ")
		assert.Len(t, r.requests(), 2)
	}
}
