package readbackhttp_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

func TestTransport_routes(t *testing.T) {
	t.Parallel()
	options := slowly
	options.Routes = []readbackhttp.Route{
		{Write: "POST /v1/projects/{project}/keys", Covers: []string{"/v1/keys/{project}/{id}", "/v1/tokens/{/token/value}"}},
		{Write: "POST /v1/customers", Covers: []string{"/v2/customers/{id}"}},
		{Write: "POST /v1/a%20b", Covers: []string{"/v2/ab/{id}"}},
		{Write: "POST /v1/c d", Covers: []string{"/v2/cd/{id}"}},
		{Write: "POST /v1/100%", Covers: []string{"/v2/all/{id}"}},
	}
	tests := []struct {
		post, answer, read string
		want               bool
	}{
		{"/v1/projects/p1/keys", `201 | {"key":{"id":7}}`, "/v1/keys/p1/7", true},
		{"/v1/projects/p1/keys", `201 | {"id":7,"token":{"value":"t"}}`, "/v1/tokens/t", true},
		{"/v1/projects/p1/keys", `201 | {"id":7}`, "/v1/projects/p1/keys/7", false},
		{"/v1/projects/p1/keys/9", `201 | {"id":7}`, "/v1/keys/p1/7", false},
		{"/v1/customers", `201 | {"id":"c"}`, "/v2/customers/c", true},
		{"/v1/customers", `201 | {}`, "/v2/customers/", false},
		{"/v1/others", `201 | {"id":"c"}`, "/v1/others/c", true},

		// The route says that things are made, whatever the status: a list names each.
		{"/v1/customers", `200 | [{"id":"b"},{"id":"c"}]`, "/v2/customers/c", true},
		{"/v1/customers", `207 | {"items":[{"id":"b","status":"409"},{"id":"c","status":"201"}]}`, "/v2/customers/c", true},
		{"/v1/customers", `207 | {"items":[{"id":"b","status":"409"},{"id":"c","status":"201"}]}`, "/v2/customers/b", false},
		{"/v1/customers", `200 | "c"`, "/v2/customers/c", true},
		{`/v1/customers {"name":"c"}`, `202 | [{"id":"job"}]`, "/v2/customers/c", true},
		{`/v1/customers {"name":"c"}`, `202 | {"id":"perhaps a job"}`, "/v2/customers/c", true},
		{`/v1/customers {"name":"c"}`, `202 | {"id":"7"}`, "/v2/customers/7", true},
		{"/v1/others", `200 | [{"id":"c"}]`, "/v1/others/c", false},

		// As the path is sent, or as it is read.
		{"/v1/a%20b", `201 | {"id":"c"}`, "/v2/ab/c", true},
		{"/v1/c%20d", `201 | {"id":"c"}`, "/v2/cd/c", true},
		{"/v1/100%25", `201 | {"id":"c"}`, "/v2/all/c", true},
	}
	for _, tt := range tests {
		bubble(t, tt.post+tt.read, func(t *testing.T) {
			client := serve(t, answersThenLags(tt.answer)).over(options)
			path, body, _ := strings.Cut(tt.post, " ")
			_, err := do(client, send("POST", api+path, body))
			require.NoError(t, err)
			assert.Equal(t, tt.want, held(t, client, api+tt.read))
		})
	}
	for _, bad := range []readbackhttp.Route{
		{}, {Write: "POST"}, {Write: "POST /a"}, {Write: "POST a", Covers: []string{"/a"}},
		{Write: "POST /{a", Covers: []string{"/a"}}, {Write: "POST /a", Covers: []string{"/{"}},
		{Write: "POST /a?b=c", Covers: []string{"/a"}}, {Write: "POST /a#b", Covers: []string{"/a"}},
	} {
		rt := readbackhttp.NewTransport(nil, readbackhttp.TransportOptions{Routes: []readbackhttp.Route{bad}})
		_, err := rt.RoundTrip(send("GET", api, ""))
		require.ErrorIs(t, err, consistency.ErrInvalid)
	}
}

// A list is asked for what was made by that of its names which the list shows: an id
// before a name, which others may have as well. One that shows none of them cannot tell.
func TestTransport_listByItsNames(t *testing.T) {
	t.Parallel()
	options := slowly
	options.Routes = []readbackhttp.Route{{Write: "POST /things", Lists: []string{"/things"}}}
	const both, other = `201 | {"name":"a","id":7}`, `200 | [{"id":6,"name":"a"}]`
	tests := []struct {
		post, sent string
		lists      []string
		want       time.Duration
	}{
		{both, "", []string{`200 | [{"id":7}]`}, 0},
		{both, "", []string{other, `200 | [{"id":6},{"id":7}]`}, time.Second},
		{both, "", []string{`200 | []`, `200 | [{"id":7}]`}, time.Second},
		{both, "", []string{`200 | [{"name":"a"}]`}, 0},
		{both, "", []string{`200 | [{"url":"/things/7"}]`}, 0},
		{`201 | Location: /things/7`, `{"name":"a"}`, []string{`200 | [{"id":7}]`}, 0},
		{`201 | Location: /things/7`, `{"name":"a"}`, []string{other, `200 | [{"id":7}]`}, time.Second},
		{`201`, `{"name":"a"}`, []string{`200 | [{"name":"b"}]`, `200 | [{"name":"b"},{"name":"a"}]`}, time.Second},
		{`201`, `{"name":"a"}`, []string{`200 | [{"id":7}]`}, 0},
	}
	for _, tt := range tests {
		bubble(t, tt.post+tt.sent+tt.lists[0], func(t *testing.T) {
			s := serve(t, script{"POST /things": {tt.post}, "GET /things": tt.lists}.handler())
			client := s.over(options)
			_, err := do(client, send("POST", api+"/things", tt.sent))
			require.NoError(t, err)
			_, err = ask(t.Context(), client, "GET", api+"/things")
			require.NoError(t, err)
			assert.Equal(t, tt.want, time.Since(s.start).Round(10*time.Millisecond))
		})
	}
}

