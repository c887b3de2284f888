package readbackhttp

import (
	"net/http"
	"slices"
	"strings"
)

// credentials is the default of TransportOptions.Scope: what in a request tells one
// caller from another, and is the same in all requests of one.
func credentials(req *http.Request) string {
	who := ""
	if all := req.Header["Authorization"]; len(all) > 0 {
		who = authorized(strings.Join(all, "\n"))
	}
	if cookies := req.Header["Cookie"]; len(cookies) > 0 {
		who += ownCookies(cookies)
	}
	for _, name := range keyHeaders {
		if keys := req.Header[name]; len(keys) > 0 {
			who += "\n" + name + ": " + strings.Join(keys, "\n")
		}
	}
	if query := req.URL.RawQuery; strings.Contains(query, "key=") || strings.Contains(query, "token=") {
		for pair := range strings.SplitSeq(query, "&") {
			if name, _, _ := strings.Cut(pair, "="); slices.Contains(keyParameters, name) {
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
var keyParameters = []string{"access_token", "api_key", "api-key", "apikey"}

// authorized returns who an Authorization names. One that signs the request is another
// for each request, and names who signed:
//
//	AWS4-HMAC-SHA256 Credential=AKID/20260131/eu-west-1/s3/aws4_request, SignedHeaders=…, Signature=…
//	SharedKey account:signature
//	Signature keyId="…",headers="…",signature="…"
//
// Of a scheme that is not known, or that names nobody, all counts.
func authorized(value string) string {
	scheme, rest, _ := strings.Cut(value, " ")
	switch scheme {
	case "Bearer", "Basic": // as most
		return value
	case "AWS", "GOOG1", "OSS", "SharedKey", "SharedKeyLite":
		if key, _, ok := strings.Cut(rest, ":"); ok && key != "" {
			return scheme + " " + key
		}
		return value
	}
	names, signs := signing[scheme]
	if !signs && strings.Contains(scheme, "4-") { // AWS4-HMAC-SHA256, AWS4-ECDSA-P256-SHA256, GOOG4-RSA-SHA256, OSS4-HMAC-SHA256
		names, signs = signing["AWS4"], true
	}
	if !signs {
		return value
	}
	who := scheme
	for _, name := range names {
		if of, ok := parameter(rest, name); ok {
			who += " " + of
		}
	}
	if who == scheme {
		return value
	}
	if key, _, scoped := strings.Cut(who, "/"); scoped && names[0] == "Credential" { // without the day
		return key
	}
	return who
}

// signing are schemes that sign each request, and the parameters that name who does.
var signing = map[string][]string{
	"AWS4":            {"Credential"},
	"TC3-HMAC-SHA256": {"Credential"},
	"Signature":       {"keyId"},
	"Digest":          {"username", "realm"},
	"OAuth":           {"oauth_consumer_key", "oauth_token"},
	"Hawk":            {"id"},
	"EG1-HMAC-SHA256": {"client_token", "access_token"},
}

// parameter returns one of the parameters of a credential, which commas, semicolons or
// spaces divide outside of quotes.
func parameter(list, name string) (value string, ok bool) {
	quoted := false
	parts := strings.FieldsFunc(list, func(c rune) bool {
		if c == '"' {
			quoted = !quoted
		}
		return !quoted && (c == ',' || c == ';' || c == ' ')
	})
	for _, pair := range parts {
		if got, value, ok := strings.Cut(pair, "="); ok && got == name && strings.Trim(value, `"`) != "" {
			return value, true
		}
	}
	return "", false
}

// ownCookies returns the cookies that tell callers apart: all but those by which
// balancers find the same server again, which they set anew as they like.
func ownCookies(headers []string) (own string) {
	for _, header := range headers {
		for pair := range strings.SplitSeq(header, ";") {
			pair = strings.TrimSpace(pair)
			if name, _, _ := strings.Cut(pair, "="); pair != "" && !isBalancer(name) {
				own += "\n;" + pair
			}
		}
	}
	return own
}

func isBalancer(cookie string) bool {
	return slices.Contains(balancers, cookie) || strings.HasPrefix(cookie, "BIGipServer") || strings.HasPrefix(cookie, "incap_ses_")
}

var balancers = []string{
	"AWSALB", "AWSALBCORS", "AWSALBTG", "AWSALBTGCORS", "AWSELB", "AWSELBCORS", "ARRAffinity", "ARRAffinitySameSite",
	"GCLB", "__cf_bm", "__cflb", "_cfuvid",
}
