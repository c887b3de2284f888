package readbackhttp

import (
	"fmt"
	"net/http"
	"strings"
)

// checkHeader returns what net/http would say of a header that cannot be sent,
// but before anything is: by then it would seem as if a write was lost, or as if
// reads failed. It tells no values, which may be secrets.
func checkHeader(header http.Header) error {
	for name, values := range header {
		if !isToken(name) { // it may be a whole line
			begin, _, _ := strings.Cut(name, ":")
			return fmt.Errorf("readbackhttp: a header has a name that cannot be: it begins with %q", begin)
		}
		for _, value := range values {
			if strings.ContainsFunc(value, isControl) {
				return fmt.Errorf("readbackhttp: the header %s has a value with control characters", name)
			}
		}
	}
	return nil
}

func isControl(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }

// isToken reports whether s is a token of RFC 9110, section 5.6.2, as methods and
// names of headers are.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		letterOrDigit := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		return !letterOrDigit && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	})
}