// A document that cannot tell is handed on, and shows nothing.
func TestTransport_listThatCannotTell(t *testing.T) {
	t.Parallel()
	options := slowly
	options.Routes = []readbackhttp.Route{{Write: "POST /things", Lists: []string{"/things"}}}
	for last, want := range map[string]consistency.Outcome{
		`200 | [{"id":7}]`: consistency.Confirmed, `200 | {"total":1}`: consistency.Unconfirmed, `200 | [{"url":"/things/7"}]`: consistency.Unconfirmed,
	} {
		bubble(t, last, func(t *testing.T) {
			client := serve(t, script{"POST /things": {`201 | {"id":7}`}, "GET /things": {"404", last}}.handler()).over(options)
			answered(t, `201 {"id":7}`, client, "POST", api+"/things")
			var report readbackhttp.Report
			_, err := ask(readbackhttp.WithHold(t.Context(), readbackhttp.Hold{Report: &report}), client, "GET", api+"/things")
			require.NoError(t, err)
			assert.Equal(t, 2, report.Reads)
			assert.Equal(t, want, report.Outcome)
		})
	}
}

// The id that a 202 answers may be that of a job, which no list will ever have.
func TestTransport_listOfAccepted(t *testing.T) {
	t.Parallel()
	options := slowly
	options.Routes = []readbackhttp.Route{{Write: "POST /things", Lists: []string{"/things"}}}
	for body, want := range map[string]time.Duration{`{"name":"a"}`: time.Second, `{}`: 0} {
		bubble(t, body, func(t *testing.T) {
			s := serve(t, script{"POST /things": {`202 | {"id":"job"}`}, "GET /things": {`200 | []`, `200 | [{"name":"a"}]`}}.handler())
			client := s.over(options)
			_, err := do(client, send("POST", api+"/things", body))
			require.NoError(t, err)
			_, err = ask(t.Context(), client, "GET", api+"/things")
			require.NoError(t, err)
			assert.Equal(t, want, time.Since(s.start))
		})
	}
}

// A list that a route names is held until what was made is in it, or deleted.
func TestTransport_lists(t *testing.T) {
	t.Parallel()
	options := slowly
	options.Routes = []readbackhttp.Route{{Write: "POST /p/{project}/things", Lists: []string{"/p/{project}/things", "/all"}}}
	tests := []struct {
		name, read string
		answers    []string
		want       string
		at         time.Duration
	}{
		{"a list", "/p/1/things", []string{`200 | []`, `200 | [{"id":6}]`, `200 | [{"id":6},{"id":7}]`}, `200 [{"id":6},{"id":7}]`, 2 * time.Second},
		{"in an object", "/all", []string{`200 | {"data":[],"next":null}`, `200 | {"data":[{"id":7}]}`}, `200 {"data":[{"id":7}]}`, time.Second},
		{"at once", "/all", []string{`200 | [7]`}, `200 [7]`, 0},
		{"not found yet", "/all", []string{`404`, `200 | [{"id":"7"}]`}, `200 [{"id":"7"}]`, time.Second},
		{"of another project", "/p/2/things", []string{`200 | []`, `200 | [7]`}, `200 []`, 0},
		{"with a query", "/all?page=2", []string{`200 | []`, `200 | [7]`}, `200 []`, 0},
		{"no list", "/all", []string{`200 | {"total":0}`, `200 | [7]`}, `200 {"total":0}`, 0},
		{"never", "/all", []string{`200 | []`}, `200 []`, 30 * time.Second},
	}
	for _, tt := range tests {
		for _, deleted := range []bool{false, true} {
			bubble(t, fmt.Sprint(tt.name, ", deleted ", deleted), func(t *testing.T) {
				at, want := tt.at, tt.want
				u, err := url.Parse(tt.read)
				require.NoError(t, err)
				s := serve(t, script{
					"POST /p/1/things": {`201 | {"id":7}`}, "DELETE /p/1/things/7": {"204"}, "GET " + u.Path: tt.answers,
					"GET /p/1/things/7": {"404 | none", "200 | seven"},
				}.handler())
				client := s.over(options)
				answered(t, `201 {"id":7}`, client, "POST", api+"/p/1/things")
				if deleted {
					answered(t, "204", client, "DELETE", api+"/p/1/things/7")
					at, want = 0, strings.Replace(tt.answers[0], " | ", " ", 1)
				}
				answered(t, want, client, "GET", api+tt.read)
				assert.Equal(t, at, time.Since(s.start).Round(10*time.Millisecond))
				if !deleted && at < 30*time.Second { // the usual is covered as well
					answered(t, "200 seven", client, "GET", api+"/p/1/things/7")
				}
			})
		}
	}
}
