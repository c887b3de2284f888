package redact

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// keptHeaders are safe to keep, and help to find out the reason of an answer.
var keptHeaders = map[string]bool{
	"Age":              true,
	"Cache-Control":    true,
	"Content-Type":     true,
	"Date":             true,
	"Etag":             true,
	"Location":         true,
	"Ratelimit":        true,
	"Request-Id":       true,
	"Retry-After":      true,
	"Server-Timing":    true,
	"Traceparent":      true,
	"Via":              true,
	"X-Cache":          true,
	"X-Correlation-Id": true,
	"X-Request-Id":     true,
}

// Header returns a copy of the headers of h that are safe to keep, and nil if there are none.
//
// These are Age, Cache-Control, Content-Type, Date, ETag, Location, Retry-After, Request-Id,
// Server-Timing, Traceparent, Via, X-Cache, X-Correlation-Id, X-Request-Id, RateLimit and all
// that begin with RateLimit- or X-RateLimit-. A Location is kept as [URLString] shows it.
// Names match in any case, and are returned in canonical form.
func Header(h http.Header, more ...string) http.Header {
	var kept http.Header
	for _, name := range slices.Sorted(maps.Keys(h)) {
		canonical := http.CanonicalHeaderKey(name)
		if len(h[name]) == 0 || !keptHeaders[canonical] &&
			!strings.HasPrefix(canonical, "Ratelimit-") && !strings.HasPrefix(canonical, "X-Ratelimit-") {
			continue
		}
		if kept == nil {
			kept = make(http.Header)
		}
		for _, v := range h[name] {
			if canonical == "Location" {
				v = URLString(v, more...)
			}
			kept[canonical] = append(kept[canonical], v)
		}
	}
	return kept
}
