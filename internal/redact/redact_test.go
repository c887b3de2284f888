package redact_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/redact"
)

// mark stands for a secret in tests. Nothing printed may contain it.
const mark = "hunter2"

func TestURLString(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		give string
		want string
	}{
		{"nothing to hide", "https://api.example/v1/workspaces?limit=5&after=x", "https://api.example/v1/workspaces?limit=5&after=x"},
		{"empty", "", ""},
		{"relative", "/v1/workspaces/7", "/v1/workspaces/7"},
		{"relative with a secret", "/v1?token=hunter2", "/v1?token=REDACTED"},
		{"port", "https://[::1]:8080/x", "https://[::1]:8080/x"},
		{"escaped path", "https://h/a%2Fb%20c", "https://h/a%2Fb%20c"},
		{"empty query", "https://h/?", "https://h/?"},
		{"mark without value", "https://h/?token", "https://h/?token"},
		{"urn", "urn:example:7", "urn:example:7"},

		{"userinfo", "https://me:hunter2@h/x", "https://h/x"},
		{"user alone", "https://hunter2@h/x", "https://h/x"},
		{"no scheme", "//me:hunter2@h/x", "//h/x"},
		{"userinfo with an at sign", "https://me:hun@hunter2@h/x", "https://h/x"},
		{"no slashes", "https:me:hunter2@h/x", "[unparsable URL]"},
		{"no scheme, no slashes", "me:hunter2@h/x", "[unparsable URL]"},
		{"one slash", "https:/me:hunter2@h/x", "https:/REDACTED/x"},
		{"three slashes", "https:///me:hunter2@h/x", "https:///REDACTED/x"},
		{"userinfo in the path", "/proxy/https://me:hunter2@h/x", "/proxy/https://REDACTED/x"},
		{"fragment", "https://h/x#access_token=hunter2", "https://h/x"},

		{"order and spelling are kept", "https://h/?b=%20&token=hunter2&a=+&a=2&&c", "https://h/?b=%20&token=REDACTED&a=+&a=2&&c"},
		{"twice", "https://h/?sig=hunter2&sig=hunter2", "https://h/?sig=REDACTED&sig=REDACTED"},
		{"escaped name", "https://h/?t%6Fken=hunter2", "https://h/?t%6Fken=REDACTED"},
		{"broken name", "https://h/?t%zz=hunter2", "https://h/?REDACTED"},
		{"broken value", "https://h/?a=%zzhunter2", "https://h/?a=REDACTED"},
		{"equals signs in the value", "https://h/?key=hunter2==", "https://h/?key=REDACTED"},
		{"semicolon", "https://h/?a=1;token=hunter2;b=2", "https://h/?a=1;token=REDACTED;b=2"},
		{"bracket", "https://h/?auth[pw]=hunter2", "https://h/?auth[pw]=REDACTED"},
		{"search term", "https://h/?keyword=shoes", "https://h/?keyword=shoes"},

		{"parameter in the path", "https://h/a;jsessionid=hunter2;v=1/b", "https://h/a;jsessionid=REDACTED;v=1/b"},
		{"URL as a value", "https://h/?next=https%3A%2F%2Fh%2Fdone", "https://h/?next=https%3A%2F%2Fh%2Fdone"},
		{"URL with userinfo as a value", "https://h/?next=https%3A%2F%2Fme:hunter2%40h", "https://h/?next=REDACTED"},
		{"URL with a user as a value", "https://h/?next=https%3A%2F%2Fhunter2%40h", "https://h/?next=REDACTED"},
		{"URL with a query as a value", "https://h/?next=https%3A%2F%2Fh%2F%3Ftoken%3Dhunter2", "https://h/?next=REDACTED"},
		{"URL with a fragment as a value", "https://h/?next=https%3A%2F%2Fh%2F%23hunter2", "https://h/?next=REDACTED"},
		{"broken URL as a value", "https://h/?next=https%3A%2F%2Fh:hunter2", "https://h/?next=REDACTED"},
		{"URL with a query as a segment", "https://h/https%3A%2F%2Fh%2F%3Ftoken%3Dhunter2/x", "https://h/REDACTED/x"},
		{"userinfo as a value", "https://h/?user=me:hunter2@h", "https://h/?user=REDACTED"},
		{"userinfo as a name", "https://h/?me:hunter2@h", "https://h/?REDACTED"},
		{"time as a value", "https://h/?at=08:49:37", "https://h/?at=08:49:37"},
		{"package as a segment", "https://h/@scope/pkg@1.0", "https://h/@scope/pkg@1.0"},

		{"unparsable port", "https://h:hunter2/x", "[unparsable URL]"},
		{"unparsable escape", "https://h/%zzhunter2", "[unparsable URL]"},
		{"control character", "https://h/hunter2\n", "[unparsable URL]"},
		{"missing scheme", "://me:hunter2@h", "[unparsable URL]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := redact.URLString(tt.give)
			assert.Equal(t, tt.want, got)
			if u, err := url.Parse(tt.give); err == nil {
				before := *u
				assert.Equal(t, tt.want, redact.URL(u))
				assert.Equal(t, before, *u, "the URL given is left alone")
			}
		})
	}
}

