package proxy

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// refuse says why a request is not sent anywhere, or "". This is no open proxy,
// and a page in a browser does not get at it by a name of its own.
func (p *Proxy) refuse(r *http.Request, g *guard) string {
	switch {
	case r.Method == http.MethodConnect:
		return "this is no open proxy: no tunnels, only " + p.upstream
	case r.URL.Host != "" && !p.ours(r):
		return fmt.Sprintf("this is no open proxy: not %s, only %s", origin(r.URL), p.upstream)
	case r.URL.Host != "" || g != nil && g.host == r.Host:
	case !p.known(hostname(r.Host)):
		return fmt.Sprintf("%q is no name of this proxy: use localhost, or allow the name (--allow-host)", r.Host)
	case g != nil:
		g.host = r.Host
	}
	return ""
}

// ours reports whether a request that names a whole URL means the upstream or
// the proxy itself.
func (p *Proxy) ours(r *http.Request) bool {
	if origin(r.URL) == p.upstream {
		return true
	}
	here, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	scheme, usual := "http", "80"
	if r.TLS != nil {
		scheme, usual = "https", "443"
	}
	if here == nil || r.URL.Scheme != scheme {
		return false
	}
	host, port, _ := net.SplitHostPort(here.String())
	if cmp.Or(r.URL.Port(), usual) != port {
		return false
	}
	name := r.URL.Hostname()
	if at, err := netip.ParseAddr(name); err == nil {
		return at.IsLoopback() || name == host
	}
	return p.own(name)
}

// known reports whether a request may address the proxy by that name.
func (p *Proxy) known(name string) bool {
	return p.options.AnyHost || name == "" || p.own(name) || strings.EqualFold(name, p.options.Upstream.Hostname())
}

// own reports whether that is a name of the proxy. An address is, whatever it
// is: no name server leads a browser to it.
func (p *Proxy) own(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return slices.ContainsFunc(p.options.AllowHosts, func(allowed string) bool { return strings.EqualFold(allowed, name) })
}

// hostname returns a Host without its port.
func hostname(host string) string { return (&url.URL{Host: host}).Hostname() }

// addressed returns the origin that the client speaks to, as it sees it.
func addressed(r *http.Request) string {
	if r.URL.Host != "" {
		return origin(r.URL)
	}
	host := r.Host
	if here, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr); host == "" && here != nil { // HTTP/1.0
		host = "localhost"
		if here.Network() != "unix" {
			host = here.String()
		}
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return origin(&url.URL{Scheme: scheme, Host: host})
}

// origin returns the scheme, host and port of u in one form.
func origin(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return scheme + "://" + host
}
