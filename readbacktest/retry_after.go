package readbacktest

import (
	"strconv"
	"strings"
	"time"
)

// retryAfter returns the header that asks to wait so long, as whole seconds or
// as a date in a layout.
func retryAfter(wait time.Duration, layout string, now time.Time) string {
	if layout == "" {
		return strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
	}
	// HTTP's zone is GMT by name, and its clock has seconds only.
	at := now.UTC().Truncate(time.Second).Add(wait).Format(layout)
	return strings.Replace(at, "UTC", "GMT", 1)
}