func TestURLString_names(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"key", "token", "secret", "signature", "sig", "password", "passwd", "pwd", "auth",
		"credential", "code", "session", "jwt", "cookie",
		"KEY", "api_key", "accessToken", "X-Amz-Date", "x-goog-date", "keywords",
	} {
		assert.Equal(t, "/?"+name+"=REDACTED", redact.URLString("/?"+name+"=x"))
	}
	for _, name := range []string{"limit", "page", "q", "workspace", "ax-amz-date", "keyword", "Keyword", "pin"} {
		assert.Equal(t, "/?"+name+"=x", redact.URLString("/?"+name+"=x"))
	}
	assert.Equal(t, "/?PIN=REDACTED&pins=2&keyword=REDACTED", redact.URLString("/?PIN=1&pins=2&keyword=3", "pin", "KeyWord"))
	assert.Equal(t, "/?pin=REDACTED", redact.URL(&url.URL{Path: "/", RawQuery: "pin=1"}, "pin"))
}

func TestURL_madeByHand(t *testing.T) {
	t.Parallel()
	assert.Empty(t, redact.URL(nil))
	assert.Equal(t, "https://h/x", redact.URL(&url.URL{Scheme: "https", Host: "me:hunter2@h", Path: "/x"}))
	assert.Equal(t, "https://h/x", redact.URL(&url.URL{Scheme: "https", Host: "h", Path: "/x", Fragment: mark, RawFragment: mark}))
	assert.Equal(t, "[unparsable URL]", redact.URL(&url.URL{Scheme: "https", Opaque: "//me:hunter2@h/x"}))
	assert.Equal(t, "https://h/REDACTED/a%20b", redact.URL(&url.URL{Scheme: "https", Host: "h", Path: "/me:hunter2@h/a b"}))
}

func TestHeader(t *testing.T) {
	t.Parallel()
	give := http.Header{
		"Age":                   {"3"},
		"Cache-Control":         {"no-cache", "no-store"},
		"Content-Type":          {"application/json"},
		"Date":                  {"Sun, 08 Nov 2026 08:49:37 GMT"},
		"Etag":                  {"276638689419853824"},
		"Location":              {"https://me:hunter2@h/x?token=hunter2&pin=hunter2#hunter2", "https://h:hunter2"},
		"Retry-After":           {"3"},
		"X-Cache":               {"HIT"},
		"X-Request-Id":          {"a"},
		"X-Correlation-Id":      {"b"},
		"Request-Id":            {"c"},
		"Traceparent":           {"00-1-2-01"},
		"Server-Timing":         {"db;dur=3"},
		"Via":                   {"1.1 cache"},
		"X-Ratelimit-Remaining": {"0"},
		"Ratelimit-Reset":       {"9"},
		"x-ratelimit-limit":     {"10"}, // as a hand-made map can have it
		"Ratelimit":             {`"default";r=0`},
	}
	want := give.Clone()
	want["Location"] = []string{"https://h/x?token=REDACTED&pin=REDACTED", "[unparsable URL]"}
	delete(want, "x-ratelimit-limit")
	want["X-Ratelimit-Limit"] = []string{"10"}
	for _, name := range []string{"Authorization", "Cookie", "Set-Cookie", "Www-Authenticate", "X-Api-Key", "X-Ratelimited", "Server"} {
		give.Set(name, mark)
	}
	give["Age"] = append(give["Age"][:1:1], "4")
	want["Age"] = []string{"3", "4"}

	got := redact.Header(give, "pin")
	assert.Equal(t, want, got)

	got["Age"][0] = "changed"
	assert.Equal(t, "3", give["Age"][0], "the copy shares nothing")
}

func TestHeader_none(t *testing.T) {
	t.Parallel()
	assert.Nil(t, redact.Header(nil))
	assert.Nil(t, redact.Header(http.Header{}))
	assert.Nil(t, redact.Header(http.Header{"Authorization": {mark}}))
	assert.Nil(t, redact.Header(http.Header{"Age": nil}))
	assert.Equal(t, http.Header{"Age": {"1", "2"}}, redact.Header(http.Header{"AGE": {"1"}, "age": {"2"}}))
}

func FuzzURLString(f *testing.F) {
	f.Add("me", "", "/x?a=1#b")
	f.Add("", "@", ":80")
	f.Add("me", "/", "/x")
	f.Add("me", "%", "")
	f.Add("a?b=", "&c", "&token=1")
	f.Add("a/b", ";c", ";d=1/e")
	f.Add("[::1]", "]", "%2F")
	f.Fuzz(func(t *testing.T, user, password, rest string) {
		redact.URLString(rest) // no panic
		redact.URL(&url.URL{Scheme: user, Opaque: password, Host: rest, Path: rest, RawPath: password, RawQuery: rest})
		if strings.Contains(user+"|"+rest, mark) || strings.ContainsAny(user, "/?#") {
			return // the mark or its userinfo stands elsewhere
		}
		raw := "https://" + user + ":" + mark + password + "@example.com" + rest
		got := redact.URLString(raw)
		require.NotContains(t, got, mark)
		if u, err := url.Parse(got); err == nil {
			require.Nil(t, u.User)
		}
	})
}
