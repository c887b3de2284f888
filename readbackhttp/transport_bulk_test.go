package readbackhttp_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbackhttp"
)

// One POST may make many things, or answer with nothing but an id. That is taken at its
// word only of a 201: any other list may be of things that were there before.
func TestTransport_bulk(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		post   string // path, and the body of the request
		answer string
		read   string
		want   bool
	}{
		{"a list, the first", "/things", `201 | [{"id":7},{"id":8}]`, "/things/7", true},
		{"a list, another", "/things", `201 | [{"id":7},{"id":8}]`, "/things/8", true},
		{"a list, below", "/things", `201 | [{"id":7},{"id":8}]`, "/things/8/parts", true},
		{"a list, beside", "/things", `201 | [{"id":7},{"id":8}]`, "/things/9", false},
		{"a list of ids", "/things", `201 | ["a",8]`, "/things/8", true},
		{"a list of links", "/make", `201 | [{"self":"/things/7"},{"self":"/things/8"}]`, "/things/8", true},
		{"a list of links by a public name", "/things", `201 | [{"self":"https://public.test/things/8"}]`, "/things/8", true},
		{"a list by its kind", "/things", `201 | {"things":[{"id":7},{"id":8}],"count":2}`, "/things/8", true},
		{"a list in data", "/things", `201 | {"data":[{"type":"things","id":"7"},{"type":"things","id":"8"}]}`, "/things/8", true},
		{"a list in items", "/things", `201 | {"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}`, "/things/b", true},
		{"a list in _embedded", "/things", `201 | {"_embedded":{"x:things":[{"id":7},{"id":8}]},"_links":{"self":{"href":"/things"}}}`, "/things/8", true},
		{"a list of ids by name", "/things", `201 | {"ids":[7,8]}`, "/things/8", true},
		{"a list of another kind", "/things", `201 | {"parts":[{"id":7}]}`, "/things/7", false},
		{"a list beside an id", "/things", `201 | {"id":9,"items":[{"id":7}]}`, "/things/7", false},
		{"embedded in what has an id", "/things", `201 | {"id":9,"_embedded":{"author":{"id":7},"parts":[{"id":7}]}}`, "/things/7", false},
		{"lists of two kinds", "/things", `201 | {"_embedded":{"authors":[{"id":7}],"parts":[{"id":7}]}}`, "/things/7", false},
		{"what an order has", "/orders", `201 | {"reference":"r","items":[{"id":7}],"count":1}`, "/orders/7", false},
		{"what an order embeds", "/orders", `201 | {"reference":"r","_embedded":{"items":[{"id":7}]},"_links":{"self":{"href":"/orders/r"}}}`, "/orders/7", false},
		{"an order that embeds", "/orders", `201 | {"reference":"r","_embedded":{"items":[{"id":7}]},"_links":{"self":{"href":"/orders/r"}}}`, "/orders/r", true},
		{"the link of a list", "/things", `201 | {"_embedded":{"things":[{"id":7}]},"_links":{"self":{"href":"/batches/1"}}}`, "/batches/1", true},
		{"items of a list that is described", "/things", `201 | {"kind":"List","metadata":{},"items":[{"id":7}],"total":1,"@odata.count":1}`, "/things/7", true},
		{"by its kind beside others", "/things", `201 | {"reference":"r","things":[{"id":7}]}`, "/things/7", true},
		{"a list inside of a list", "/things", `201 | [[{"id":7}]]`, "/things/7", false},
		{"of a 200", "/things", `200 | [{"id":7}]`, "/things/7", false},
		{"of a 207", "/things", `207 | [{"id":7,"status":201}]`, "/things/7", false},
		{"of a 202", "/things", `202 | [{"id":7}]`, "/things/7", false},
		{"one that failed", "/things", `201 | [{"id":7,"status":409},{"id":8,"status":201}]`, "/things/7", false},
		{"one beside one that failed", "/things", `201 | [{"id":7,"status":409},{"id":8,"status":201}]`, "/things/8", true},
		{"one with an error", "/things", `201 | [{"id":7,"error":{"code":"dup"}},{"id":8,"error":null}]`, "/things/7", false},
		{"one without", "/things", `201 | [{"id":7,"error":{"code":"dup"}},{"id":8,"error":null,"errors":[]}]`, "/things/8", true},
		{"broken off", "/things", `201 | [{"id":7},{"id":8,"text":"`, "/things/7", true},
		{"empty", "/things", `201 | []`, "/things/7", false},
		{"of the request", `/things [{"name":"a"},{"name":"b"}]`, `201`, "/things/b", true},
		{"of the request, beside the answer's", `/things [{"name":"a"}]`, `201 | [{"id":7}]`, "/things/a", false},
		{"of the request, of a 200", `/things [{"name":"a"}]`, `200`, "/things/a", false},
		{"ids of the request", `/things ["a"]`, `201`, "/things/a", false},

		{"a bare text", "/things", `201 | "abc"`, "/things/abc", true},
		{"a bare number", "/things", `201 | 42`, "/things/42", true},
		{"a bare number and a line's end", "/things", "201 | 42\n", "/things/42", true},
		{"a bare text, below", "/things", `201 | "abc"`, "/things/abc/parts", true},
		{"a bare text of a 200", "/things", `200 | "abc"`, "/things/abc", false},
		{"a bare number of a 200", "/things", `200 | 42`, "/things/42", false},
		{"a bare text of a 202", "/things", `202 | "abc"`, "/things/abc", false},
		{"a bare text that is a link", "/make", `201 | "/things/7"`, "/things/7", false},
		{"words", "/things", `201 | Created`, "/things/Created", false},
		{"a sentence", "/things", `201 | "it was created"`, "/things/it%20was%20created", false},
		{"true", "/things", `201 | true`, "/things/true", false},
		{"a negative number", "/things", `201 | -1`, "/things/-1", false},
		{"an empty text", "/things", `201 | ""`, "/things/", false},
	}
	for _, tt := range tests {
		for _, chunked := range []bool{false, true} {
			bubble(t, fmt.Sprint(tt.name, ", chunked ", chunked), func(t *testing.T) {
				handler := answersThenLags(tt.answer)
				s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					handler.ServeHTTP(w, r)
					if chunked && r.Method == "POST" {
						w.(http.Flusher).Flush()
					}
				}))
				client := s.over(slowly)
				path, body, _ := strings.Cut(tt.post, " ")
				_, err := do(client, send("POST", api+path, body))
				require.NoError(t, err)
				assert.Equal(t, tt.want, held(t, client, api+tt.read))
			})
		}
	}
}

