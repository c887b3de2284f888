package request_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/cmd/readback/internal/request"
)

// Short words are hidden where a name says that they are secrets, and long ones
// everywhere but in headers that hold none.
func TestSecrets(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spec request.Spec
		want []string
	}{
		"a word of every day":     {request.Spec{Headers: []string{"X-Why: test"}}, nil},
		"a long one":              {request.Spec{Headers: []string{"X-Why: test-1234"}}, []string{"test-1234"}},
		"a plain header":          {request.Spec{Headers: []string{"Accept: application/json", "X-GitHub-Api-Version: 2022-11-28"}}, nil},
		"a key":                   {request.Spec{Headers: []string{"x-api-KEY: test"}}, []string{"test"}},
		"a signature":             {request.Spec{Headers: []string{"X-Hub-Signature: abcd"}}, []string{"abcd"}},
		"with its scheme":         {request.Spec{Headers: []string{"Authorization: Bearer abcd"}}, []string{"Bearer abcd", "abcd"}},
		"a part of another":       {request.Spec{Headers: []string{`Authorization: Token name="me", token="abcdefgh"`}}, []string{`Token name="me", token="abcdefgh"`, `name="me", token="abcdefgh"`, "abcdefgh"}},
		"cookies":                 {request.Spec{Headers: []string{"Cookie: session=abcdefgh; theme=dark"}}, []string{"session=abcdefgh; theme=dark", "theme=dark", "abcdefgh"}},
		"too short":               {request.Spec{Headers: []string{"Authorization: abc"}}, nil},
		"a password":              {request.Spec{User: "someone-else:a b/c"}, []string{"Basic c29tZW9uZS1lbHNlOmEgYi9j", "c29tZW9uZS1lbHNlOmEgYi9j", "a b/c", "a+b%2Fc", "a%20b%2Fc"}},
		"a token for the name":    {request.Spec{User: "sk_live_7:"}, []string{"Basic c2tfbGl2ZV83Og==", "c2tfbGl2ZV83Og==", "sk_live_7"}},
		"that of a proxy":         {request.Spec{Proxy: "http://ghp_12345@h:1"}, []string{"ghp_12345"}},
		"a parameter":             {request.Spec{URL: "http://h/x?token=a%2Bbc&n=12345678"}, []string{"a%2Bbc", "a+bc"}},
		"a header that goes away": {request.Spec{Headers: []string{"Authorization:"}}, nil},
	} {
		assert.Equal(t, tt.want, tt.spec.Secrets(&request.Input{}), name)
	}
}

// What is hidden in JSON leaves it JSON, with the names that programs look for.
func TestScrubJSON(t *testing.T) {
	t.Parallel()
	scrub := request.Scrub([]string{"12345678", "location", `a"quote`, `"quoted"`, "true"})
	for document, want := range map[string]string{
		`{"id":12345678,"n":[-1.5e+3,0]}`:        `{"id":"REDACTED","n":[-1.5e+3,0]}`,
		`{"at":912345678}`:                       `{"at":"9REDACTED"}`,
		`{"location" : "the location"}`:          `{"location" : "the REDACTED"}`,
		`["a\"quote","\\","location"]`:           `["REDACTED","\\","REDACTED"]`,
		`["quoted",true]`:                        `["quoted",true]`,
		`"the \"quoted\" is true"`:               `"the REDACTED is REDACTED"`,
		`{"a":"\"location\":", "b": "location"}`: `{"a":"\"REDACTED\":", "b": "REDACTED"}`,
		`null`:                                   `null`,
	} {
		got := request.ScrubJSON(scrub, document, false)
		assert.Equal(t, want, got)
		assert.True(t, json.Valid([]byte(got)), got)
	}
	assert.Equal(t, `{"REDACTED":1}`, request.ScrubJSON(scrub, `{"location":1}`, true), "a name that the service chose")
}
