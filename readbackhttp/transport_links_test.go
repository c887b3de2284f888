package readbackhttp_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the headers of a POST's answer say of what it made, and its links. A service
// behind a balancer may know itself by another origin than it was asked by: a link there
// to what lies right below the write's URL names what was made here.
func TestTransport_links(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		post, answer string
		read         string
		want         bool
	}{
		{"Content-Location", "/things", "201 | Content-Location: /things/7", "/things/7", true},
		{"Content-Location, read whole", "/things", "201 | Content-Location: /things/7 | <thing/>", "/things/7", true},
		{"Content-Location, below", "/things", "201 | Content-Location: /things/7", "/things/7/parts", true},
		{"Content-Location of a report", "/orders", "200 | Content-Location: /receipts/7", "/receipts/7", true},
		{"Content-Location beside a Location", "/things", "201 | Location: /things/7 | Content-Location: /things/7.json", "/things/7.json", true},
		{"Content-Location beside an id", "/things", `201 | Content-Location: /things/7.json | {"id":7}`, "/things/7", true},
		{"Content-Location of what it was sent to", "/things/7/restore", "200 | Content-Location: /things/7", "/things/7", true},
		{"Content-Location of the list", "/things", "200 | Content-Location: /things", "/things/7", false},
		{"Content-Location at the root", "/things", "201 | Content-Location: /", "/", false},
		{"Content-Location elsewhere", "/things", "201 | Content-Location: http://other.test/x/7", "/x/7", false},
		{"Content-Location of a refusal", "/things", "422 | Content-Location: /things/7", "/things/7", false},
		{"Content-Location of a redirect", "/things", "303 | Content-Location: /things/7", "/things/7", false},
		{"Content-Location of a lost one", "/things", "503 | Content-Location: /things/7", "/things/7", false},

		{"a public Location", "/things", "201 | Location: https://public.test/things/7", "/things/7", true},
		{"a public Location, below", "/things", "201 | Location: https://public.test/things/7", "/things/7/parts", true},
		{"a public Location, of the other scheme", "/things", "201 | Location: https://api.test/things/7", "/things/7", true},
		{"a public Location, at another port", "/things", "201 | Location: http://api.test:8080/things/7", "/things/7", true},
		{"a public Location, any query", "/things", "201 | Location: https://public.test/things/7", "/things/7?x=1", true},
		{"a public Location with a slash at the end", "/things/", "201 | Location: https://public.test/things/7/", "/things/7", true},
		{"a public Location in words of its own", "/things", "201 | Location: https://public.test/things/a%2Fb%20c", "/things/a%2Fb%20c", true},
		{"a public Content-Location", "/things", "201 | Content-Location: https://public.test/things/7", "/things/7", true},
		{"a public link", "/things", `201 | {"self":"https://public.test/things/7"}`, "/things/7", true},
		{"a public link in _links", "/things", `201 | {"_links":{"self":{"href":"https://public.test/things/7"}}}`, "/things/7", true},
		{"a public link in a list", "/things", `201 | {"links":[{"rel":"self","href":"https://public.test/things/7"}]}`, "/things/7", true},
		{"it is not read there", "/things", "201 | Location: http://public.test/things/7", "http://public.test/things/7", false},
		{"a Location elsewhere", "/things", "201 | Location: https://other.test/x/7", "/x/7", false},
		{"a Location elsewhere, deeper", "/things", "201 | Location: https://other.test/things/7/parts", "/things/7", false},
		{"a Location elsewhere, of the list", "/things", "201 | Location: https://other.test/things", "/things", false},
		{"a Location elsewhere, with a query", "/things", "201 | Location: https://other.test/things/7?x=1", "/things/7", false},
		{"a Location elsewhere, of a POST to the root", "/", "201 | Location: https://other.test/7", "/7", false},
		{"with userinfo", "/things", "201 | Location: https://me@public.test/things/7", "/things/7", false},
		{"of no web", "/things", "201 | Location: ftp://public.test/things/7", "/things/7", false},
		{"a redirect elsewhere", "/things", "303 | Location: https://public.test/things/7", "/things/7", false},
		{"of an operation", "/things", "202 | Location: https://public.test/operations/7", "/operations/7", false},
		{"a url that may be the user's", "/hooks", `201 | {"url":"https://client.test/hooks/7"}`, "/hooks/7", false},
		{"an href that may be the user's", "/marks", `201 | {"href":"https://client.test/marks/7"}`, "/marks/7", false},
		{"beside an id", "/things", `201 | {"id":8,"self":"https://public.test/things/7"}`, "/things/8", true},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := serve(t, answersThenLags(tt.answer))
			client := s.over(slowly)
			_, err := ask(t.Context(), client, "POST", api+tt.post)
			require.NoError(t, err)
			at := tt.read
			if at[0] == '/' {
				at = api + at
			}
			assert.Equal(t, tt.want, held(t, client, at))
		})
	}
}

// A Location with a query of its own covers what asks for the same, in whatever order,
// and for more.
func TestTransport_linksWithQuery(t *testing.T) {
	t.Parallel()
	tests := []struct {
		location, read string
		want           bool
	}{
		{"/thing?id=7", "/thing?id=7", true},
		{"/thing?id=7", "/thing?id=7&view=full", true},
		{"/thing?id=7", "/thing?view=full&id=7", true},
		{"/thing?id=7", "/thing?id=8&view=full", false},
		{"/thing?id=7", "/thing", false},
		{"/thing?id=7", "/thing?view=full", false},
		{"/thing?id=7", "/thing?id=7&view=full&part=1", true},
		{"/thing?id=a%2Fb", "/thing?id=a/b", true},
		{"/thing?id=a%20b", "/thing?id=a+b", true},
		{"/thing?id=7&v=1", "/thing?v=1&id=7", true},
		{"/thing?id=7&v=1", "/thing?id=7", false},
		{"/things/7?api-version=1", "/things/7?api-version=1&$expand=all", true},
		{"/thing?id=7", "/thing/parts?id=7", true}, // below, with the same query
		{"/thing?id=7&id=7", "/thing?id=7", false},
	}
	for _, tt := range tests {
		bubble(t, tt.location+" "+tt.read, func(t *testing.T) {
			s := serve(t, answersThenLags("201 | Location: "+tt.location))
			client := s.over(slowly)
			answered(t, "201", client, "POST", api+"/make")
			assert.Equal(t, tt.want, held(t, client, api+tt.read))
		})
	}
	bubble(t, "an update covers its own alone", func(t *testing.T) {
		s := serve(t, answersThenLags("204"))
		client := s.over(slowly)
		answered(t, "204", client, "PUT", api+"/a?b=1&c=2")
		answered(t, "204", client, "PUT", api+"/d?b=1")
		assert.True(t, held(t, client, api+"/a?c=2&b=1"), "in another order")
		assert.False(t, held(t, client, api+"/d?b=1&c=2"))
	})
}
