package proxy

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Forwarding says what the upstream learns of the client and of the name by which
// it knows the proxy.
type Forwarding string

const (
	// ForwardAsSent sends on what the client says, and nothing of the proxy's own.
	ForwardAsSent Forwarding = ""

	// ForwardNothing takes away what the client says.
	ForwardNothing Forwarding = "none"

	// ForwardX adds the client's address to X-Forwarded-For, and sets
	// X-Forwarded-Host and X-Forwarded-Proto where nobody did before.
	ForwardX Forwarding = "x-forwarded"

	// ForwardStandard adds the same to Forwarded, as RFC 7239 has it.
	ForwardStandard Forwarding = "forwarded"
)

// check refuses what is none of these.
func (f Forwarding) check() error {
	switch f {
	case ForwardAsSent, ForwardNothing, ForwardX, ForwardStandard:
		return nil
	}
	return fmt.Errorf("want %s, %s or %s, not %q", ForwardX, ForwardStandard, ForwardNothing, string(f))
}

var forwarding = [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}

// forward sets the forwarding headers of a request, where none are yet. It returns
// the origin that the upstream is told of, or "".
func (f Forwarding) forward(out http.Header, in *http.Request) (told string) {
	if f == ForwardNothing {
		return ""
	}
	for _, name := range forwarding {
		if values, ok := in.Header[name]; ok {
			out[name] = values
		}
	}
	if f == ForwardAsSent {
		return ""
	}
	scheme, host, _ := strings.Cut(addressed(in), "://")
	client := clientOf(in)
	if f == ForwardX {
		if client != "" {
			out.Set("X-Forwarded-For", list(in.Header["X-Forwarded-For"], client))
		}
		scheme = keepFirst(out, "X-Forwarded-Proto", scheme)
		host = keepFirst(out, "X-Forwarded-Host", host)
	} else {
		if ip, err := netip.ParseAddr(client); err == nil && ip.Is6() {
			client = "[" + client + "]"
		}
		own := fmt.Sprintf("for=%s;host=%q;proto=%s", quotedIf(cmp.Or(client, "unknown")), host, scheme)
		all := list(in.Header["Forwarded"], own)
		out.Set("Forwarded", all)
		scheme = cmp.Or(first(forwardedProto, all), scheme)
		host = cmp.Or(first(forwardedHost, all), host)
	}
	return origin(&url.URL{Scheme: scheme, Host: host})
}

// claimed returns the origin that a client's own forwarding headers name, or "".
func claimed(in *http.Request) string {
	all := strings.Join(in.Header["Forwarded"], ", ")
	host := cmp.Or(firstOf(in.Header.Get("X-Forwarded-Host")), first(forwardedHost, all))
	if host == "" {
		return ""
	}
	scheme, _, _ := strings.Cut(addressed(in), ":")
	scheme = cmp.Or(firstOf(in.Header.Get("X-Forwarded-Proto")), first(forwardedProto, all), scheme)
	return origin(&url.URL{Scheme: scheme, Host: host})
}

var (
	forwardedHost  = regexp.MustCompile(`(?i)(?:^|[;,\s])host="?([^";,\s]+)`)
	forwardedProto = regexp.MustCompile(`(?i)(?:^|[;,\s])proto="?([^";,\s]+)`)
)

func first(pattern *regexp.Regexp, text string) string {
	if found := pattern.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

// keepFirst sets a header unless it has a value, and returns the first one: who
// makes links goes by the proxy that the user spoke to.
func keepFirst(h http.Header, name, value string) string {
	if h.Get(name) == "" {
		h.Set(name, value)
	}
	return firstOf(h.Get(name))
}

// firstOf returns the first of a list.
func firstOf(list string) string {
	one, _, _ := strings.Cut(list, ",")
	return strings.TrimSpace(one)
}

func list(values []string, more string) string {
	return strings.Join(slices.Concat(values, []string{more}), ", ")
}

// quotedIf quotes what is no token.
func quotedIf(node string) string {
	if strings.ContainsAny(node, "[:") {
		return `"` + node + `"`
	}
	return node
}

// clientOf returns the address of a client, or "" at a socket in the file system.
func clientOf(r *http.Request) string {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	host, _, _ = strings.Cut(host, "%")
	return host
}

// inner makes the links in answers those of the upstream's origin again, where
// the upstream was told of another one, by the proxy or by the client: what a write
// made is known by its URL.
type inner struct {
	http.RoundTripper
	upstream string
}

func (t inner) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	x := exchangeOf(r.Context())
	if x == nil || x.told == "" && x.claimed == "" || !notableIn(resp.Header).any(points) {
		return resp, nil
	}
	if x.told == "" && x.claimed != "" && names(resp.Header, x.claimed) {
		x.told = x.claimed // it believes the client
	}
	if x.told != "" {
		translateHeader(resp.Header, x.told, t.upstream)
	}
	return resp, nil
}

// names reports whether one of the headers that clients go to names an origin.
func names(h http.Header, origin string) bool {
	for _, name := range pointing {
		for _, raw := range h[name] {
			if translate(raw, origin, "") != raw {
				return true
			}
		}
	}
	return false
}

// translateHeader translates what clients go to.
func translateHeader(h http.Header, from, to string) {
	for _, name := range pointing {
		translateAll(h[name], from, to)
	}
	links := h["Link"]
	for i, value := range links {
		links[i] = translateLinks(value, from, to)
	}
}

// CloseIdleConnections is for [http.Client.CloseIdleConnections] and its like.
func (t inner) CloseIdleConnections() {
	(&http.Client{Transport: t.RoundTripper}).CloseIdleConnections()
}
