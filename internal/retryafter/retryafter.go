// Package retryafter reads how long an HTTP answer asks the client to wait: by its Retry-After,
// or by the headers of a rate limit that is used up.
package retryafter

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Longest is the longest wait that is returned. It is longer than any real wait, and several of
// them can be added up without an overflow.
const Longest = 10 * 365 * 24 * time.Hour

// Parse returns how long the answer with header h asks to wait, and false if it does not ask.
// The wait is never negative, and at most [Longest].
//
// A value is a number of seconds, also with a fraction, or a date in one of the three forms of
// HTTP, as in [RFC 9110, section 10.2.3]. Some services send a Unix time instead, in seconds
// or milliseconds: a number that is too large for a wait counts as one. Dates and times are
// compared with the answer's own Date header, since the clocks of client and server differ;
// without a valid Date, they are compared with now. A time in the past is a wait of zero. But
// a number that would be a time more than a day ago counts as a very long wait. If there are
// several values, the first valid one counts. Retry-After-Ms and X-Ms-Retry-After-Ms, in
// milliseconds, come before Retry-After.
//
// [RFC 9110, section 10.2.3]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
func Parse(h http.Header, now time.Time) (time.Duration, bool) {
	if len(h) == 0 {
		return 0, false
	}
	for _, name := range [...]string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if n, ok := number(h.Get(name)); ok {
			return span(n, time.Millisecond), true
		}
	}
	asked := h.Values("Retry-After")
	if len(asked) == 0 {
		return 0, false
	}
	now = clock(h, now)
	for _, v := range asked {
		if n, ok := number(v); ok {
			if at, ok := unixTime(n); ok && at.After(now.Add(-24*time.Hour)) {
				return until(at, now), true
			}
			return span(n, time.Second), true
		}
		if at, err := http.ParseTime(strings.Trim(v, " \t")); err == nil {
			return until(at, now), true
		}
	}
	return 0, false
}

// UsedUp reports whether h says that a rate limit is used up, and how long it is until the
// limit is reset; zero if h does not say.
//
// It knows X-RateLimit-Remaining and X-Rate-Limit-Remaining, with -Reset (a Unix time or a
// number of seconds) or -Reset-After; and both drafts of the IETF: RateLimit-Remaining with
// RateLimit-Reset, and RateLimit with its parameters.
func UsedUp(h http.Header, now time.Time) (wait time.Duration, used bool) {
	if len(h) == 0 {
		return 0, false
	}
	now = clock(h, now)
	for _, prefix := range [...]string{"X-Ratelimit-", "X-Rate-Limit-", "Ratelimit-"} {
		left, ok := number(h.Get(prefix + "Remaining"))
		if !ok || left > 0 {
			continue
		}
		used = true
		if n, ok := number(h.Get(prefix + "Reset-After")); ok {
			wait = max(wait, span(n, time.Second))
		} else if n, ok := number(h.Get(prefix + "Reset")); ok {
			wait = max(wait, reset(n, now))
		}
	}
	for _, v := range h.Values("Ratelimit") {
		for policy := range strings.SplitSeq(v, ",") {
			left, hasLeft := parameter(policy, "r", "remaining")
			if !hasLeft { // the older draft has its parameters between commas
				left, hasLeft = parameter(v, "remaining")
				policy = v
			}
			if !hasLeft || left > 0 {
				continue
			}
			used = true
			if n, ok := parameter(policy, "t", "reset"); ok {
				wait = max(wait, reset(n, now))
			}
		}
	}
	return wait, used
}

// clock returns the Date of the answer, or now if it has no valid one.
func clock(h http.Header, now time.Time) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return date
	}
	return now
}

// number accepts digits with at most one fraction.
func number(v string) (float64, bool) {
	v = strings.Trim(v, " \t")
	if v == "" || strings.Trim(v, "0123456789.") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil && !math.IsInf(n, 1) {
		return 0, false
	}
	return n, true
}

// parameter returns the number that one of the names has in a list of
// parameters.
func parameter(list string, names ...string) (float64, bool) {
	for field := range strings.FieldsFuncSeq(list, func(c rune) bool { return c == ';' || c == ',' }) {
		name, value, _ := strings.Cut(strings.Trim(field, " \t"), "=")
		for _, wanted := range names {
			if strings.EqualFold(name, wanted) {
				return number(value)
			}
		}
	}
	return 0, false
}

// The least numbers that count as a Unix time in seconds and in milliseconds. The first is in
// 1985, before any real clock, and also before the clock of a test, which begins in 2000. As a
// wait it would be 15 years.
const (
	leastSeconds = 5e8
	leastMillis  = 5e11
)

// unixTime returns the time that n is on the Unix clock, if it can be one.
func unixTime(n float64) (time.Time, bool) {
	switch {
	case n >= leastSeconds && n < 100*leastSeconds:
		return time.Unix(int64(n), 0), true
	case n >= leastMillis && n < 100*leastMillis:
		return time.UnixMilli(int64(n)), true
	}
	return time.Time{}, false
}

// reset returns the wait until n, which is a Unix time or a number of seconds.
func reset(n float64, now time.Time) time.Duration {
	if at, ok := unixTime(n); ok {
		return until(at, now)
	}
	return span(n, time.Second)
}

func until(at, now time.Time) time.Duration { return min(max(0, at.Sub(now)), Longest) }

func span(n float64, unit time.Duration) time.Duration {
	if n >= float64(Longest/unit) {
		return Longest
	}
	return time.Duration(math.Round(n * float64(unit)))
}
