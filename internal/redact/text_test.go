package redact_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/redact"
)

func urlError(raw, reason string) *url.Error {
	return &url.Error{Op: "Get", URL: raw, Err: errors.New(reason)}
}

func TestError(t *testing.T) {
	t.Parallel()
	//lint:ignore SA1007 how a broken URL is reported is what is tested
	_, badPort := url.Parse("https://me:hunter2/x@h")
	require.ErrorContains(t, badPort, `invalid port ":hunter2"`)
	secretURL := "https://me:hunter2@h/x?token=hunter2&a=1#hunter2"
	tests := []struct {
		name string
		give error
		want string
	}{
		{"nil", nil, ""},
		{"nothing to hide", errors.New("poll: 3 reads: not found"), "poll: 3 reads: not found"},
		{"url.Error", urlError(secretURL, "refused"), `Get "https://h/x?token=REDACTED&a=1": refused`},
		{"wrapped", fmt.Errorf("create: %w", urlError(secretURL, "refused")), `create: Get "https://h/x?token=REDACTED&a=1": refused`},
		{"joined", errors.Join(errors.New("first"), urlError("/x?token=hunter2", "refused")), "first\n" + `Get "/x?token=REDACTED": refused`},
		{"two wrapped", fmt.Errorf("%w, %w", urlError("/a?sig=hunter2", "1"), urlError("/b?sig=hunter2", "2")),
			`Get "/a?sig=REDACTED": 1, Get "/b?sig=REDACTED": 2`},
		{"one in another", &url.Error{Op: "Post", URL: "/a?sig=hunter2", Err: urlError("/b?sig=hunter2", "refused")},
			`Post "/a?sig=REDACTED": Get "/b?sig=REDACTED": refused`},
		{"one begins as another", errors.Join(urlError("/x?key=hunt", "1"), urlError("/x?key=hunter2", "2")),
			`Get "/x?key=REDACTED": 1` + "\n" + `Get "/x?key=REDACTED": 2`},
		{"quoted once more", fmt.Errorf("%q: %w", urlError("/x?token=hunter2", "refused").Error(), urlError("/x?token=hunter2", "refused")),
			`"Get \"/x?token=REDACTED\": refused": Get "/x?token=REDACTED": refused`},
		{"URL that must be quoted", urlError("/x\t?token=hunter2", "refused"), `Get "[unparsable URL]": refused`},
		{"short unparsable URL spares the text", urlError(":", "missing"), `Get "[unparsable URL]": missing`},
		{"no URL", urlError("", "refused"), `Get "": refused`},
		{"pieces in the reason", badPort, `parse "[unparsable URL]": invalid port "REDACTED" after host`},

		{"userinfo in text", errors.New("dial postgres://me:hunter2@db:5432/x failed"), "dial postgres://db:5432/x failed"},
		{"parameter in text", errors.New("see https://h/x?token=hunter2."), "see https://h/x?token=REDACTED."},
		{"unparsable in text", errors.New("dial https://me:hunter2/x@h"), "dial [unparsable URL]"},
		{"sentence around", errors.New("(see http://h:80, http://[::1]:80): [http://h:80]; http://[::1]; http://h:80: refused"),
			"(see http://h:80, http://[::1]:80): [http://h:80]; http://[::1]; http://h:80: refused"},
		{"Bearer", errors.New("sent Bearer hunter2, refused"), "sent Bearer REDACTED refused"},
		{"basic, in any case", errors.New("sent basic aHVudGVyMg== twice"), "sent basic REDACTED twice"},
		{"ApiKey", errors.New("sent ApiKey hunter2"), "sent ApiKey REDACTED"},
		{"in quotation marks", errors.New(`sent Bearer "hunter2"`), `sent Bearer "REDACTED"`},
		{"Authorization", errors.New("dump:\nAuthorization: Digest username=\"me\", response=\"hunter2\"\r\nHost: h"),
			"dump:\nAuthorization: REDACTED\r\nHost: h"},
		{"path like a header", errors.New("GET http://h/v1/api-key: failed; last read: GET /cookie: a 404"), "GET http://h/v1/api-key: failed; last read: GET /cookie: a 404"},
		{"flow like a header", errors.New("readback: create auth-token: unconfirmed after 2 reads in 1s; Cookie: a=hunter2"), "readback: create auth-token: unconfirmed after 2 reads in 1s; Cookie: REDACTED"},
		{"outcome like a cookie", errors.New("Cookie: failed=hunter2"), "Cookie: REDACTED"},
		{"Cookie", errors.New("cookie: a=hunter2; b=hunter2\nHost: h"), "cookie: REDACTED\nHost: h"},
		{"Set-Cookie", errors.New("Set-Cookie: a=hunter2; Expires=Sun, 08 Nov 2026 08:49:37 GMT"), "Set-Cookie: REDACTED"},
		{"key header", errors.New("X-Api-Key: hunter2"), "X-Api-Key: REDACTED"},
		{"header map", fmt.Errorf("sent %v", http.Header{"Authorization": {"Token hunter2"}, "Cookie": {"a=hunter2"}}),
			"sent map[Authorization:REDACTED"},
		{"header without value", errors.New("Authorization:\nHost: h"), "Authorization:\nHost: h"},
		{"password in prose", errors.New("login with user=me password=hunter2 refused"), "login with user=me password=REDACTED refused"},
		{"token in prose", errors.New("(token=hunter2)"), "(token=REDACTED"},
		{"key in prose", errors.New("api_key=hunter2&a=1, X-API-Key=hunter2; client.secret=hunter2"), "api_key=REDACTED&a=1, X-API-Key=REDACTED; client.secret=REDACTED"},
		{"quoted in prose", errors.New(`password="hunt er2" a 'b' pwd='hunt er2' c`), `password=REDACTED a 'b' pwd=REDACTED c`},
		{"in prose in JSON", errors.New(`{"message":"password=\"hunt er2\" and token=","a":"b","c":["token=hunter2"]}`), `{"message":"password=REDACTED and token=","a":"b","c":["token=REDACTED"]}`},
		{"no secret in prose", errors.New(`code = NotFound, with-key=1h, author=alice, tokens=3, key=a, token = nil, token==`), `code = NotFound, with-key=1h, author=alice, tokens=3, key=a, token = nil, token=REDACTED`},
		{"body", errors.New(`409: {"apiKey":"hunter2","message":"exists"}`), `409: {"apiKey":"REDACTED","message":"exists"}`},
		{"body, broken off behind a line", errors.New("{\"apiKey\":\"a\\\nhunter2"), `{"apiKey":"REDACTED"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, redact.Error(tt.give))
		})
	}
}

func TestError_more(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf(`%w at https://h/?pin=hunter2 of {"pin":"hunter2"}`, urlError("/?pin=hunter2", "refused"))
	assert.Equal(t, `Get "/?pin=REDACTED": refused at https://h/?pin=REDACTED of {"pin":"REDACTED"}`, redact.Error(err, "PIN"))
}

func TestSnippet(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		give  string
		limit int
		want  string
	}{
		{"nothing", "", 80, ""},
		{"fits", "Forbidden", 9, "Forbidden"},
		{"cut", "Forbidden!", 9, "Forbid…"},
		{"cut at a rune", "Förböten", 7, "För…"},
		{"cut inside a rune", "aaö…", 6, "aa…"},
		{"room for the ellipsis alone", "long", 3, "…"},
		{"no room for the ellipsis", "long", 2, ""},
		{"no room", "long", 0, ""},
		{"negative", "long", -1, ""},
		{"short enough for a small limit", "ab", 2, "ab"},

		{"lines", "\r\n{\r\n\t\"a\" :  1\n}\n", 80, `{ "a" : 1 }`},
		{"control characters", "a\x00\x1b[31mb\x7f\u0085c", 80, "a [31mb c"},
		{"separators", "a\u2028b\u2029c\u00a0d", 80, "a b c d"},
		{"text direction", "a\u202eb", 80, "a b"},
		{"byte order mark", "\ufeffa", 80, "a"},
		{"no UTF-8", "a\xff\xfeb", 80, "a\ufffdb"},

		{"page's body", `{"status":403,"code":"x","keyword":"required","message":"Forbidden"}`, 80,
			`{"status":403,"code":"x","keyword":"required","message":"Forbidden"}`},
		{"secret", `{"api_key" : "hunter2","a":1}`, 80, `{"api_key" : "REDACTED","a":1}`},
		{"authorization, cookie", `{"Authorization":"hunter2","Cookie":"hunter2"}`, 80, `{"Authorization":"REDACTED","Cookie":"REDACTED"}`},
		{"escapes", `{"t\u006fken":"\"hunter2\\","a":"\""}`, 80, `{"t\u006fken":"REDACTED","a":"\""}`},
		{"broken escape in a name", `{"a\x":"hunter2"}`, 80, `{"a\x":"REDACTED"}`},
		{"empty secret", `{"token":""}`, 80, `{"token":"REDACTED"}`},
		{"list", `{"tokens":["hunter2","]hunter2"],"a":["x"]}`, 80, `{"tokens":"REDACTED","a":["x"]}`},
		{"broken off in a string", `{"token":"hunter2`, 80, `{"token":"REDACTED"`},
		{"broken off in an escape", `{"token":"hunter2\`, 80, `{"token":"REDACTED"\`},
		{"broken off in a list", `{"tokens":["a","hunter2`, 80, `{"tokens":"REDACTED"`},
		{"broken off in a list, between", `{"tokens":["hunter2",`, 80, `{"tokens":"REDACTED"`},
		{"number", `{"maxTokens":5}`, 80, `{"maxTokens":5}`},
		{"list of objects", `{"items":[{"token":"hunter2"}]}`, 80, `{"items":[{"token":"REDACTED"}]}`},
		{"strings that look like structure", `{"a":[["x",":"]],"token":"hunter2","b":","}`, 80, `{"a":[["x",":"]],"token":"REDACTED","b":","}`},
		{"text around", `5" of {"token":"hunter2"}`, 80, `5" of {"token":"REDACTED"}`},
		{"JSON in JSON", `{"body":"{\"token\":\"hunter2\"}","a":1}`, 80, `{"body":"{\"token\":\"REDACTED\"}","a":1}`},
		{"JSON in JSON without a secret", `{"body":"{\"a\":\"\u0062\"}"}`, 80, `{"body":"{\"a\":\"\u0062\"}"}`},
		{"JSON in JSON, broken", `{"body":"\"\x hunter2"}`, 80, `{"body":"REDACTED"}`},
		{"before the cut", `{"token":"hunter2hunter2hunter2","a":1}`, 24, `{"token":"REDACTED","…`},

		{"URL", `{"next":"https://me:hunter2@h/?token=hunter2"}`, 80, `{"next":"https://h/?token=REDACTED"}`},
		{"URL, slashes escaped", `{"next":"https:\/\/me:hunter2@h\/"}`, 80, `{"next":"https://h/"}`},
		{"URL, ampersand escaped", `{"next":"https://h/?a=1\u0026token=hunter2"}`, 80, `{"next":"https://h/?a=1&token=REDACTED"}`},
		{"URL, broken escape", `{"next":"https://h/?a=1\x26token=hunter2"}`, 80, `{"next":"[unparsable URL]"}`},
		{"URL in HTML", `<a href="https://h/?a=1&amp;token=hunter2">`, 80, `<a href="https://h/?a=1&amp;token=REDACTED">`},
		{"URL, quoted twice", `"\"https://h/x\""`, 80, `"\"https://h/x\""`},
		{"header", "<pre>Host: h\nCookie: a=hunter2\n</pre>", 80, "<pre>Host: h Cookie: REDACTED"},
		{"credentials", "sent Bearer\x00hunter2 to h", 80, "sent Bearer REDACTED to h"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, redact.Snippet([]byte(tt.give), tt.limit))
		})
	}
}

func TestSnippet_more(t *testing.T) {
	t.Parallel()
	give := []byte(`{"pin":"hunter2","spin":"https://h/?pin=hunter2"}`)
	assert.Equal(t, `{"pin":"REDACTED","spin":"https://h/?pin=REDACTED"}`, redact.Snippet(give, 80, "pin"))
}

func FuzzError(f *testing.F) {
	f.Add("", "/x?a=1", "refused")
	f.Add("/x", "", `invalid port ":x"`)
	f.Add("\t", "\xff", "")
	f.Add(`"\`, "#", "Bearer x")
	f.Fuzz(func(t *testing.T, password, rest, reason string) {
		if strings.Contains(password+"|"+rest+"|"+reason, mark) {
			return
		}
		raw := "https://me:" + mark + password + "@example.com" + rest
		require.NotContains(t, redact.Error(urlError(raw, reason)), mark)
		require.NotContains(t, redact.Error(fmt.Errorf("%s %s: %w", rest, reason, errors.Join(errors.New(reason), urlError(raw, reason)))), mark)
		if _, err := url.Parse(raw); err != nil {
			require.NotContains(t, redact.Error(err), mark)
		}
	})
}

func FuzzSnippet(f *testing.F) {
	f.Add([]byte(`{"status":403,"message":"Forbidden"}`), 20)
	f.Add([]byte(`{"token":"x`), 8)
	f.Add([]byte("a\xff\u2028\u202e\x00b"), 5)
	f.Add([]byte(`{"a":"{\"key\":\"x\"}","b":"https:\/\/me:x@h\/?\u0026"}`), 60)
	f.Add([]byte("Cookie: a=b\r\nBearer x"), -1)
	f.Fuzz(func(t *testing.T, body []byte, limit int) {
		got := redact.Snippet(body, limit)
		require.LessOrEqual(t, len(got), max(limit, 0))
		require.True(t, utf8.ValidString(got))
		require.False(t, strings.ContainsFunc(got, func(r rune) bool {
			return unicode.IsControl(r) || unicode.IsSpace(r) && r != ' '
		}), "%q", got)
		require.NotContains(t, got, "  ")
	})
}

// A secret stays hidden wherever the body is broken off.
func FuzzSnippet_secret(f *testing.F) {
	f.Add("a", "x", uint(30))
	f.Add(":", `"`, uint(1000))
	f.Add(`\`, "],", uint(40))
	f.Add("https://h", " ", uint(50))
	f.Fuzz(func(t *testing.T, other, value string, end uint) {
		if strings.Contains(other, mark) {
			return
		}
		body, err := json.Marshal([]any{other, map[string]any{
			"a": []string{other, ":", other}, "b" + other: other,
			"password": value + mark, "secrets": []string{value, mark},
		}})
		require.NoError(t, err)
		body = body[:min(uint(len(body)), end)]
		require.NotContains(t, redact.Snippet(body, 1<<20), mark)
	})
}

// A JSON Web Token is known by its looks, and other words that begin alike are not.
func TestError_tokensByTheirLooks(t *testing.T) {
	t.Parallel()
	const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2ln-bmF0dXJl_MQ"
	for _, text := range []string{
		"token " + token + " has expired", "no: " + token, `{"detail":"bad ` + token + `"}`,
		"cannot verify '" + token + "'.", "eyJhbGciOiJub25lIn0.eyJzdWIiOiI3In0.",
	} {
		got := redact.Error(errors.New(text))
		assert.NotContains(t, got, "eyJ", text)
		assert.Contains(t, got, "REDACTED")
	}
	for _, text := range []string{"eyJournal.example.com", "see eyJ.a.b", "eyJhbGciOi without a dot"} {
		assert.Equal(t, text, redact.Error(errors.New(text)))
	}
}
