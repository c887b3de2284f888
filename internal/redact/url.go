package redact

import (
	"net/url"
	"regexp"
	"strings"
)

// URL returns u as text without userinfo and fragment, and with the values of secret parameters
// hidden. Parameters keep their order and their spelling. Semicolons separate them too, also
// in the path, such as in ";jsessionid=1". A nil URL is the empty text.
//
// A parameter or a path segment is hidden whole if it contains another URL with userinfo, a
// query or a fragment, or if it looks like userinfo: a colon before an at sign. An opaque URL
// with an at sign becomes a fixed text.
func URL(u *url.URL, more ...string) string {
	if u == nil {
		return ""
	}
	if strings.Contains(u.Opaque, "@") { // user:password@host, without slashes
		return unparsable
	}
	c := *u
	c.User = nil
	c.Fragment, c.RawFragment = "", ""
	c.Host = c.Host[strings.LastIndexByte(c.Host, '@')+1:] // made by hand
	c.RawQuery = redactQuery(c.RawQuery, more)
	escaped := c.EscapedPath()
	if p := redactPath(escaped, more); p != escaped {
		c.RawPath = p
		c.Path, _ = url.PathUnescape(p) // what was left unhidden was unescaped before
	}
	return c.String()
}

// URLString is [URL] for a URL as text. A URL that cannot be parsed becomes a fixed text that
// shows nothing of it.
func URLString(raw string, more ...string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return unparsable
	}
	return URL(u, more...)
}

// redactQuery does not use url.ParseQuery, which loses the order and refuses semicolons, which
// some servers accept as separators.
func redactQuery(raw string, more []string) string {
	var b strings.Builder
	for raw != "" {
		end := strings.IndexAny(raw, "&;")
		if end < 0 {
			end = len(raw)
		}
		b.WriteString(redactParam(raw[:end], url.QueryUnescape, more))
		if end < len(raw) {
			b.WriteByte(raw[end])
			end++
		}
		raw = raw[end:]
	}
	return b.String()
}

func redactPath(escaped string, more []string) string {
	segments := strings.Split(escaped, "/")
	for i, s := range segments {
		if !plain(s, url.PathUnescape) {
			segments[i] = hidden
			continue
		}
		params := strings.Split(s, ";")
		for j, p := range params[1:] {
			params[j+1] = redactParam(p, url.PathUnescape, more)
		}
		segments[i] = strings.Join(params, ";")
	}
	return strings.Join(segments, "/")
}

func redactParam(param string, unescape func(string) (string, error), more []string) string {
	name, value, _ := strings.Cut(param, "=")
	plainName, err := unescape(name)
	if err != nil || !plain(name, unescape) {
		return hidden
	}
	if value != "" && (secretParam(plainName, more) || !plain(value, unescape)) {
		return name + "=" + hidden
	}
	return param
}

// plain reports whether an escaped text can be shown if its name is no secret.
func plain(escaped string, unescape func(string) (string, error)) bool {
	s, err := unescape(escaped)
	if err != nil {
		return false
	}
	if i := strings.IndexByte(s, ':'); i >= 0 && strings.Contains(s[i:], "@") {
		return false // userinfo, behind a scheme too
	}
	if !strings.Contains(s, "://") {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && u.RawQuery == "" && u.Fragment == ""
}

// inText finds URLs with a scheme in other text, also with slashes escaped as
// some JSON encoders do. What ends a URL here cannot stand in a valid one.
var inText = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.\-]*:(?:\\?/){2}[^\x00-\x20\x7f"<>]*`)
