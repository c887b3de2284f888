package redact

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const ellipsis = "…"

// Snippet returns the beginning of body as one line of valid UTF-8 of at most
// limit bytes, an ellipsis included if something was cut off. A limit below the
// three bytes of an ellipsis leaves nothing of what is longer.
//
// Control characters and white space, in runs, become one space; bytes that are
// no UTF-8 become U+FFFD; a byte order mark is dropped. Before the cut, what
// [Error] hides is hidden, also where JSON is broken off; since all is one line,
// nothing is shown after the name and colon of an authorization, cookie or key
// header. The whole body is looked at, so give it bounded.
func Snippet(body []byte, limit int, more ...string) string {
	s := oneLine(strings.ToValidUTF8(string(body), string(utf8.RuneError)))
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

// oneLine folds what would break, hide or reorder a line.
func oneLine(s string) string {
	s = strings.TrimPrefix(s, "\ufeff")
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	}), " ")
}
