package readbackhttp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

const created = `201 | Location: /v1/things/7 | X-Id: h/7 | X-Id: second | ` +
	`{"id":"a b/c","n":276638689419853824,"ok":true,"data":{"items":["i0",{"key":"k"}]},"a/b":"s","m~n":"t","null":null,"empty":"","list":[],"location":"L","urn":"urn:isbn:7","dots":"..."}`

// A template becomes the URL that is read.
func TestTemplate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		template string
		want     string
	}{
		{"/v1/things/{id}", "/v1/things/a%20b%2Fc"},
		{"things/{n}", "/v1/things/276638689419853824"},
		{"{n}", "/v1/276638689419853824"},
		{"{urn}", "/v1/urn%3Aisbn%3A7"},
		{"/x/{urn}", "/x/urn:isbn:7"},
		{"/x/{dots}?of={dots}", "/x/...?of=..."},
		{"/x/{ok}", "/x/true"},
		{"/x/{/data/items/0}/{/data/items/1/key}", "/x/i0/k"},
		{"/x/{/a~1b}/{/m~0n}", "/x/s/t"},
		{"/x/{m~n}/{a/b}", "/x/t/s"},
		{"/x/{header:X-Id}", "/x/h%2F7"},
		{"/x/{header:x-id}", "/x/h%2F7"},
		{"/x?id={id}&h={header:X-Id}", "/x?id=a+b%2Fc&h=h%2F7"},
		{"/x/{id}?id={id}", "/x/a%20b%2Fc?id=a+b%2Fc"},
		{"{location}", "/v1/things/7"},
		{"{location}/details?of={n}", "/v1/things/7/details?of=276638689419853824"},
		{"http://api.test/x/{n}#{id}", "/x/276638689419853824"},
		{"/x/{n}.json", "/x/276638689419853824.json"},
		{"../y/{n}", "/y/276638689419853824"},
		{"/things/all", "/things/all"},
	}
	for _, tt := range tests {
		bubble(t, tt.template, func(t *testing.T) {
			srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					answer(w, created)
					return
				}
				answer(w, `200 | {"v":1}`)
			}))
			ex := readbackhttp.Exchange{
				Client: srv.Client, Write: send("POST", api+"/v1/things?key=1", `{}`), Read: readbackhttp.Template(tt.template),
			}
			readbacktest.Confirm(t, everySecond, ex.Flow())
			assert.Equal(t, []string{"0s POST /v1/things?key=1", "0s GET " + tt.want}, srv.log())
		})
	}
}

// What the answer lacks, or has in a form that fits no URL, ends the flow
// before anything is read. The write stays applied.
func TestTemplate_lackingEndsBeforeReads(t *testing.T) {
	t.Parallel()
	tests := []struct {
		template, answer string
	}{
		{"/x/{other}", created},
		{"/x/{null}", created},
		{"/x/{empty}", created},
		{"/x/{list}", created},
		{"/x/{data}", created},
		{"/x/{/data/items/2}", created},
		{"/x/{/data/items/-1}", created},
		{"/x/{header:X-Other}", created},
		{"/x?id={other}", created},
		{"{location}", `201 | {"location":"/x"}`},
		{"/x/{id}", "201"},
		{"/x/{id}", "201 | <html>"},
		{"/x/{id}", `201 | "id"`},
		{"/x/{id}", `201 | {"id":"7"`},
		{"/x/{id}", `201 | Content-Length: 99 | {"id":"7"}`},
		{"/x/{id}", `201 | {"id":"` + strings.Repeat("x", 1<<20) + `"}`},
		{"/x/{id}", `201 | {"id":"."}`},
		{"/x/{id}", `201 | {"id":".."}`},
		{"/x/{id}/y", `201 | {"id":".."}`},
		{"../x/{id}", `201 | {"id":".."}`},
		{"/x/.{id}", `201 | {"id":"."}`},
		{"/x/{id}.", `201 | {"id":"."}`},
		{"/x/{id}{id}", `201 | {"id":"."}`},
		{"/x/{a}{b}/y?z", `201 | {"a":".","b":"."}`},
	}
	for _, tt := range tests {
		bubble(t, tt.template, func(t *testing.T) {
			srv := serve(t, script{"POST /v1/things": {tt.answer}}.handler())
			ex := readbackhttp.Exchange{
				Client: srv.Client, Write: send("POST", api+"/v1/things", `{}`), Read: readbackhttp.Template(tt.template),
			}
			res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
			assert.Equal(t, consistency.Unconfirmed, res.Outcome)
			var lacking *readbackhttp.TargetError
			require.ErrorAs(t, err, &lacking)
			assert.Regexp(t, "no usable field {|fields would climb out", err.Error())
			assert.Equal(t, []string{"0s POST /v1/things"}, srv.log())
			assert.Zero(t, res.Elapsed)
		})
	}
}

