package retryafter_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/retryafter"
)

var now = time.Date(2026, time.November, 8, 8, 49, 37, 0, time.UTC)

func TestParse(t *testing.T) {
	t.Parallel()
	const longest = retryafter.Longest
	tests := []struct {
		name   string
		give   []string
		date   string
		want   time.Duration
		wantOK bool
	}{
		{"no header", nil, "", 0, false},
		{"empty", []string{""}, "", 0, false},
		{"blank", []string{" \t"}, "", 0, false},

		{"seconds", []string{"120"}, "", 2 * time.Minute, true},
		{"zero", []string{"0"}, "", 0, true},
		{"leading zeros", []string{"007"}, "", 7 * time.Second, true},
		{"blanks around", []string{" 3\t"}, "", 3 * time.Second, true},
		{"seconds ignore Date", []string{"3"}, "Sun, 08 Nov 2026 07:00:00 GMT", 3 * time.Second, true},
		{"longest", []string{"315360000"}, "", longest, true},
		{"too long", []string{"315360001"}, "", longest, true},
		{"a time in seconds", []string{"1794127837"}, "", time.Minute, true},
		{"a time in seconds counts from Date", []string{"1794121230"}, "Sun, 08 Nov 2026 07:00:00 GMT", 30 * time.Second, true},
		{"a time just passed", []string{"1794127770"}, "", 0, true},
		{"a time in milliseconds", []string{"1794127837500"}, "", time.Minute + 500*time.Millisecond, true},
		{"a number that is long past as a time", []string{"1764460800000"}, "", longest, true},
		{"too long for 64 bits", []string{"18446744073709551616"}, "", longest, true},
		{"a hundred digits", []string{"1" + strings.Repeat("0", 99)}, "", longest, true},

		{"negative", []string{"-5"}, "", 0, false},
		{"negative, too long", []string{"-99999999999999999999"}, "", 0, false},
		{"plus sign", []string{"+5"}, "", 0, false},
		{"fraction", []string{"1.5"}, "", 1500 * time.Millisecond, true},
		{"two fractions", []string{"1.5.2"}, "", 0, false},
		{"exponent", []string{"1e3"}, "", 0, false},
		{"hexadecimal", []string{"0x10"}, "", 0, false},
		{"underscore", []string{"1_000"}, "", 0, false},
		{"unit", []string{"5s"}, "", 0, false},
		{"other digits", []string{"٣"}, "", 0, false},
		{"words", []string{"soon"}, "", 0, false},
		{"RFC 3339", []string{"2026-11-08T08:50:00Z"}, "", 0, false},

		{"IMF-fixdate", []string{"Sun, 08 Nov 2026 08:50:37 GMT"}, "", time.Minute, true},
		{"RFC 850", []string{"Sunday, 08-Nov-26 08:50:37 GMT"}, "", time.Minute, true},
		{"asctime", []string{"Sun Nov  8 08:50:37 2026"}, "", time.Minute, true},
		{"date now", []string{"Sun, 08 Nov 2026 08:49:37 GMT"}, "", 0, true},
		{"past date", []string{"Sun, 06 Nov 1994 08:49:37 GMT"}, "", 0, true},
		{"far date", []string{"Fri, 31 Dec 9999 23:59:59 GMT"}, "", longest, true},
		{"date counts from Date", []string{"Sun, 08 Nov 2026 07:00:30 GMT"},
			"Sun, 08 Nov 2026 07:00:00 GMT", 30 * time.Second, true},
		{"Date in another form", []string{"Sun, 08 Nov 2026 07:00:30 GMT"},
			"Sunday, 08-Nov-26 07:00:00 GMT", 30 * time.Second, true},
		{"date before Date", []string{"Sun, 08 Nov 2026 08:50:37 GMT"},
			"Sun, 08 Nov 2026 09:00:00 GMT", 0, true},
		{"Date is garbage", []string{"Sun, 08 Nov 2026 08:50:37 GMT"}, "yesterday", time.Minute, true},

		{"first of two", []string{"2", "3"}, "", 2 * time.Second, true},
		{"first that parses", []string{"-1", "soon", "3", "4"}, "", 3 * time.Second, true},
		{"garbage, then a date", []string{"", "Sun, 08 Nov 2026 08:50:37 GMT"}, "", time.Minute, true},
		{"none parses", []string{"-1", "soon"}, "", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			for _, v := range tt.give {
				h.Add("retry-after", v)
			}
			if tt.date != "" {
				h.Set("Date", tt.date)
			}
			got, ok := retryafter.Parse(h, now)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.wantOK, ok)
		})
	}
}

