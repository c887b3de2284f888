package redact

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const ellipsis = "…"

// Snippet returns the beginning of body as one line of valid UTF-8 of at most limit bytes,
// including an ellipsis if something was cut off. With a limit of less than three bytes, a
// longer body becomes empty.
//
// Runs of control characters and white space become one space, bytes that are not UTF-8 become
// U+FFFD, and a byte order mark is dropped. Everything that [Error] hides is hidden first, also
// in JSON that is cut off. Since the result is one line, nothing is shown after the name and
// colon of an authorization, cookie or key header. Snippet reads the whole body: limit it
// before.
func Snippet(body []byte, limit int, more ...string) string {
	s := OneLine(string(body))
	s = redactText(s, more)
	if len(s) <= limit {
		return s
	}
	end := limit - len(ellipsis)
	if end < 0 {
		return ""
	}
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}

// OneLine returns s as one line of valid UTF-8: what would break, hide or reorder it is
// folded into spaces. It hides no secrets.
func OneLine(s string) string {
	s = strings.TrimPrefix(strings.ToValidUTF8(s, string(utf8.RuneError)), "\ufeff")
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	}), " ")
}
