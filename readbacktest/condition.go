package readbacktest

import (
	"net/http"
	"strings"
)

// precondition returns the status that refuses a write whose conditions the
// thing does not meet, and 0 if it meets them. Current is nil if there is none.
func precondition(header http.Header, current *version) int {
	etag := ""
	if current != nil {
		etag = current.etag
	}
	if want := header.Values("If-Match"); want != nil && !hasTag(want, etag) {
		return http.StatusPreconditionFailed
	}
	if not := header.Values("If-None-Match"); not != nil && hasTag(not, etag) {
		return http.StatusPreconditionFailed
	}
	return 0
}

// hasTag reports whether an entity tag is in a list of them, in which * stands
// for any. What is not there has none, and is never listed.
func hasTag(list []string, etag string) bool {
	if etag == "" {
		return false
	}
	for _, values := range list {
		for value := range strings.SplitSeq(values, ",") {
			value = strings.TrimSpace(value)
			if value == "*" || strings.TrimPrefix(value, "W/") == etag {
				return true
			}
		}
	}
	return false
}
