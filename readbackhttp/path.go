package readbackhttp

import (
	"net/url"
	"strings"
)

// pathOf returns the path of a URL, escaped, without a slash at its end.
func pathOf(u *url.URL) string { return strings.TrimSuffix(u.EscapedPath(), "/") }

// withPath returns a copy of u with another path, which is escaped.
func withPath(u *url.URL, escaped string) *url.URL {
	at := *u
	at.RawPath = escaped
	at.Path, _ = url.PathUnescape(escaped) // what EscapedPath returned is valid, and so are its parts
	return &at
}

func isRoot(u *url.URL) bool { return strings.Trim(u.Path, "/") == "" }

// lastSegment returns what a path ends with, in which an escaped slash is none.
func lastSegment(u *url.URL) string {
	path := pathOf(u)
	last := path[strings.LastIndexByte(path, '/')+1:]
	if plain, err := url.PathUnescape(last); err == nil {
		return plain
	}
	return last
}

// under returns the URL of the id below u.
func under(u *url.URL, id string) *url.URL {
	// A name may be that of the whole path: projects/p/topics/t.
	if i := strings.LastIndexByte(id, '/'); i > 0 && i < len(id)-1 && strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/"+id[:i]) {
		id = id[i+1:]
	}
	at := withPath(u, pathOf(u)+"/"+url.PathEscape(id))
	at.RawQuery, at.Fragment, at.RawFragment = "", "", ""
	return at
}

// customMethodOf returns what a URL such as /things/7:undelete is about; nil if it is
// not such a one.
func customMethodOf(u *url.URL) *url.URL {
	path := u.EscapedPath()
	verb := strings.LastIndexByte(path, ':')
	if verb <= strings.LastIndexByte(path, '/')+1 {
		return nil
	}
	return withPath(u, path[:verb])
}

// format cuts the format from the end of a segment; it is empty if there is none. Some
// services have the format of an answer at the end of a path: what is made at
// /products.json is read at /products/7.json, and what lies below it below /products/7.
func format(segment string) (stem, suffix string) {
	for _, suffix := range [...]string{".json", ".xml"} {
		if stem, ok := strings.CutSuffix(segment, suffix); ok && stem != "" {
			return stem, suffix
		}
	}
	return segment, ""
}

// withoutFormat is format for the last segment of a path.
func withoutFormat(u *url.URL) (stem *url.URL, suffix string) {
	path, suffix := format(pathOf(u))
	if suffix == "" || strings.HasSuffix(path, "/") {
		return u, ""
	}
	return withPath(u, path), suffix
}

// related says where a URL lies, as seen from that of a write.
type related uint8

const (
	apart related = iota
	root
	above
	theSame
	below
)

func relation(at, write *url.URL) related {
	there, here := pathOf(at), pathOf(write)
	switch {
	case there == "" && at.RawQuery == "":
		return root
	case there == here:
		if at.RawQuery != write.RawQuery && at.RawQuery != "" {
			return apart
		}
		return theSame
	case strings.HasPrefix(there, here+"/"):
		return below
	case strings.HasPrefix(here, there+"/"):
		return above
	}
	return apart
}
