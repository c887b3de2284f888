package readbackhttp_test

import (
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbackhttp"
)

// exchangeInMemory returns an exchange whose writes get that answer, and where
// it read.
func exchangeInMemory(read readbackhttp.Target, location string, body []byte) (readbackhttp.Exchange, *[]*http.Request) {
	seen := new([]*http.Request)
	client := &http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
		resp := &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: req}
		if req.Method == http.MethodPost {
			resp.StatusCode = 201
			resp.Header.Set("Location", location)
			resp.Body = io.NopCloser(strings.NewReader(string(body)))
			return resp, nil
		}
		*seen = append(*seen, req)
		return resp, nil
	})}
	return readbackhttp.Exchange{Client: client, Write: send("POST", "http://me:pw@api.test/v1/things?q=1", ""), Read: read}, seen
}

// Whatever a template and the answer to the write say, reads go to the origin
// of the write, with its user and without a fragment, or nowhere.
func FuzzTemplate(f *testing.F) {
	for _, template := range []string{
		"", "{id}", "/x/{id}", "{location}", "{location}{id}", "//{id}/x", "http://{id}/x", "{id}//{/other}", "http{id}", "{id}{/other}",
		"/x/.{id}/y", "/{id}?{id}#{id}", "?{id}", "#{id}", "/x/{header:Location}", "/x/{/a~1b}", "/{", "/}", "{{}}", "/{}", "http://me:{id}@api.test/",
		"http://api.test:{id}/", "/\x00{id}", "/%zz/{id}", "\\\\{id}", "javascript:{id}",
	} {
		for _, value := range []string{"7", "..", ".", "http://other.test/", "//other.test", "@other.test", "other.test", ":80", "80", "\r\n", "é", "a/b?c#d", "%2e%2e"} {
			f.Add(template, value, ".", "http://api.test/v1/things/7")
			f.Add(template, value, value, value)
		}
	}
	f.Fuzz(func(t *testing.T, template, id, other, location string) {
		body, err := json.Marshal(map[string]string{"id": id, "other": other})
		require.NoError(t, err)
		ex, seen := exchangeInMemory(readbackhttp.Template(template), location, body)
		flow := ex.Flow()
		ref, err := flow.Write(t.Context())
		if err != nil {
			require.Empty(t, *seen)
			return // the template is broken
		}
		_, err = flow.Read(t.Context(), ref)
		if err != nil {
			require.Empty(t, *seen, err)
			return
		}
		require.Len(t, *seen, 1)
		u := (*seen)[0].URL
		assert.Equal(t, "http", u.Scheme)
		assert.Equal(t, "api.test", strings.ToLower(u.Hostname()))
		assert.Contains(t, []string{"", "80"}, u.Port())
		assert.Equal(t, url.UserPassword("me", "pw"), u.User)
		assert.Empty(t, u.Fragment)
	})
}

// A value stays in its place, and is read back from there as it was.
func FuzzTemplate_place(f *testing.F) {
	for _, value := range []string{"7", "a/b", "..", ".", "...", "a b+c", "%2F", "?#&=;", "\x00\r\n", "ü", "\\", "{id}", ":", "@"} {
		f.Add(value, value)
		f.Add(value, "x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) {
			return // is no text in JSON
		}
		body, err := json.Marshal(map[string]string{"a": a, "b": b})
		require.NoError(t, err)
		ex, seen := exchangeInMemory(readbackhttp.Template("/x/{a}/y/{b}?p={a}&q={b}"), "", body)
		flow := ex.Flow()
		ref, err := flow.Write(t.Context())
		require.NoError(t, err)
		_, err = flow.Read(t.Context(), ref)
		if unusable := func(v string) bool { return v == "" || v == "." || v == ".." }; unusable(a) || unusable(b) {
			var lacking *readbackhttp.TargetError
			require.ErrorAs(t, err, &lacking)
			require.Empty(t, *seen)
			return
		}
		require.NoError(t, err)
		require.Len(t, *seen, 1)
		u := (*seen)[0].URL
		segments := strings.Split(u.EscapedPath(), "/")
		require.Len(t, segments, 5, u)
		for i, want := range []string{"", "x", a, "y", b} {
			got, err := url.PathUnescape(segments[i])
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
		query, err := url.ParseQuery(u.RawQuery)
		require.NoError(t, err)
		assert.Equal(t, url.Values{"p": {a}, "q": {b}}, query)
	})
}

// Equality is that of values: each document has itself, none has more than the
// other, and numbers are what mathematics says.
func FuzzHasJSON(f *testing.F) {
	docs := []string{
		`{"a":[1,{"b":null}],"a":2}`, `[1,2]`, `"a"`, `"\u0061"`, `null`, `true`, `{}`, `[]`, `""`, `0`, `-0.0`, `1e2`, `100`, `1E+2`, `0.1e3`,
		`9007199254740993`, `9007199254740992.0`, `1e-400`, `1e999999999999`, `"<\u2028>"`, `{`, `1 2`, "\xff", "\"\xff\"", `{"a":"\ud800"}`,
	}
	for _, a := range docs {
		for _, b := range docs {
			f.Add(a, b, "/a/1/b")
		}
	}
	f.Fuzz(func(t *testing.T, a, b, at string) {
		has := func(doc, at string, want any) bool {
			match := readbackhttp.HasJSON(at, want)
			return match != nil && match(readbackhttp.Ref{}, &readbackhttp.Document{Body: []byte(doc)})
		}
		has(a, at, json.RawMessage(b))
		if !json.Valid([]byte(a)) || !json.Valid([]byte(b)) {
			require.False(t, has(a, "", json.RawMessage(b)))
			return
		}
		require.True(t, has(a, "", json.RawMessage(a)))
		same := has(a, "", json.RawMessage(b))
		require.Equal(t, same, has(b, "", json.RawMessage(a)))
		require.Equal(t, same, has(`{"x/~":[`+a+`]}`, "/x~1~0/0", json.RawMessage(b)))
		if x, ok := rational(a); ok {
			if y, ok := rational(b); ok {
				require.Equal(t, x.Cmp(y) == 0, same)
			}
		}
	})
}

// rational returns the value of a JSON number that is not too long to write
// out.
func rational(text string) (*big.Rat, bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "" || !strings.Contains("-0123456789", text[:1]) {
		return nil, false
	}
	if _, exponent, found := strings.Cut(text, "e"); found {
		if n, err := strconv.Atoi(exponent); err != nil || n < -1000 || n > 1000 {
			return nil, false
		}
	}
	return new(big.Rat).SetString(text)
}
