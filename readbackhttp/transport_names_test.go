package readbackhttp_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbackhttp"
)

// What a POST made is known from what its answer or its request says of it. A read
// is held if the second answer to it is handed on.
func TestTransport_named(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		post   string // path, and the body of the request
		answer string
		read   string
		want   bool
	}{
		{"an id", "/things", `201 | {"id":7}`, "/things/7", true},
		{"an id with a query", "/things", `201 | {"id":7}`, "/things/7?view=full", true},
		{"below it", "/things", `201 | {"id":7}`, "/things/7/parts", true},
		{"beside it", "/things", `201 | {"id":7}`, "/things/8", false},
		{"the list", "/things", `201 | {"id":7}`, "/things", false},
		{"a slash at the end", "/things/", `201 | {"id":7}`, "/things/7", true},
		{"a query of the write", "/things?dry=0", `201 | {"id":7}`, "/things/7", true},
		{"a 200", "/things", `200 | {"id":"7"}`, "/things/7", true},
		{"a text", "/v1/customers", `200 | {"object":"customer","id":"cus_7"}`, "/v1/customers/cus_7", true},
		{"a droplet", "/v2/droplets", `202 | {"droplet":{"id":7,"name":"web"},"links":{"actions":[{"id":1,"rel":"create"}]}}`, "/v2/droplets/7", true},
		{"an object that is not alone", "/things", `200 | {"thing":{"id":7},"other":{"id":8}}`, "/things/7", false},
		{"data", "/things", `201 | {"data":{"type":"things","id":"7"},"included":[]}`, "/things/7", true},
		{"metadata", "/api/v1/namespaces/a/pods", `201 | {"kind":"Pod","metadata":{"name":"web-1","uid":"u"}}`, "/api/v1/namespaces/a/pods/web-1", true},
		{"deeper", "/things", `200 | {"data":{"thing":{"id":7}}}`, "/things/7", false},
		{"a list", "/things", `200 | [{"id":7}]`, "/things/7", false},
		{"an underscore", "/index/_doc", `201 | {"_index":"index","_id":"7","_version":1}`, "/index/_doc/7", true},
		{"with its kind", "/indexes", `202 | {"taskUid":1,"indexUid":"movies"}`, "/indexes/movies", true},
		{"with its kind, of many", "/policies", `200 | {"policy_id":"7"}`, "/policies/7", true},
		{"with another kind", "/orders", `200 | {"customer_id":"7"}`, "/orders/7", false},
		{"another name", "/things", `200 | {"total":7}`, "/things/7", false},
		{"a fraction", "/things", `200 | {"id":7.5}`, "/things/7.5", false},
		{"null", "/things", `200 | {"id":null}`, "/things/null", false},
		{"dots", "/things", `200 | {"id":".."}`, "/", false},
		{"escaped", "/things", `200 | {"id":"a/b c"}`, "/things/a%2Fb%20c", true},
		{"escaped in JSON", "/things", `200 | {"id":"\u0061"}`, "/things/a", true},
		{"the whole path", "/v1/projects/p/topics", `200 | {"name":"projects/p/topics/t"}`, "/v1/projects/p/topics/t", true},
		{"of the request", "/things {\"name\":\"a\"}", `200`, "/things/a", true},
		{"of the request, not JSON", "/things name=a", `200`, "/things/a", false},
		{"of the request, beside an answer's", "/things {\"name\":\"a\"}", `200 | {"id":7}`, "/things/a", false},
		{"of the request, beside an operation's", "/indexes {\"uid\":\"movies\"}", `202 | {"id":"op-1","status":"enqueued"}`, "/indexes/movies", true},
		{"of the request, beside an operation's Location", "/indexes {\"uid\":\"movies\"}", `202 | Location: /ops/1`, "/indexes/movies", true},
		{"broken off", "/things", `200 | {"id":7,"text":"`, "/things/7", true},
		{"not JSON", "/things", `200 | <id>7</id>`, "/things/7", false},
		{"said to be HTML", "/things", `200 | Content-Type: text/html | {"id":7}`, "/things/7", false},
		{"refused", "/things", `422 | {"id":7}`, "/things/7", false},
		{"ambiguous", "/things", `503 | {"id":7}`, "/things/7", false},
		{"a link", "/make", `201 | {"url":"http://api.test/things/7"}`, "/things/7", true},
		{"a link, below", "/make", `201 | {"self":"/things/7"}`, "/things/7/parts", true},
		{"a link in _links", "/make", `201 | {"_links":{"self":{"href":"/things/7"},"next":{"href":"/things/8"}}}`, "/things/7", true},
		{"another link in _links", "/make", `201 | {"_links":{"self":{"href":"/things/7"},"next":{"href":"/things/8"}}}`, "/things/8", false},
		{"a link in a list", "/servers", `202 | {"server":{"id":"s","links":[{"rel":"bookmark","href":"/x"},{"href":"/v2/servers/s","rel":"self"}]}}`, "/v2/servers/s", true},
		{"a link elsewhere", "/make", `201 | {"url":"http://other.test/things/7"}`, "http://other.test/things/7", false},
		{"a link to the root", "/make", `201 | {"url":"/"}`, "/things/7", false},
		{"a link to what it was sent to", "/things", `201 | {"href":"/things"}`, "/things/7", false},
		{"a Location to the root", "/things", `201 | Location: /`, "/things/7", false},
		{"an update: what it changed", "/customers/cus_7", `200 | {"id":"cus_7"}`, "/customers/cus_7", true},
		{"an update: below", "/customers/cus_7", `200 | {"id":"cus_7"}`, "/customers/cus_7/cards", false},
		{"an update: an id below itself", "/customers/cus_7", `200 | {"id":"cus_7"}`, "/customers/cus_7/cus_7", false},
		{"a redirect to the root", "/things", `303 | Location: /`, "/things/7", false},
		{"a redirect to the root itself", "/things", `303 | Location: /`, "/", false},
		{"a redirect to what it did not make", "/things", `303 | Location: /dashboard`, "/dashboard", false},
		{"a redirect to the list", "/things", `303 | Location: /things`, "/things", false},
		{"a redirect to what it made", "/things", `303 | Location: /things/7`, "/things/7", true},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := serve(t, answersThenLags(tt.answer))
			client := s.over(slowly)
			path, body, _ := strings.Cut(tt.post, " ")
			_, err := do(client, send("POST", api+path, body))
			require.NoError(t, err)
			at := tt.read
			if at[0] == '/' {
				at = api + at
			}
			assert.Equal(t, tt.want, held(t, client, at))
		})
	}
}

