package readbackhttp

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/readback-go/readback/internal/recent"
)

// space returns where a write of req is remembered, or looked for: its origin,
// for who has its credentials.
func (t *Transport) space(req *http.Request, u *url.URL) recent.Space {
	host := u.Host
	if req.Host != "" && u == req.URL {
		host = req.Host
	}
	return t.memory.Space(u.Scheme, host, t.options.Scope(req))
}

// origin returns the space of req without its credentials.
func (t *Transport) origin(req *http.Request) recent.Space {
	host := req.URL.Host
	if req.Host != "" {
		host = req.Host
	}
	return t.memory.Space(req.URL.Scheme, host, "")
}

// credentials is the default of TransportOptions.Scope.
func credentials(req *http.Request) string {
	who := strings.Join(req.Header["Authorization"], "\n")
	if strings.HasPrefix(who, "AWS4-") {
		who = accessKey(who)
	}
	if cookies := req.Header["Cookie"]; len(cookies) > 0 {
		who += "\n\n" + strings.Join(cookies, "; ")
	}
	return who
}

// accessKey returns who signed, since each request has another signature:
//
//	AWS4-HMAC-SHA256 Credential=AKID/20260131/eu-west-1/s3/aws4_request, SignedHeaders=…, Signature=…
func accessKey(authorization string) string {
	_, after, found := strings.Cut(authorization, "Credential=")
	if !found {
		return authorization
	}
	id, _, _ := strings.Cut(after, "/")
	return "AWS4 " + id
}
