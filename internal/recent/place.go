package recent

import (
	"net/url"
	"strings"
)

// Space is an origin together with credentials. What is written in one space is not known in
// another.
type Space uint64

// Space returns the space of scheme, host and credentials. The host may have a port; the
// default port makes no difference.
func (m *Memory) Space(scheme, host, credentials string) Space {
	h := m.keys.begin()
	scheme, host = strings.ToLower(scheme), strings.ToLower(strings.TrimSuffix(host, ":"))
	switch scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	h.add(scheme)
	h.add(host)
	h.add(credentials)
	return Space(h.sum())
}

// Read returns the key of a read of u in space. Reads of different kinds have different keys.
func (m *Memory) Read(space Space, kind string, u *url.URL) uint64 {
	var t trail
	m.follow(&t, space, u)
	h := m.keys.begin()
	h.number(t.key())
	h.add(kind)
	return h.sum()
}

// maxDepth is how many segments of a path are looked at, so that a path with many slashes does
// not cost more than others.
const maxDepth = 64

// trail is the keys of a URL: those of the paths above it, and its own.
type trail struct {
	above [maxDepth]uint64
	n     int
	whole uint64 // of the path, without the query
	query uint64 // 0 if there is none
	pairs [maxPairs]uint64
	p     int // how many pairs the query has; of more than maxPairs none is in pairs
}

func (t *trail) key() uint64 { return t.whole ^ t.query }

// each returns the keys of the pairs of a query that has several, if they are few.
func (t *trail) each() []uint64 {
	if t.p < 2 || t.p > maxPairs {
		return nil
	}
	return t.pairs[:t.p]
}

// maxPairs is how many pairs of a query are looked at one by one.
const maxPairs = 16

// ask computes the keys of a query. The order of its pairs makes no difference, nor does
// the escaping of characters, nor an equals sign with nothing behind it.
func (m *Memory) ask(t *trail, query string) {
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		key := m.keys.text(plainPair(pair))
		t.query += key
		if t.p < maxPairs {
			t.pairs[t.p] = key
		}
		t.p++
	}
	if t.query == 0 {
		t.query = 1 // there is a query
	}
}

// plainPair returns a pair of a query in one form.
func plainPair(pair string) string {
	if strings.ContainsAny(pair, "%+") {
		name, value, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		text, wrong := url.QueryUnescape(value)
		if err == nil && wrong == nil && !strings.Contains(plain, "=") {
			pair = plain + "=" + text
		}
	}
	if name, value, _ := strings.Cut(pair, "="); value == "" {
		return name
	}
	return pair
}

// follow computes the keys of u. A slash at the end makes no difference, nor does the escaping
// of characters, except that an escaped slash does not separate segments.
func (m *Memory) follow(t *trail, space Space, u *url.URL) {
	if u.RawQuery != "" {
		m.ask(t, u.RawQuery)
	}
	h := m.keys.begin()
	h.number(uint64(space))
	path, escaped := u.Path, u.RawPath != ""
	switch {
	case u.Opaque != "":
		path, escaped = u.Opaque, false
	case escaped:
		path = u.EscapedPath() // the path that is sent; a RawPath that does not fit Path is ignored
	}
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	for rest, more := path, path != ""; more; {
		if t.n < maxDepth {
			t.above[t.n] = h.sum()
			t.n++
		}
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if escaped {
			if plain, err := url.PathUnescape(segment); err == nil {
				segment = plain
			}
		}
		h.add(segment)
	}
	t.whole = h.sum()
}
