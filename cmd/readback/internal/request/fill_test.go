package request_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/request"
)

func answer(t *testing.T, body string) *request.Answer {
	t.Helper()
	u, err := url.Parse("http://h/v1/things")
	require.NoError(t, err)
	return &request.Answer{URL: u, Status: 201, Header: http.Header{"Location": {"things/7"}, "X-Id": {"a/b"}}, Body: []byte(body)}
}

func TestFill(t *testing.T) {
	t.Parallel()
	a := answer(t, `{"id":12345678901234567890,"a/b":"x","n":null,"list":[true,{"c":"d"}],"empty":""}`)
	for template, want := range map[string]string{
		"{id}":            "12345678901234567890",
		"{/list/0}":       "true",
		"{/list/1}":       `{"c":"d"}`,
		"{a/b}!":          "x!",
		"{/a~1b}":         "x",
		"{empty}":         "",
		"{status}":        "201",
		"{location}":      "http://h/v1/things/7",
		"{header:X-Id}":   "a/b",
		"no field":        "no field",
		"{id} {location}": "12345678901234567890 http://h/v1/things/7",
	} {
		got, missing := request.Fill(template, a)
		assert.Empty(t, missing, template)
		assert.Equal(t, want, got, template)
	}
	_, missing := request.Fill("{id} {n} {nope}", a)
	assert.Equal(t, "n", missing)
	got, missing := request.Fill("{nope}{id}", a, answer(t, `{"nope":1,"id":2}`))
	assert.Empty(t, missing)
	assert.Equal(t, "112345678901234567890", got, "the first that has it")
	_, missing = request.Fill("{id}", answer(t, "<html>"))
	assert.Equal(t, "id", missing)
}

func TestFillURL(t *testing.T) {
	t.Parallel()
	a := answer(t, `{"id":"a b/c?d","scheme":"http:x","up":"..","q":"a&b"}`)
	for template, want := range map[string]string{
		"/v1/{id}":       "http://h/v1/a%20b%2Fc%3Fd",
		"{location}":     "http://h/v1/things/7",
		"{location}/sub": "http://h/v1/things/7/sub",
		"/v1?of={q}":     "http://h/v1?of=a%26b",
		"{scheme}":       "http://h/v1/http%3Ax",
	} {
		at, missing, err := request.FillURL(template, a)
		require.NoError(t, err, template)
		assert.Empty(t, missing, template)
		assert.Equal(t, want, at.String(), template)
	}
	for template, want := range map[string]string{"/v1/{nope}": "nope", "/v1/{up}/x": "up"} {
		_, missing, err := request.FillURL(template, a)
		require.NoError(t, err)
		assert.Equal(t, want, missing)
	}
}

func TestScrub(t *testing.T) {
	t.Parallel()
	scrub := request.Scrub([]string{"secret", "secret-longer", `a"quote`, "abc", ""})
	assert.Equal(t, "REDACTED and REDACTED", scrub("secret and secret-longer"))
	assert.Equal(t, `{"x":"REDACTED"}`, scrub(`{"x":"a\"quote"}`))
	assert.Equal(t, "abc", scrub("abc"), "too short to be told from other text")
	assert.Equal(t, "as it is", request.Scrub(nil)("as it is"))
}

func TestWith(t *testing.T) {
	t.Parallel()
	spec := request.Spec{URL: "http://h/{n}", Headers: []string{"X-N: {n}"}}
	filled := spec.With(map[string]string{"n": "7"})
	req, err := filled.Request(nil)
	require.NoError(t, err)
	assert.Equal(t, "http://h/7", req.URL.String())
	assert.Equal(t, "7", req.Header.Get("X-N"))
	assert.Equal(t, "http://h/{n}", spec.URL, "the spec stays as it was")
}