func TestParse_nilHeader(t *testing.T) {
	t.Parallel()
	got, ok := retryafter.Parse(nil, now)
	assert.Zero(t, got)
	assert.False(t, ok)
	got, ok = retryafter.UsedUp(nil, now)
	assert.Zero(t, got)
	assert.False(t, ok)
}

func TestParse_milliseconds(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		got, ok := retryafter.Parse(header(name, "250", "Retry-After", "3"), now)
		assert.True(t, ok)
		assert.Equal(t, 250*time.Millisecond, got)
	}
}

func TestUsedUp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		give     []string
		want     time.Duration
		wantUsed bool
	}{
		{"no limit", []string{"X-Other", "0"}, 0, false},
		{"some left", []string{"X-RateLimit-Remaining", "3", "X-RateLimit-Reset", "60"}, 0, false},
		{"reset at a time", []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1794127837"}, time.Minute, true},
		{"reset at a time in milliseconds", []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1794127837000"}, time.Minute, true},
		{"reset at a time that is past", []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1494127837"}, 0, true},
		{"reset after seconds", []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "60"}, time.Minute, true},
		{"reset after a fraction", []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset-After", "0.5", "X-RateLimit-Reset", "1794127837"}, 500 * time.Millisecond, true},
		{"used up, not said until when", []string{"X-RateLimit-Remaining", "0"}, 0, true},
		{"with another hyphen", []string{"X-Rate-Limit-Remaining", "0", "X-Rate-Limit-Reset", "1794127837"}, time.Minute, true},
		{"fields of the draft", []string{"RateLimit-Remaining", "0", "RateLimit-Reset", "50"}, 50 * time.Second, true},
		{"one field", []string{"RateLimit", "limit=100, remaining=0, reset=50"}, 50 * time.Second, true},
		{"one field, some left", []string{"RateLimit", "limit=100, remaining=2, reset=50"}, 0, false},
		{"a structured field", []string{"RateLimit", `"default";r=0;t=30`}, 30 * time.Second, true},
		{"the one of two that is used up", []string{"RateLimit", `"burst";r=5;t=1, "daily";r=0;t=3600`}, time.Hour, true},
		{"no numbers", []string{"X-RateLimit-Remaining", "none", "RateLimit", "remaining=none"}, 0, false},
		{"without end", []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset-After", "99999999999999999999"}, retryafter.Longest, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, used := retryafter.UsedUp(header(tt.give...), now)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.wantUsed, used)
		})
	}
}

// header returns a header of names and values in turn.
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func FuzzParse(f *testing.F) {
	f.Add("120", "")
	f.Add("-5", "")
	f.Add("9223372037", "")
	f.Add("18446744073709551616", "")
	f.Add("Sun, 08 Nov 2026 08:50:37 GMT", "Sun, 08 Nov 2026 07:00:00 GMT")
	f.Add("Sunday, 08-Nov-26 08:50:37 GMT", "x")
	f.Add("Sun Nov  8 08:50:37 2026", "")
	f.Add("Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT")
	f.Fuzz(func(t *testing.T, value, date string) {
		got, ok := retryafter.Parse(http.Header{"Retry-After": {value}, "Date": {date}}, now)
		require.GreaterOrEqual(t, got, time.Duration(0))
		if !ok {
			require.Zero(t, got)
		}
		require.LessOrEqual(t, got, retryafter.Longest)
		if n, err := strconv.ParseUint(value, 10, 28); err == nil { // less than the longest
			require.True(t, ok)
			require.Equal(t, time.Duration(n)*time.Second, got)
		}
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && n < 0 {
			require.False(t, ok)
		}
	})
}
