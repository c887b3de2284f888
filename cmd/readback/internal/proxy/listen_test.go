package proxy_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

// certificate writes a certificate for loopback and its key, and returns who
// trusts it.
func certificate(t *testing.T) (cert, key string, trust *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	trust = x509.NewCertPool()
	trust.AddCert(parsed)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", pkcs8), trust
}

// With a certificate the proxy speaks TLS, in both versions of HTTP.
func TestCommand_tls(t *testing.T) {
	t.Parallel()
	s := newService(0)
	s.hide = 1
	upstream := httptest.NewServer(s)
	t.Cleanup(upstream.Close)
	cert, key, trust := certificate(t)
	p := start(t, "proxy", "--upstream", upstream.URL, "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key,
		"--interval", "1ms", "--max-interval", "1ms")
	url := p.line(t)
	require.Regexp(t, `^https://127\.0\.0\.1:\d+$`, url)
	for version := 1; version <= 2; version++ {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust}, ForceAttemptHTTP2: version == 2}
		client := &http.Client{Transport: transport}
		req, err := http.NewRequest("POST", url+"/things", strings.NewReader("body"))
		require.NoError(t, err)
		req.Header.Set("Origin", url)
		req.Header.Set("X-Want", "absolute")
		resp, err := client.Do(req)
		require.NoError(t, err)
		_ = text(t, resp)
		assert.Equal(t, version, resp.ProtoMajor)
		assert.Equal(t, upstream.URL, s.last().Header.Get("Origin"))
		at := resp.Header.Get("Location")
		assert.True(t, strings.HasPrefix(at, url), at)
		resp, err = client.Get(at)
		require.NoError(t, err)
		assert.Equal(t, "thing", text(t, resp))
		transport.CloseIdleConnections()
	}
	plain := strings.Replace(url, "https", "http", 1)
	assert.Equal(t, 400, raw(t, plain, "GET / HTTP/1.1\nHost: localhost").StatusCode)

	// HTTP/1 is guarded here as well, and cannot become HTTP/2, which clients agree on before.
	for _, give := range []string{coded + "0\r\nX Y\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"} {
		assertLast(t, 400, url, trust, give+evil)
	}
	for _, request := range s.requests() {
		assert.Contains(t, request, " /things")
	}

	// Who does not shake hands does not keep it from ending.
	silent, err := net.Dial("tcp", strings.TrimPrefix(url, "https://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	stopping := time.Now()
	require.NoError(t, p.Process.Signal(os.Interrupt))
	_, status := p.end(t)
	assert.Equal(t, 0, status)
	assert.Less(t, time.Since(stopping), 8*time.Second)
}

// assertLast sends what is given over TLS, and expects one answer with that status and
// the end of the connection.
func assertLast(t *testing.T, status int, url string, trust *x509.CertPool, give string) {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{RootCAs: trust})
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, give)
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	assert.Equal(t, status, resp.StatusCode)
	_, _ = io.Copy(io.Discard, resp.Body)
	_, err = http.ReadResponse(in, nil)
	assert.Error(t, err)
}

// A socket in the file system belongs to the proxy from the beginning to the end,
// and one that is left of a crash is replaced.
func TestCommand_unix(t *testing.T) {
	t.Parallel()
	s := newService(0)
	upstream := httptest.NewServer(s)
	t.Cleanup(upstream.Close)
	dir, err := os.MkdirTemp("", "readback") // a socket's path must be short
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	t.Cleanup(client.CloseIdleConnections)
	for range 2 {
		p := start(t, "proxy", "--upstream", upstream.URL, "--listen", "unix:"+path)
		require.Equal(t, "unix:"+path, p.line(t))
		resp, err := client.Get("http://any.name/static")
		require.NoError(t, err)
		assert.Equal(t, "static", text(t, resp))

		_, stderr, status := run(t, "proxy", "--upstream", upstream.URL, "--listen", "unix:"+path)
		assert.Equal(t, 2, status)
		assert.Contains(t, stderr, "readback: --listen: listen unix "+path+": bind: address already in use\n")
		require.NoError(t, p.Process.Kill())
		_, _ = p.end(t)
		assert.FileExists(t, path)
		client.CloseIdleConnections()
	}
	p := start(t, "proxy", "--upstream", upstream.URL, "--listen", "unix:"+path, "--forwarded", "x-forwarded")
	require.Equal(t, "unix:"+path, p.line(t))
	require.NoError(t, get(client, "http://any.name/static", 200))
	assert.Equal(t, "any.name", s.last().Header.Get("X-Forwarded-Host"))
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	_, status := p.end(t)
	assert.Equal(t, 0, status)
	assert.NoFileExists(t, path)

	// Not a name outside of the file system, with which Linux knows no owner.
	p = prepare(t, "proxy", "--upstream", upstream.URL, "--listen", "unix:@s")
	p.Dir, path = dir, filepath.Join(dir, "@s")
	p.begin(t)
	require.Equal(t, "unix:./@s", p.line(t))
	require.NoError(t, get(client, "http://any.name/static", 200))
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	_, status = p.end(t)
	assert.Equal(t, 0, status)
	assert.NoFileExists(t, path)

	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("mine"), 0o600))
	_, _, status = run(t, "proxy", "--upstream", upstream.URL, "--listen", "unix:"+file)
	assert.Equal(t, 2, status)
	assert.FileExists(t, file, "what is no socket stays")
}

// Requests in flight are answered over TLS as well when it ends.
func TestServe_stopsWithTLS(t *testing.T) {
	t.Parallel()
	cert, key, trust := certificate(t)
	pair, err := tls.LoadX509KeyPair(cert, key)
	require.NoError(t, err)
	for _, h2 := range []bool{false, true} {
		b := newBlocking()
		upstream := httptest.NewServer(b)
		t.Cleanup(upstream.Close)
		p, err := proxy.New(proxy.Options{Upstream: parse(t, upstream.URL), TLS: &tls.Config{Certificates: []tls.Certificate{pair}}})
		require.NoError(t, err)
		url, stop := listenAndServe(t, p, time.Minute)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust}, ForceAttemptHTTP2: h2}}
		answer := make(chan error, 1)
		go func() { answer <- get(client, strings.Replace(url, "http", "https", 1), 200) }()
		<-b.came
		stopped := make(chan error, 1)
		go func() { stopped <- stop() }()
		untilRefused(t, url)
		b.goOn <- struct{}{}
		assert.NoError(t, <-answer)
		assert.NoError(t, <-stopped)
	}
}
