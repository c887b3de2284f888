package proxy

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// listen listens on an address of TCP, or, as unix:PATH, on a socket in the file
// system. A socket that is left of a process that is gone is replaced.
func listen(address string) (net.Listener, error) {
	path, ok := strings.CutPrefix(address, unixPrefix)
	if !ok {
		return net.Listen("tcp", address)
	}
	if path == "" {
		return nil, errors.New("unix: has no path behind it")
	}
	if path[0] == '@' { // on Linux a name of no file, which nobody owns
		path = "./" + path
	}
	l, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EADDRINUSE) && leftOver(path) {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
		l, err = net.Listen("unix", path)
	}
	return l, err
}

const unixPrefix = "unix:"

// leftOver reports whether there is a socket at which nobody listens.
func leftOver(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != os.ModeSocket {
		return false // a file refuses connections, too
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// isUnix reports whether a listener is a socket in the file system, at which no
// page in a browser arrives.
func isUnix(l net.Listener) bool { return l.Addr().Network() == "unix" }

// leadsBack returns an error if what the proxy sends would come back to its listener.
func leadsBack(o *Options, l net.Listener) error {
	if leadsTo(o.Upstream, l) {
		return errors.New("--upstream is the proxy itself")
	}
	base, ok := o.Base.(*http.Transport)
	if !ok || base.Proxy == nil {
		return nil
	}
	if way, err := base.Proxy(&http.Request{URL: o.Upstream}); err == nil && way != nil && leadsTo(way, l) {
		return errors.New("--proxy, or http_proxy in the environment, is the proxy itself")
	}
	return nil
}

// leadsTo reports whether requests to u would come to the listener, as far as its name
// tells.
func leadsTo(u *url.URL, l net.Listener) bool {
	at, err := netip.ParseAddrPort(l.Addr().String())
	usual := map[string]string{"http": "80", "https": "443"}
	if err != nil || cmp.Or(u.Port(), usual[u.Scheme]) != strconv.Itoa(int(at.Port())) {
		return false
	}
	here := at.Addr().Unmap()
	if u.Hostname() == "localhost" {
		return here.IsLoopback() || here.IsUnspecified()
	}
	ip, err := netip.ParseAddr(u.Hostname())
	ip = ip.Unmap()
	switch {
	case err != nil:
		return false
	case here.IsUnspecified():
		return ip.IsLoopback() || ip.IsUnspecified()
	}
	return ip == here || ip.IsUnspecified() && here.IsLoopback()
}

// urlOf returns where clients of this machine find a listener.
func (s *settings) urlOf(l net.Listener) string {
	if isUnix(l) {
		return unixPrefix + l.Addr().String()
	}
	host, port, _ := net.SplitHostPort(l.Addr().String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http://"
	if s.tlsCert != "" {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(host, port)
}

// certificate returns what the listener shows to clients, or nil without one.
func (s *settings) certificate() (*tls.Config, error) {
	switch {
	case s.tlsCert == "" && s.tlsKey == "":
		return nil, nil
	case s.tlsCert == "" || s.tlsKey == "":
		return nil, errors.New("--tls-cert and --tls-key belong together")
	}
	pair, err := tls.LoadX509KeyPair(s.tlsCert, s.tlsKey)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}, nil
}