// A value cannot leave its place, whatever it is.
func TestTemplate_valuesStayInTheirPlace(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"../admin", "..%2fadmin", "%2e%2e", "...", "a/../../b", `..\..\b`, "/", "//other.test", "http://other.test/", "javascript:alert(1)",
		"?x=1", "#f", "a&b=c;d", "a?b#c", "@other.test", ":8080", "a\r\nHost: other.test", "\x00", "ü", "\u202e", " ", "+", "%", "{id}",
		strings.Repeat("x", 4000),
	} {
		bubble(t, value[:min(len(value), 40)], func(t *testing.T) {
			body, err := json.Marshal(map[string]string{"id": value})
			require.NoError(t, err)
			paths, queries := []string{}, []string{}
			srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					w.WriteHeader(http.StatusCreated)
					_, _ = w.Write(body)
					return
				}
				assert.Equal(t, "api.test", r.Host)
				paths, queries = append(paths, r.URL.Path), append(queries, r.URL.Query().Get("q"))
				assert.Equal(t, 3, strings.Count(r.URL.EscapedPath(), "/"), r.URL.EscapedPath())
				assert.Len(t, r.URL.Query(), 1)
				answer(w, `200 | {"v":1}`)
			}))
			ex := readbackhttp.Exchange{
				Client: srv.Client, Write: send("POST", api+"/v1/things", `{}`), Read: readbackhttp.Template("/x/{id}/y?q={id}"),
			}
			readbacktest.Confirm(t, everySecond, ex.Flow())
			assert.Equal(t, []string{"/x/" + value + "/y"}, paths)
			assert.Equal(t, []string{value}, queries)
			assert.Equal(t, 1, srv.writes())
		})
	}
}

// A value that is a path keeps its slashes, and stays in its place and at its host.
func TestTemplate_path(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ template, value, want string }{
		{"/v1/{+id}", "projects/p/operations/1", "/v1/projects/p/operations/1"},
		{"/v1/{+/id}:cancel", "operations/1", "/v1/operations/1:cancel"},
		{"{+id}", "/subscriptions/s/things/7", "/subscriptions/s/things/7"},
		{"/v1/{+id}", "/things/7", "/v1/things/7"},
		{"/v1/{+id}", "a b/ü%2f?x#y", "/v1/a%20b/%C3%BC%252f%3Fx%23y"},
		{"/v1?of={+id}", "a/b", "/v1?of=a%2Fb"},
		{"{+id}", "javascript:alert(1)", "/v1/javascript%3Aalert%281%29"},
		{"/v1/{+id}", "../admin", ""},
		{"/v1/{+id}", "a/../../b", ""},
		{"/v1/{+id}", "a/./b", ""},
		{"{+id}", "//other.test/x", ""},
		{"{+id}", "http://other.test/", ""},
		{"/v1/{+id}", "a//b", ""},
		{"/v1/{+id}", "a/", ""},
		{"/v1/{+id}", "/", ""},
	} {
		bubble(t, tt.template+" "+tt.value, func(t *testing.T) {
			body, err := json.Marshal(map[string]string{"id": tt.value})
			require.NoError(t, err)
			read := ""
			srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					w.WriteHeader(http.StatusCreated)
					_, _ = w.Write(body)
					return
				}
				assert.Equal(t, "api.test", r.Host)
				read = r.RequestURI
				answer(w, `200 | {"v":1}`)
			}))
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/v1/things", `{}`), Read: readbackhttp.Template(tt.template)}
			_, err = consistency.Do(t.Context(), everySecond, ex.Flow())
			assert.Equal(t, tt.want, read, tt.value)
			assert.Equal(t, tt.want != "", err == nil, tt.value)
		})
	}
	for _, bad := range []string{"/v1/{+}", "/v1/{+/}", "{+location}"} {
		ex := readbackhttp.Exchange{Write: send("POST", api+"/v1/things", `{}`), Read: readbackhttp.Template(bad)}
		_, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		assert.ErrorIs(t, err, consistency.ErrInvalid, bad)
	}
}

// A value in the place of the host is a matter of AllowOrigin.
func TestTemplate_host(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"POST /v1/things": {`201 | {"region":"eu"}`, `201 | {"region":"other.test/"}`, `201 | {"region":"other.test:80@"}`},
			"GET /x":          {"200"},
		}.handler())
		ex := readbackhttp.Exchange{
			Client: srv.Client, Write: send("POST", api+"/v1/things", `{}`), Read: readbackhttp.Template("http://{region}.api.test/x"),
		}
		for range 3 {
			res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
			assert.Equal(t, consistency.Unconfirmed, res.Outcome)
			var refused *readbackhttp.TargetError
			assert.ErrorAs(t, err, &refused)
		}
		assert.Equal(t, []string{"0s POST /v1/things", "0s POST /v1/things", "0s POST /v1/things"}, srv.log())
	})
}

// Headers and the status of an answer count even if its body broke off.
func TestTemplate_bodyBrokenOff(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"POST /v1/things": {`201 | Location: /y | X-Id: 7 | Content-Length: 99 | {"id":"7"}`},
			"GET /x/7":        {`200 | {"v":1}`},
			"GET /y":          {`200 | {"v":1}`},
		}.handler())
		for _, read := range []readbackhttp.Target{
			readbackhttp.Template("/x/{header:X-Id}"), readbackhttp.Template("{location}"), readbackhttp.Location(), readbackhttp.URL("/x/7"),
		} {
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/v1/things", `{}`), Read: read}
			readbacktest.Confirm(t, everySecond, ex.Flow())
		}
		assert.Equal(t, 4, srv.writes())
		assert.Len(t, srv.reads(), 4)
	})
}

