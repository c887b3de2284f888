package request

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
)

// Transport returns the connections that the flags of s ask for.
func (s *Spec) Transport() (*http.Transport, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	config, err := s.tlsConfig()
	if err != nil {
		return nil, err
	}
	transport.TLSClientConfig = config
	transport.ForceAttemptHTTP2 = true
	if s.Proxy != "" {
		proxy, err := parseProxy(s.Proxy)
		if err != nil {
			return nil, err
		}
		transport.Proxy = http.ProxyURL(proxy)
	}
	patience, err := seconds("--connect-timeout", s.ConnectTimeout)
	if err != nil {
		return nil, err
	}
	patience = cmp.Or(patience, defaultConnectTimeout)
	transport.TLSHandshakeTimeout = patience // as curl counts it, a connection has its keys
	dialer := &net.Dialer{Timeout: patience, KeepAlive: 30 * time.Second}
	addresses, err := parseResolve(s.Resolve)
	if err != nil {
		return nil, err
	}
	if s.UnixSocket != "" {
		transport.Proxy = nil // as with curl, the socket is where it goes
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", s.UnixSocket)
		}
		return transport, nil
	}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if others := addresses[strings.ToLower(address)]; others != nil {
			return dialFirst(ctx, dialer, network, others)
		}
		return dialer.DialContext(ctx, network, address)
	}
	return transport, nil
}

// defaultConnectTimeout is that of net/http.
const defaultConnectTimeout = 30 * time.Second

func dialFirst(ctx context.Context, dialer *net.Dialer, network string, addresses []string) (conn net.Conn, err error) {
	for _, address := range addresses {
		if conn, err = dialer.DialContext(ctx, network, address); err == nil {
			break
		}
	}
	return conn, err
}

func (s *Spec) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{InsecureSkipVerify: s.Insecure}
	if s.CACert != "" {
		pem, err := os.ReadFile(s.CACert)
		if err != nil {
			return nil, exit.Usagef("--cacert: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, exit.Usagef("--cacert: %s holds no certificate in PEM", s.CACert)
		}
	}
	switch {
	case s.Cert != "":
		pair, err := tls.LoadX509KeyPair(s.Cert, cmp.Or(s.Key, s.Cert)) // one file may hold both
		if err != nil {
			return nil, exit.Usagef("--cert: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	case s.Key != "":
		return nil, exit.Usagef("--key has no use without --cert")
	}
	return config, nil
}

func parseProxy(raw string) (*url.URL, error) {
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw
	}
	proxy, err := url.Parse(raw)
	if err != nil || proxy.Hostname() == "" {
		return nil, exit.Usagef("--proxy: that is not the URL of a proxy")
	}
	switch proxy.Scheme {
	case "http", "https", "socks5", "socks5h":
		return proxy, nil
	}
	return nil, exit.Usagef("--proxy: want a URL of http, https, socks5 or socks5h")
}

// parseResolve maps host:port to the addresses to dial in its place.
func parseResolve(list []string) (map[string][]string, error) {
	addresses := make(map[string][]string, len(list))
	for _, text := range list {
		entry := strings.TrimPrefix(text, "+")
		parts := strings.SplitN(entry, ":", 3)
		if len(parts) != 3 || parts[0] == "" || parts[2] == "" {
			return nil, exit.Usagef("--resolve %q: want HOST:PORT:ADDRESS", text)
		}
		if _, err := net.LookupPort("tcp", parts[1]); err != nil {
			return nil, exit.Usagef("--resolve %q: %q is not a port", text, parts[1])
		}
		key := strings.ToLower(net.JoinHostPort(parts[0], parts[1]))
		for address := range strings.SplitSeq(parts[2], ",") {
			address = strings.Trim(address, "[]")
			if net.ParseIP(address) == nil {
				return nil, exit.Usagef("--resolve %q: %q is not an address", text, address)
			}
			addresses[key] = append(addresses[key], net.JoinHostPort(address, parts[1]))
		}
	}
	return addresses, nil
}
