package readbacktest

import (
	"strconv"
	"strings"
	"time"
)

// retryAfter returns the value of a Retry-After header, in whole seconds or as a date in a
// layout.
func retryAfter(wait time.Duration, layout string, now time.Time) string {
	if layout == "" {
		return strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
	}
	// Dates of HTTP name the zone GMT, and have whole seconds.
	at := now.UTC().Truncate(time.Second).Add(wait).Format(layout)
	return strings.Replace(at, "UTC", "GMT", 1)
}