// A handle holds what the answer told, and another process reads the right URL
// with it.
func TestRef_handle(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		read    readbackhttp.Target
		monitor *readbackhttp.Monitor
		answer  string
		written string // in the handle
		resumed []string
	}{
		{
			"location", readbackhttp.Location(), nil, "201 | Location: things/7#top",
			`{"location":"http://api.test/v1/things/7","wrote":"http://api.test/v1/things","queried":true}`, []string{"4s GET /v1/things/7"},
		},
		{
			"fields", readbackhttp.Template("/x/{id}/{header:X-Id}?n={n}"), nil, `201 | X-Id: h | {"id":"7","n":8,"secret":"hunter2"}`,
			`{"fields":{"header:X-Id":"h","id":"7","n":"8"},"wrote":"http://api.test/v1/things","queried":true}`, []string{"4s GET /x/7/h?n=8"},
		},
		{
			"location in a template", readbackhttp.Template("{location}/x"), nil, `201 | Location: /y | {"id":"7"}`,
			`{"location":"http://api.test/y","wrote":"http://api.test/v1/things","queried":true}`, []string{"4s GET /y/x"},
		},
		{
			"monitor", readbackhttp.Location(), &readbackhttp.Monitor{}, "202 | Operation-Location: ops/1 | Location: /v1/things/7",
			`{"location":"http://api.test/v1/things/7","monitor":"http://api.test/v1/ops/1","wrote":"http://api.test/v1/things","queried":true}`, []string{"4s GET /v1/ops/1", "4s GET /v1/things/7"},
		},
		{"nothing", readbackhttp.URL("/y?key=hunter2"), nil, "201 | {}", `{"wrote":"http://api.test/v1/things","queried":true}`, []string{"4s GET /y?key=hunter2"}},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPost:
					answer(w, tt.answer)
				case r.URL.Path == "/v1/ops/1":
					answer(w, `200 | {"status":"`+map[bool]string{false: "running", true: "done"}[time.Since(bubbleStart) >= 4*time.Second]+`"}`)
				case time.Since(bubbleStart) < 4*time.Second:
					answer(w, "404")
				default:
					answer(w, `200 | {"v":1}`)
				}
			}))
			exchange := func() readbackhttp.Exchange {
				return readbackhttp.Exchange{
					Client: srv.Client, Write: withSecrets("http://me:hunter2@api.test/v1/things?key=hunter2"),
					Read: tt.read, Monitor: tt.monitor, Name: "create thing",
				}
			}
			policy := everySecond
			policy.Within = 4 * time.Second
			flow := exchange().Flow()
			var started []byte
			flow.Started = func(_ context.Context, h consistency.Pending) error {
				handle, err := json.Marshal(h)
				started = handle
				return err
			}
			res, err := consistency.Do(t.Context(), policy, flow)
			require.ErrorIs(t, err, consistency.ErrUnconfirmed)
			handle, err := json.Marshal(res.Pending)
			require.NoError(t, err)
			assert.JSONEq(t, string(started), string(handle))
			var kept struct{ Written json.RawMessage }
			require.NoError(t, json.Unmarshal(handle, &kept))
			assert.JSONEq(t, tt.written, string(kept.Written))
			assert.NotContains(t, string(handle), "hunter2")
			before := len(srv.log())

			var pending consistency.Pending
			require.NoError(t, json.Unmarshal(handle, &pending))
			res, err = consistency.Resume(t.Context(), everySecond, exchange().Flow(), pending)
			assert.NoError(t, err)
			assert.Equal(t, consistency.Confirmed, res.Outcome)
			assert.Equal(t, tt.resumed, srv.log()[before:])
			assert.Equal(t, "Bearer hunter2", srv.requests()[before].Header.Get("Authorization"))
			assert.Equal(t, 1, srv.writes())
		})
	}
}

// A handle that was tampered with leads to no other origin.
func TestRef_tamperedLeadsToNoOtherOrigin(t *testing.T) {
	t.Parallel()
	for _, written := range []string{
		`{"location":"http://other.test/things/7"}`, `{"location":"http://me:pw@api.test/things/7"}`, `{"location":":"}`,
		`{}`, `{"fields":{"id":"7"}}`, `{"location":7}`, `[]`,
	} {
		bubble(t, written, func(t *testing.T) {
			srv := serve(t, script{}.handler())
			ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`), Name: "create thing"}
			var pending consistency.Pending
			require.NoError(t, json.Unmarshal(
				[]byte(`{"readback":1,"name":"create thing","goal":"present","class":"applied","written":`+written+`}`), &pending))
			res, err := consistency.Resume(t.Context(), everySecond, ex.Flow(), pending)
			assert.Equal(t, consistency.Unconfirmed, res.Outcome)
			assert.Error(t, err)
			assert.Empty(t, srv.log())
		})
	}
}

// bubbleStart is when every bubble begins.
var bubbleStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
