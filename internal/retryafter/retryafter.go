// Package retryafter reads the Retry-After header of an HTTP answer.
package retryafter

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Parse returns how long the answer with header h asks to wait, and whether it
// asks at all. The wait is never negative.
//
// A value is either a whole number of seconds, digits only, or a date in one of
// the three forms of HTTP. A date counts from the answer's own Date header, for
// the clocks of client and server differ; without a Date that can be read, it
// counts from now. A date in the past is a wait of zero, and a wait that is too
// long for a [time.Duration] is the longest there is. Of several values the
// first that can be read counts.
//
// Both forms are those of [RFC 9110, section 10.2.3].
//
// [RFC 9110, section 10.2.3]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
func Parse(h http.Header, now time.Time) (time.Duration, bool) {
	for _, v := range h.Values("Retry-After") {
		v = strings.Trim(v, " \t")
		if d, ok := seconds(v); ok {
			return d, true
		}
		if at, err := http.ParseTime(v); err == nil {
			if date, err := http.ParseTime(h.Get("Date")); err == nil {
				now = date
			}
			return max(0, at.Sub(now)), true // Sub clamps by itself
		}
	}
	return 0, false
}

// seconds accepts what ParseUint accepts: digits without a sign.
func seconds(v string) (time.Duration, bool) {
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	if n > uint64(math.MaxInt64/time.Second) { // out of range is the largest n
		return math.MaxInt64, true
	}
	return time.Duration(n) * time.Second, true
}
