package readbackhttp

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/readback-go/readback/internal/redact"
)

// boundedName says what is sent where, in words that are few: without the query, and
// without what tells one thing from another of its kind. The last segment of a path
// does, unless something is posted to it.
func boundedName(method string, u *url.URL) string {
	if len(method) > maxWord {
		method = "…"
	}
	segments := strings.Split(u.EscapedPath(), "/")
	if len(segments) > maxSegments {
		segments = append(segments[:maxSegments], "…")
	}
	last := len(segments) - 1
	if last > 0 && segments[last] == "" {
		last--
	}
	for i, segment := range segments {
		if segment != "" && (i == last && i > 1 && method != http.MethodPost || looksLikeID(segment)) {
			segments[i] = "{id}"
		}
	}
	origin := url.URL{Scheme: u.Scheme, Host: u.Host}
	return method + " " + redact.URL(&origin) + strings.Join(segments, "/")
}

// instanceOf says which thing of a bounded name it is, without secrets.
func instanceOf(u *url.URL) string {
	return redact.URL(&url.URL{Path: u.Path, RawPath: u.RawPath})
}

// maxSegments is how many segments of a path are in a name: whoever sends requests
// may make paths as long as headers may be.
const maxSegments = 20

// maxWord is how long a segment may be that is a word.
const maxWord = 40

// looksLikeID reports whether a segment is none of the words that a service has in
// its paths: it has a digit, and is no version, or has what words have not.
func looksLikeID(segment string) bool {
	if len(segment) > maxWord {
		return true
	}
	digits := false
	for _, c := range []byte(segment) {
		switch {
		case c >= '0' && c <= '9':
			digits = true
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', strings.IndexByte("-_.:~", c) >= 0:
		default:
			return true
		}
	}
	return digits && !isVersion(segment)
}

// isVersion reports whether a segment is one such as v1 or v1beta2.
func isVersion(segment string) bool {
	if _, number, ok := strings.Cut(segment, "v"); ok && len(segment) <= len("v10alpha10") && strings.HasPrefix(segment, "v") {
		return number != "" && number[0] >= '0' && number[0] <= '9'
	}
	return false
}
