package proxy

import (
	"net/http"
	"strings"
)

// scopeOf returns the scope that headers tell, and nil, which is the usual one,
// if there are none.
func scopeOf(who []string) func(*http.Request) string {
	if len(who) == 0 {
		return nil
	}
	return func(r *http.Request) string {
		var id strings.Builder
		for _, name := range who {
			id.WriteByte('\n')
			if cookie, ok := strings.CutPrefix(name, "cookie:"); ok {
				for _, c := range r.CookiesNamed(cookie) {
					id.WriteString(c.Value + ";")
				}
				continue
			}
			if parameter, ok := strings.CutPrefix(name, "query:"); ok {
				id.WriteString(strings.Join(r.URL.Query()[parameter], "\x00"))
				continue
			}
			id.WriteString(strings.Join(r.Header.Values(name), ","))
		}
		return id.String()
	}
}
