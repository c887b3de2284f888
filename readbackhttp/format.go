package readbackhttp

import (
	"net/url"
	"strings"
)

// Some services have the format of an answer at the end of a path: what is made at
// /products.json is read at /products/7.json, and what lies below it below /products/7.

// format cuts the format from the end of a segment; it is empty if there is none.
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
	path, suffix := format(strings.TrimSuffix(u.EscapedPath(), "/"))
	if suffix == "" || strings.HasSuffix(path, "/") {
		return u, ""
	}
	at := *u
	at.RawPath = path
	var err error
	if at.Path, err = url.PathUnescape(path); err != nil {
		return u, ""
	}
	return &at, suffix
}
