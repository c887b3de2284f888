package forbidden_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/forbidden"
)

func TestMissingRole(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		give string
		want bool
	}{
		{"role", `{"code":403,"message":"Forbidden"}`, true},
		{"instance", `{"status":403,"message":"Forbidden"}`, false},
		{"both", `{"code":403,"status":403,"message":"Forbidden"}`, false},
		{"both, status null", `{"code":403,"status":null}`, false},

		{"code alone", `{"code":403}`, true},
		{"code is a string", `{"code":"403"}`, true},
		{"code is an escaped string", `{"code":"\u003403"}`, true},
		{"escaped name", `{"\u0063ode":403}`, true},
		{"code is a fraction of zero", `{"code":403.0}`, true},
		{"code has an exponent", `{"code":4.03e2}`, true},
		{"another code", `{"code":404}`, false},
		{"almost", `{"code":403.5}`, false},
		{"negative", `{"code":-403}`, false},
		{"huge", `{"code":1e999}`, false},
		{"a word", `{"code":"FORBIDDEN"}`, false},
		{"blanks in the string", `{"code":" 403"}`, false},
		{"code is null", `{"code":null}`, false},
		{"code is true", `{"code":true}`, false},
		{"code is a list", `{"code":[403]}`, false},
		{"code is an object", `{"code":{"code":403}}`, false},
		{"nested", `{"error":{"code":403}}`, false},
		{"nested status says nothing", `{"code":403,"error":{"status":403}}`, true},

		{"Code in another case", `{"Code":403}`, false},
		{"Status in another case", `{"code":403,"Status":403}`, true},
		{"last code counts: denial", `{"code":404,"code":403}`, true},
		{"last code counts: no denial", `{"code":403,"code":404}`, false},

		{"white space", " \r\n\t{ \"code\" : 403 }\n", true},
		{"byte order mark", "\ufeff" + `{"code":403}`, true},
		{"byte order mark alone", "\ufeff", false},
		{"empty", "", false},
		{"blank", " \n", false},
		{"empty object", `{}`, false},
		{"truncated", `{"code":403,"message":"Forb`, false},
		{"truncated at the end", `{"code":403`, false},
		{"something behind", `{"code":403} trailing`, false},
		{"list", `[{"code":403}]`, false},
		{"number", `403`, false},
		{"null", `null`, false},
		{"HTML", `<html>403 Forbidden</html>`, false},
		{"too deep", `{"code":403,"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, forbidden.MissingRole([]byte(tt.give)))
		})
	}
}

func TestMissingRole_emptyBodyIsFree(t *testing.T) {
	for _, body := range [][]byte{nil, {}, []byte(" \n")} {
		assert.Zero(t, testing.AllocsPerRun(100, func() { forbidden.MissingRole(body) }))
	}
}

func FuzzMissingRole(f *testing.F) {
	for _, s := range []string{
		`{"code":403,"message":"Forbidden"}`, `{"status":403,"message":"Forbidden"}`,
		`{"code":"403"}`, `{"Code":403}`, `{"code":403,"code":404}`, `{"code":4.03e2}`,
		"\ufeff{\"code\":403}", `{`, ``, `[]`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !forbidden.MissingRole(body) {
			return
		}
		trimmed := strings.TrimSpace(strings.TrimPrefix(string(body), "\ufeff"))
		require.True(t, json.Valid([]byte(trimmed)))
		end := len(trimmed) - 1
		require.False(t, forbidden.MissingRole([]byte(trimmed[:end])), "truncated")
		require.False(t, forbidden.MissingRole([]byte(trimmed[:end]+`,"status":403}`)), "instance")
		require.True(t, forbidden.MissingRole([]byte(trimmed[:end]+`,"Status":403}`)), "exact case")
		require.False(t, forbidden.MissingRole([]byte(trimmed[:end]+`,"code":404}`)), "last counts")
	})
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		"": false, "{}": false, `{"code":403}`: false, "the corporate limits": false, "a separate limit": false, "corporateLimit": false, "unthrottled": false,
		`{"reason":"rateLimitExceeded"}`: true, `{"reason":"userRateLimitExceeded"}`: true, "RATE_LIMITED": true, "USER_RATE_LIMIT_EXCEEDED": true, "a Rate Limit": true,
		"rate-limited": true, "<Code>ThrottlingException</Code>": true, "ThrottledClient": true, "API throttled": true,
	} {
		if got := forbidden.RateLimit([]byte(body)); got != want {
			t.Errorf("%q: %v, not %v", body, got, want)
		}
	}
}
