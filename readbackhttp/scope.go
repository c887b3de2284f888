package readbackhttp

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/readback-go/readback/internal/recent"
)

// space returns where a write of req is remembered, or looked for: by its origin and its
// credentials.
func (t *Transport) space(req *http.Request, u *url.URL) recent.Space {
	host := u.Host
	if u == req.URL {
		host = cmp.Or(req.Host, host)
	}
	return t.memory.Space(u.Scheme, host, t.options.Scope(req))
}

// origin returns the space of req without its credentials.
func (t *Transport) origin(req *http.Request) recent.Space {
	return t.memory.Space(req.URL.Scheme, cmp.Or(req.Host, req.URL.Host), "")
}

// latest returns the write that covers a read, and whether there is one.
func (t *Transport) latest(req *http.Request) (recent.Write, bool) {
	return t.memory.Latest(t.space(req, req.URL), resourceURL(req))
}

// resourceURL returns the URL of what req is about. Clients of AWS add to it which
// operation it is: the same object is written as ?x-id=PutObject and read with
// another x-id or none.
func resourceURL(req *http.Request) *url.URL {
	if !strings.Contains(req.URL.RawQuery, "x-id=") || !strings.HasPrefix(req.Header.Get("Authorization"), "AWS4-") {
		return req.URL
	}
	u := *req.URL
	u.RawQuery = strings.Join(slices.DeleteFunc(strings.Split(u.RawQuery, "&"), func(pair string) bool {
		return strings.HasPrefix(pair, "x-id=")
	}), "&")
	return &u
}
