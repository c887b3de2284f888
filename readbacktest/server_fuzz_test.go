package readbacktest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbacktest"
)

// A pattern is either refused or fits what it says, whatever is in it.
func FuzzPattern(f *testing.F) {
	for _, on := range []string{
		"", "POST", "/", "POST /w", "/w/{id}", "GET /w/{id}/", "/{a}/{rest...}", "post", "/w/{id", "/w/x}", "/%zz", "/a%2Fb",
		"/{...}", "/{a...}/b", "GET /w?x", "GET  /w", "/w w", "{}", "/{{a}}", "//", "GET /\x00",
	} {
		f.Add(on, "a/b", "c")
	}
	f.Fuzz(func(t *testing.T, on, one, two string) {
		var h *readbacktest.Handler
		func() {
			defer func() {
				if why := recover(); why != nil {
					err, ok := why.(error)
					require.True(t, ok, "%v", why)
					require.Contains(t, err.Error(), `want it like "GET /workspaces/{id}"`)
				}
			}()
			h = readbacktest.NewHandler(readbacktest.Script{Rules: []readbacktest.Rule{{On: on, Status: 418}}})
		}()
		path := "/" + url.PathEscape(one) + "/" + url.PathEscape(two)
		if one == "" || two == "" {
			return // a slash at the end is none
		}
		u, err := url.Parse("http://api.test" + path)
		require.NoError(t, err)
		if h != nil {
			send(t, h, "GET", u, nil, nil)
			fake := &fakeT{}
			h.AssertCount(fake, on, -1)
			assert.NotEmpty(t, fake.text())
		}
		h = readbacktest.NewHandler(readbacktest.Script{})
		send(t, h, "GET", u, nil, nil)
		braces := strings.NewReplacer("{", "%7B", "}", "%7D")
		for _, fits := range []string{
			"", "GET", braces.Replace(path), "GET " + braces.Replace(path) + "/", "/{a}/{b}", "/{rest...}", "/{a}/{rest...}", "/{a}/{b}/{rest...}",
			"/" + braces.Replace(url.PathEscape(one)) + "/{x}",
		} {
			h.AssertCount(t, fits, 1)
		}
		for _, other := range []string{"POST", "POST /{a}/{b}", "/", "/{a}", "/{a}/{b}/{c}", "/x" + braces.Replace(path), "/{a}/{b}/{c}/{rest...}"} {
			h.AssertCount(t, other, 0)
		}
	})
}

// send sends a request and returns what came back.
func send(t *testing.T, h *readbacktest.Handler, method string, u *url.URL, header http.Header, body []byte) seen {
	t.Helper()
	resp, err := h.RoundTrip(&http.Request{Method: method, URL: u, Header: header, Body: io.NopCloser(bytes.NewReader(body))})
	require.NoError(t, err)
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return seen{status: resp.StatusCode, header: resp.Header, body: string(got)}
}

// A PATCH does what RFC 7396 says, in the words of its section 2.
func FuzzPatch(f *testing.F) {
	f.Add(`{"a":"b","c":{"d":"e","f":"g"}}`, `{"a":"z","c":{"f":null}}`)
	f.Add(`{"a":[{"b":"c"}]}`, `{"a":[1]}`)
	f.Add(`{"a":"foo"}`, `{"b":{"c":{"d":null}}}`)
	f.Add(`{"id":"x","n":1.0e400}`, `{"id":null}`)
	f.Add(`{}`, `{"a":{"bb":{"ccc":null}}}`)
	f.Add(`{"a":1,"a":2}`, `[]`)
	u, err := url.Parse("http://api.test/w/7")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, old, patch string) {
		h := readbacktest.NewHandler(readbacktest.Script{})
		put := send(t, h, "PUT", u, nil, []byte(old))
		if put.status != 201 {
			require.Equal(t, 400, put.status)
			require.False(t, isObject(old), "%s", old)
			return
		}
		got := send(t, h, "PATCH", u, nil, []byte(patch))
		if !isObject(patch) {
			require.Equal(t, 400, got.status, "%s", patch)
			assert.Equal(t, put.body, send(t, h, "GET", u, nil, nil).body)
			return
		}
		require.Equal(t, 200, got.status)
		want := patched(decoded(t, put.body), decoded(t, patch)).(map[string]any)
		if _, has := want["id"]; !has {
			want["id"] = "7"
		}
		assert.Equal(t, want, decoded(t, got.body))
		assert.Equal(t, got.body, send(t, h, "PATCH", u, nil, []byte(patch)).body, "twice is once")
		assert.Equal(t, got.body, send(t, h, "GET", u, nil, nil).body)
	})
}

func isObject(text string) bool {
	if strings.TrimSpace(text) == "" {
		return true
	}
	var members map[string]json.RawMessage
	return json.Unmarshal([]byte(text), &members) == nil && members != nil
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	if strings.TrimSpace(text) == "" {
		text = "{}"
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v), "%s", text)
	return v
}

func patched(target, patch any) any {
	members, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	object = maps.Clone(object)
	for name, value := range members {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = patched(object[name], value)
		}
	}
	return object
}

// Whatever is sent is answered with a status and with JSON, and only what was
// answered well is executed.
func FuzzHandler(f *testing.F) {
	f.Add("POST", "/w", `{"id":"1"}`, "If-Match", `"1"`)
	f.Add("GET", "/operations/1", ``, "X-Vault-Index", `999999999999999999999`)
	f.Add("PUT", "//", `{}`, "Content-Type", `a/b;;`)
	f.Add("", "/%2F?a=%zz", `{`, "If-None-Match", `,`)
	f.Add("DELETE", "/w/..", `{}`, "Idempotency-Key", `k`)
	f.Add("HEAD", "*", ``, "Date", ``)
	f.Fuzz(func(t *testing.T, method, target, body, name, value string) {
		u, err := url.Parse("http://api.test")
		require.NoError(t, err)
		if u, err = u.Parse(target); err != nil {
			return
		}
		h := readbacktest.NewHandler(readbacktest.Script{
			Forbidden: time.Hour, Tombstone: readbacktest.DeletedAt, Unique: "name", IdempotencyKeys: true, NegativeCache: time.Hour,
			Token: readbacktest.Vault(), Existing: map[string]string{"/w/1": `{"name":"x"}`},
			Rules: []readbacktest.Rule{{On: "POST", Operation: &readbacktest.Operation{}}},
		})
		for range 2 {
			before := len(h.Executed(""))
			got := send(t, h, method, u, http.Header{name: {value}}, []byte(body))
			require.GreaterOrEqual(t, got.status, 200)
			if len(got.body) > 0 {
				require.True(t, json.Valid([]byte(got.body)), "%s", got.body)
			}
			executed := len(h.Executed("")) - before
			switch method {
			case "POST", "PUT", "PATCH", "DELETE":
				if got.status >= 300 {
					require.Zero(t, executed)
				} else {
					require.LessOrEqual(t, executed, 1)
				}
			default:
				require.Zero(t, executed)
			}
		}
		h.AssertCount(t, "", 2)
	})
}