// answersThenLags answers each write alike, and the first read of each URL with
// 404.
func answersThenLags(text string) http.Handler {
	seen := map[string]bool{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := r.Host + r.URL.String()
		switch {
		case r.Method != "GET":
			answer(w, text)
		case !seen[at]:
			seen[at] = true
			w.WriteHeader(404)
		}
	})
}

// What never left the process is not remembered.
func TestTransport_neverLeft(t *testing.T) {
	t.Parallel()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	tests := map[string]*http.Request{
		"its context is over":        send("PUT", api+"/a", "body").WithContext(over),
		"a header that cannot be":    send("PUT", api+"/a", "body"),
		"a value that cannot be":     send("PUT", api+"/a", "body"),
		"a length that is not so":    send("PUT", api+"/a", "body"),
		"a method that is no method": send("PUT", api+"/a", "body"),
	}
	tests["a header that cannot be"].Header["bad name"] = []string{"x"}
	tests["a value that cannot be"].Header.Set("X-A", "a\nb")
	tests["a method that is no method"].Method = "PU T"
	delete(tests, "a length that is not so")
	for name, write := range tests {
		for _, wrapped := range []bool{false, true} {
			if wrapped && name != "its context is over" {
				continue // what is in between may have sent something else
			}
			bubble(t, fmt.Sprint(name, wrapped), func(t *testing.T) {
				s := serve(t, script{"GET /a": {"404 | none", "200"}}.handler())
				base := s.Client.Transport
				if wrapped {
					base = transport(s.Client.Transport.RoundTrip)
				}
				rt := readbackhttp.NewTransport(base, slowly)
				_, err := rt.RoundTrip(write)
				require.Error(t, err)
				answered(t, "404 none", &http.Client{Transport: rt}, "GET", api+"/a")
			})
		}
	}
}

// Only what was created is covered, if that is asked for.
func TestTransport_onlyCreated(t *testing.T) {
	t.Parallel()
	for write, want := range map[string]bool{
		"PUT 201": true, "PUT 200": false, "PATCH 200": false, "PUT 503": false, `POST 200 | {"id":"a"}`: true, "POST 201 | Location: /a": true,
	} {
		bubble(t, write, func(t *testing.T) {
			options := slowly
			options.OnlyCreated = true
			method, text, _ := strings.Cut(write, " ")
			s := serve(t, answersThenLags(text))
			client := s.over(options)
			path := "/a"
			if method == "POST" {
				path = "/"
			}
			_, err := ask(t.Context(), client, method, api+path)
			require.NoError(t, err)
			assert.Equal(t, want, held(t, client, api+"/a"))
		})
	}
}
