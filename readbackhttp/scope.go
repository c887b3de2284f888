package readbackhttp

import (
	"net/http"
	"net/url"
	"slices"
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
	for _, name := range keyHeaders {
		if keys := req.Header[name]; len(keys) > 0 {
			who += "\n" + name + ": " + strings.Join(keys, "\n")
		}
	}
	if query := req.URL.RawQuery; strings.Contains(query, "key=") || strings.Contains(query, "token=") {
		for pair := range strings.SplitSeq(query, "&") {
			if name, _, _ := strings.Cut(pair, "="); keyParameters[name] {
				who += "\n?" + pair
			}
		}
	}
	return who
}

// keyHeaders have credentials that stay the same, or say as whom somebody asks.
var keyHeaders = [...]string{
	"X-Api-Key", "Api-Key", "Apikey", "X-Auth-Token", "X-Access-Token", "X-Vault-Token", "Private-Token", "Job-Token",
	"X-Goog-Api-Key", "Ocp-Apim-Subscription-Key", "X-Shopify-Access-Token", "X-Functions-Key", "Dd-Api-Key",
	"Impersonate-User", "Sudo",
}

// keyParameters are parameters of a query that have them.
var keyParameters = map[string]bool{"access_token": true, "api_key": true, "api-key": true, "apikey": true}

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

// named returns the URL of what req is about. Clients of AWS add to it which
// operation it is: the same object is written as ?x-id=PutObject and read with
// another x-id or none.
func named(req *http.Request) *url.URL {
	if !strings.Contains(req.URL.RawQuery, "x-id=") || !strings.HasPrefix(req.Header.Get("Authorization"), "AWS4-") {
		return req.URL
	}
	u := *req.URL
	u.RawQuery = strings.Join(slices.DeleteFunc(strings.Split(u.RawQuery, "&"), func(pair string) bool {
		return strings.HasPrefix(pair, "x-id=")
	}), "&")
	return &u
}