// Many things are bounded, also in what is told of them; and nothing that was made before is forgotten.
func TestTransport_bulkIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var list []string
		for i := range 3000 {
			list = append(list, fmt.Sprintf(`{"id":%d}`, i))
		}
		options, heard := listening()
		var told []readbackhttp.Coverage
		options.Wrote = func(c readbackhttp.Coverage) { told = append(told, c) }
		client := serve(t, answersThenLags(`201 | [`+strings.Join(list, ",")+`]`)).over(options)
		_, err := ask(t.Context(), client, "POST", api+"/things")
		require.NoError(t, err)
		require.Len(t, told, 1)
		assert.Len(t, told[0].Covers, 100)
		assert.Contains(t, heard(), "and 92 more")
		assert.NotContains(t, heard(), "/things/50")
		assert.True(t, held(t, client, api+"/things/0"))
		assert.True(t, held(t, client, api+"/things/99"))
		assert.False(t, held(t, client, api+"/things/100"))
	})
}

// Each thing of many is awaited in the list that a route names, and covered as it says.
func TestTransport_bulkRoutes(t *testing.T) {
	t.Parallel()
	options := slowly
	options.Routes = []readbackhttp.Route{{Write: "POST /v1/things", Covers: []string{"/v2/things/{id}"}, Lists: []string{"/v1/things"}}}
	bubble(t, "covers", func(t *testing.T) {
		client := serve(t, answersThenLags(`201 | [{"id":7},{"id":8}]`)).over(options)
		_, err := ask(t.Context(), client, "POST", api+"/v1/things")
		require.NoError(t, err)
		assert.True(t, held(t, client, api+"/v2/things/7"))
		assert.True(t, held(t, client, api+"/v2/things/8"))
	})
	bubble(t, "lists", func(t *testing.T) {
		client := serve(t, script{
			"POST /v1/things": {`201 | [{"id":7},{"id":8}]`}, "GET /v1/things": {"200 | []", "200 | [7]", "200 | [7,8]"},
		}.handler()).over(options)
		_, err := ask(t.Context(), client, "POST", api+"/v1/things")
		require.NoError(t, err)
		answered(t, "200 [7,8]", client, "GET", api+"/v1/things")
	})
}

// A list may have the name of the links of others.
func TestTransport_listOfLinks(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		options := slowly
		options.Routes = []readbackhttp.Route{{Write: "POST /links", Lists: []string{"/links"}}}
		client := serve(t, script{
			"POST /links": {`201 | {"id":7}`}, "GET /links": {`200 | {"links":[]}`, `200 | {"links":[{"id":7}]}`},
		}.handler()).over(options)
		answered(t, `201 {"id":7}`, client, "POST", api+"/links")
		answered(t, `200 {"links":[{"id":7}]}`, client, "GET", api+"/links")
	})
}

// A list of HAL is a list, also while nothing is embedded in it.
func TestTransport_listsOfHAL(t *testing.T) {
	t.Parallel()
	options := slowly
	options.Routes = []readbackhttp.Route{{Write: "POST /things", Lists: []string{"/things"}}}
	const there = `{"_embedded":{"things":[{"id":7}]},"_links":{}}`
	for _, first := range []string{
		`{"_embedded":{"things":[{"id":6}]},"_links":{}}`, `{"_embedded":{"things":[]},"_links":{}}`,
		`{"_links":{"self":{"href":"/things"}},"page":{"totalElements":0}}`, `{"_embedded":{},"_links":{}}`,
	} {
		bubble(t, first, func(t *testing.T) {
			client := serve(t, script{"POST /things": {`201 | {"id":7}`}, "GET /things": {"200 | " + first, "200 | " + there}}.handler()).over(options)
			answered(t, `201 {"id":7}`, client, "POST", api+"/things")
			answered(t, "200 "+there, client, "GET", api+"/things")
		})
	}
}
