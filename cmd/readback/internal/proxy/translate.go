package proxy

import (
	"net/url"
	"strings"
)

// translate returns raw, a URL, with the origin to in place of the origin from.
// What has another origin, credentials or none of it stays as it is. A URL
// without a scheme takes that of from.
func translate(raw, from, to string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil {
		return raw
	}
	if u.Scheme == "" {
		u.Scheme, _, _ = strings.Cut(from, ":")
	}
	if origin(u) != from {
		return raw
	}
	// Not u.String(): what follows the origin is to keep its spelling.
	_, rest, _ := strings.Cut(raw, "//")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		return to + rest[end:]
	}
	return to
}

func translateAll(list []string, from, to string) {
	for i, raw := range list {
		list[i] = translate(raw, from, to)
	}
}

// translateLinks is translate for the targets in a Link header.
func translateLinks(value, from, to string) string {
	var out strings.Builder
	for {
		begin := strings.IndexByte(value, '<')
		end := strings.IndexByte(value[max(begin, 0):], '>')
		if begin < 0 || end < 0 {
			return out.String() + value
		}
		end += begin
		out.WriteString(value[:begin+1])
		out.WriteString(translate(value[begin+1:end], from, to))
		value = value[end:]
	}
}

// translateCookie makes a Set-Cookie of the upstream one that clients of the
// proxy keep and send: without a Domain, which is not the proxy's, and without
// Secure where the proxy is spoken to in the clear. It stays where a client
// would not take the cookie otherwise.
func translateCookie(cookie, host string, clear bool) string {
	parts := strings.Split(cookie, ";")
	bound := strings.HasPrefix(cookie, "__Host-") || strings.HasPrefix(cookie, "__Secure-")
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		if is(name, "SameSite") && is(value, "None") || is(name, "Partitioned") {
			bound = true
		}
	}
	kept := parts[:1]
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		switch {
		case is(name, "Domain") && within(host, strings.TrimSpace(value)):
		case is(name, "Secure") && clear && !bound:
		default:
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ";")
}

func is(text, name string) bool { return strings.EqualFold(strings.TrimSpace(text), name) }

// within reports whether the host is of the domain.
func within(host, domain string) bool {
	host, domain = strings.ToLower(host), strings.ToLower(strings.TrimPrefix(domain, "."))
	return host == domain || strings.HasSuffix(host, "."+domain)
}
