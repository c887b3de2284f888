// Package pointer finds a value in decoded JSON by its JSON pointer, see
// RFC 6901.
package pointer

import (
	"strconv"
	"strings"
)

var (
	escape   = strings.NewReplacer("~", "~0", "/", "~1")
	unescape = strings.NewReplacer("~1", "/", "~0", "~")
)

// Valid reports whether p is a JSON pointer: empty, or beginning with a slash.
func Valid(p string) bool { return p == "" || p[0] == '/' }

// Of returns the pointer that a template means by name: name itself, if that is a
// pointer, and otherwise the one to the member of that name.
func Of(name string) string {
	if Valid(name) {
		return name
	}
	return "/" + escape.Replace(name)
}

// Get returns the value in doc that p points to, and whether there is one. Doc
// is what encoding/json decodes into an any.
func Get(doc any, p string) (any, bool) {
	if p == "" {
		return doc, true
	}
	if p[0] != '/' {
		return nil, false
	}
	for token := range strings.SplitSeq(p[1:], "/") {
		token = unescape.Replace(token)
		switch v := doc.(type) {
		case map[string]any:
			member, ok := v[token]
			if !ok {
				return nil, false
			}
			doc = member
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) || strconv.Itoa(i) != token {
				return nil, false
			}
			doc = v[i]
		default:
			return nil, false
		}
	}
	return doc, true
}
