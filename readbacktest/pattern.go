package readbacktest

import (
	"fmt"
	"net/url"
	"strings"
)

// pattern selects requests by a method, a path or both, in the syntax of net/http.ServeMux. A
// part that is left out matches any.
type pattern struct {
	method   string
	path     bool
	segments []segment
	rest     bool // any further segments may follow
}

// segment is a literal text, or any one segment.
type segment struct {
	text string
	any  bool
}

func parsePattern(text string) (pattern, error) {
	var p pattern
	words := strings.Fields(text)
	bad := func(why string) (pattern, error) {
		return pattern{}, fmt.Errorf("%q %s; want it like %q", text, why, "GET /workspaces/{id}")
	}
	if len(words) > 0 && !strings.HasPrefix(words[0], "/") {
		p.method = words[0]
		if strings.Trim(p.method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
			return bad("begins with neither a method nor a slash")
		}
		words = words[1:]
	}
	if len(words) == 0 {
		return p, nil
	}
	if len(words) > 1 || !strings.HasPrefix(words[0], "/") {
		return bad("is more than a method and a path")
	}
	if strings.ContainsAny(words[0], "?#") {
		return bad("has a query or a fragment")
	}
	p.path = true
	for i, raw := range splitPath(words[0]) {
		if p.rest {
			return bad("goes on after what stands for the rest")
		}
		name, isName := strings.CutPrefix(raw, "{")
		name, closed := strings.CutSuffix(name, "}")
		switch {
		case strings.ContainsAny(name, "{}") || isName != closed:
			return bad("has braces that are not around a whole segment")
		case isName && strings.HasSuffix(name, "..."):
			p.rest = true
		case isName:
			p.segments = append(p.segments, segment{any: true})
		default:
			literal, err := url.PathUnescape(raw)
			if err != nil {
				return bad(fmt.Sprintf("has a wrong escape in segment %d", i+1))
			}
			p.segments = append(p.segments, segment{text: literal})
		}
	}
	return p, nil
}

// mustPattern is parsePattern, and panics for an invalid pattern.
func mustPattern(text string) pattern {
	p, err := parsePattern(text)
	if err != nil {
		panic(fmt.Errorf("readbacktest: %w", err))
	}
	return p
}

// match reports whether a request matches. The path is in the form of segments.
func (p pattern) match(method string, path []string) bool {
	if p.method != "" && p.method != method {
		return false
	}
	if !p.path {
		return true
	}
	if len(path) < len(p.segments) || len(path) > len(p.segments) && !p.rest {
		return false
	}
	for i, s := range p.segments {
		if !s.any && s.text != path[i] {
			return false
		}
	}
	return true
}

// splitPath splits a path at its slashes. One at the end makes no difference.
func splitPath(path string) []string {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// segments returns the segments of a URL's path, unescaped.
func segments(u *url.URL) []string {
	path := splitPath(u.EscapedPath())
	for i, s := range path {
		if plain, err := url.PathUnescape(s); err == nil {
			path[i] = plain
		}
	}
	return path
}

// joinPath is the path of segments, escaped. It is a resource's name.
func joinPath(path []string) string {
	var b strings.Builder
	for _, s := range path {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}
