package submitui

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	lineBytes = 400     // of a text in a line
	textBytes = 8 << 10 // of a text by itself
)

// line returns s for use within a line: characters that cannot be seen or that reverse the
// text beside them are escaped, and a long text is cut.
func line(s string) string { return plain(s, lineBytes, "") }

// named returns a key, with the spaces seen that a browser would leave out.
func named(key string) string {
	var b strings.Builder
	for i, r := range key {
		if r == ' ' && (i == 0 || i == len(key)-1 || key[i-1] == ' ' || key[i+1] == ' ') {
			r = '␣'
		}
		b.WriteRune(r)
	}
	return line(b.String())
}

// text is line for a longer text that keeps its line breaks and tabs.
func text(s string) string { return plain(s, textBytes, "\n\t") }

func plain(s string, most int, but string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case b.Len() >= most:
			fmt.Fprintf(&b, "… and %d bytes more", len(s)-i)
			return b.String()
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case strings.ContainsRune(but, r), r == ' ', unicode.IsGraphic(r) && !unicode.In(r, unicode.Mn, unicode.Me, unicode.Zs):
			b.WriteRune(r)
		case unicode.In(r, unicode.Mn) && i > 0 && !marked(s[:i]):
			b.WriteRune(r) // one accent on each letter, not many
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// marked reports whether s ends with an accent.
func marked(s string) bool {
	last, _ := utf8.DecodeLastRuneInString(s)
	return unicode.In(last, unicode.Mn, unicode.Me)
}

// long returns a duration for people to read.
func long(d time.Duration) string {
	switch {
	case d <= 0:
		return "0 s"
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// ago returns how long ago t was; empty if it is not known.
func ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return long(time.Since(t))
}
