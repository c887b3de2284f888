package readbacktest

import (
	"net/http"
	"strings"
)

// precondition returns the status that refuses a write whose If-Match or If-None-Match is not
// met, and 0 if they are. Current is nil if the thing does not exist.
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

// hasTag reports whether an entity tag is in a list; * means any. An empty tag, of a thing
// that does not exist, is in no list.
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
