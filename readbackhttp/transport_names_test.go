package readbackhttp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
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
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
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

// A body is read along as the client reads it: what it got is what the server
// sent, at the same time, and nothing is known that it has not read.
func TestTransport_readAlong(t *testing.T) {
	t.Parallel()
	const doc = `{"id":7,"text":"some"}`
	post := func(t *testing.T, s *server, client *http.Client, headers ...string) *http.Response {
		req := send("POST", s.URL+"/things", "")
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			req.Header.Set(name, value)
		}
		resp, err := client.Do(req)
		require.NoError(t, err)
		return resp
	}
	t.Run("decoded, and closed after the read", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			first := true
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == "POST" {
					_, _ = io.WriteString(w, doc)
					w.(http.Flusher).Flush() // of no known length
					_, _ = io.WriteString(w, "\n")
					return
				}
				if first {
					w.WriteHeader(404)
				}
				first = false
			}))
			client := s.over(slowly)
			resp := post(t, s, client)
			defer resp.Body.Close()
			var got struct{ ID int }
			require.NoError(t, json.NewDecoder(resp.Body).Decode(&got))
			assert.True(t, held(t, client, api+"/things/7"))
		})
	})
	t.Run("closed unread", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := serve(t, answersThenLags("201 | "+doc))
			var told []readbackhttp.Coverage
			options := slowly
			options.Wrote = func(c readbackhttp.Coverage) { told = append(told, c) }
			client := s.over(options)
			_ = post(t, s, client).Body.Close()
			assert.False(t, held(t, client, api+"/things/7"))
			require.Len(t, told, 1)
			assert.Equal(t, "its answer was not read", told[0].Why)
		})
	})
	t.Run("slow pieces are not held back", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, piece := range []string{`{"id":`, `7}`} {
					_, _ = io.WriteString(w, piece)
					w.(http.Flusher).Flush()
					time.Sleep(time.Second)
				}
			}))
			resp := post(t, s, s.over(slowly))
			defer resp.Body.Close()
			start := time.Now()
			buf := make([]byte, 100)
			n, err := resp.Body.Read(buf)
			require.NoError(t, err)
			assert.Equal(t, `{"id":`, string(buf[:n]))
			assert.Zero(t, time.Since(start))
			rest, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, `7}`, string(rest))
		})
	})
	for _, size := range []int{1 << 10, 64 << 10, 1 << 20} {
		t.Run(fmt.Sprint("gzip, ", size), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				var zipped bytes.Buffer
				z := gzip.NewWriter(&zipped)
				_, _ = fmt.Fprintf(z, `{"id":7,"text":"%s"}`, strings.Repeat("x", size))
				_ = z.Close()
				first := true
				s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch {
					case r.Method == "POST":
						w.Header().Set("Content-Encoding", "gzip")
						w.Header().Set("Content-Type", "application/json")
						_, _ = w.Write(zipped.Bytes())
					case first:
						first = false
						w.WriteHeader(404)
					}
				}))
				client := s.over(slowly)
				resp := post(t, s, client, "Accept-Encoding: gzip")
				got, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				_ = resp.Body.Close()
				assert.Equal(t, zipped.Bytes(), got)
				assert.True(t, held(t, client, api+"/things/7"))
			})
		})
	}
	t.Run("a megabyte", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			long := `{"id":7,"text":"` + strings.Repeat("x", 1<<20) + `"}`
			s := serve(t, answersThenLags("201 | "+long))
			client := s.over(slowly)
			resp := post(t, s, client)
			got, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			_ = resp.Body.Close()
			assert.True(t, long == string(got))
			assert.True(t, held(t, client, api+"/things/7"))
		})
	})
	t.Run("a request that cannot be had again", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := serve(t, answersThenLags("201"))
			client := s.over(slowly)
			req := send("POST", api+"/things", "")
			req.Body = io.NopCloser(strings.NewReader(`{"name":"a"}`))
			req.Header.Set("Content-Type", "application/json")
			_, err := do(client, req)
			require.NoError(t, err)
			assert.Equal(t, `{"name":"a"}`, s.requests()[0].Body)
			assert.True(t, held(t, client, api+"/things/a"))
		})
	})
}

// What lies below a creation is held for a while, and only until a read of the
// same caller has shown something at or below it.
func TestTransport_below(t *testing.T) {
	t.Parallel()
	t.Run("for 3 s", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := serve(t, script{"PUT /a": {"201"}, "GET /a/b": {"404 | none"}}.handler())
			client := s.over(slowly)
			answered(t, "201", client, "PUT", api+"/a")
			answered(t, "404 none", client, "GET", api+"/a/b")
			assert.Equal(t, 3*time.Second, time.Since(s.start).Round(10*time.Millisecond))
			answered(t, "404 none", client, "GET", api+"/a/b")
			assert.Equal(t, 3*time.Second, time.Since(s.start).Round(10*time.Millisecond))
		})
	})
	t.Run("as long as the option says", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			options := slowly
			options.Below = 10 * time.Second
			s := serve(t, script{"PUT /a": {"201"}, "GET /a/b": {"404 | none"}}.handler())
			client := s.over(options)
			answered(t, "201", client, "PUT", api+"/a")
			answered(t, "404 none", client, "GET", api+"/a/b")
			assert.Equal(t, 10*time.Second, time.Since(s.start).Round(10*time.Millisecond))
		})
	})
	t.Run("not at all", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			options := slowly
			options.Below = -1
			s := serve(t, script{"PUT /a": {"201"}, "GET /a/b": {"404 | none"}, "GET /a": {"404", "200"}}.handler())
			client := s.over(options)
			answered(t, "201", client, "PUT", api+"/a")
			answered(t, "404 none", client, "GET", api+"/a/b")
			assert.Zero(t, time.Since(s.start))
			answered(t, "200", client, "GET", api+"/a")
		})
	})
	for _, shows := range []string{"/a", "/a?x=1", "/a/other/deep"} {
		t.Run("until something is shown at "+shows, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := serve(t, script{
					"PUT /a": {"201"}, "GET /a/b": {"404 | none"}, "GET /a/other/deep": {"200"},
					"GET /a": {"200", "404", "200 | again"},
				}.handler())
				client := s.over(slowly)
				answered(t, "201", client, "PUT", api+"/a")
				answered(t, "200", client, "GET", api+shows)
				answered(t, "404 none", client, "GET", api+"/a/b")
				assert.Zero(t, time.Since(s.start))
				if shows != "/a/other/deep" {
					answered(t, "200 again", client, "GET", api+"/a") // it flips: the URL itself is held
				}
			})
		})
	}
	t.Run("another's read shows nothing", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := serve(t, script{"PUT /a": {"201"}, "GET /a": {"200"}, "GET /a/b": {"404", "200"}}.handler())
			client := s.over(slowly)
			answered(t, "201", client, "PUT", api+"/a")
			answered(t, "200", client, "GET", api+"/a", "Authorization: other")
			answered(t, "200", client, "GET", api+"/a/b")
		})
	})
	t.Run("a read that began before the write shows nothing", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == "PUT":
					w.WriteHeader(201)
				case r.URL.Path == "/a":
					time.Sleep(time.Second)
				default:
					w.WriteHeader(404)
				}
			}))
			client := s.over(slowly)
			answered(t, "201", client, "PUT", api+"/other")
			done := make(chan struct{})
			go func() {
				defer close(done)
				answered(t, "200", client, "GET", api+"/a")
			}()
			time.Sleep(500 * time.Millisecond)
			answered(t, "201", client, "PUT", api+"/a")
			<-done
			start := time.Now()
			answered(t, "404", client, "GET", api+"/a/b")
			assert.Equal(t, 2500*time.Millisecond, time.Since(start).Round(10*time.Millisecond))
		})
	})
}

// Check, then create: what is below something that is only updated is not there
// until it is made.
func TestTransport_checkThenCreate(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"PATCH", "PUT"} {
		t.Run(method, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := serve(t, script{
					method + " /namespaces/a": {"200"}, "GET /namespaces/a/secrets/b": {"404 | none", "404", "200 | there"},
					"POST /namespaces/a/secrets": {`201 | {"metadata":{"name":"b"}}`},
				}.handler())
				client := s.over(slowly)
				answered(t, "200", client, method, api+"/namespaces/a")
				answered(t, "404 none", client, "GET", api+"/namespaces/a/secrets/b")
				assert.Zero(t, time.Since(s.start))
				_, err := ask(t.Context(), client, "POST", api+"/namespaces/a/secrets")
				require.NoError(t, err)
				answered(t, "200 there", client, "GET", api+"/namespaces/a/secrets/b")
			})
		})
	}
}

// A POST that is done and names nothing may have deleted what lies below.
func TestTransport_forgetsBelow(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path, answer string
		read               bool
		want               string
	}{
		{"what lies below", "/bucket?delete", "200 | <DeleteResult/>", true, "404 none"},
		{"nothing to read", "/bucket?delete", "204", true, "404 none"},
		{"not read to its end", "/bucket?delete", "200 | " + strings.Repeat("<x/>", 50_000), false, "200"},
		{"something is named", "/bucket?delete", `200 | {"id":"other"}`, true, "200"},
		{"ambiguous", "/bucket?delete", "503", true, "200"},
		{"refused", "/bucket?delete", "403", true, "200"},
		{"at the root", "/", "200 | <x/>", true, "200"},
		{"elsewhere", "/bucket2?delete", "200 | <x/>", true, "200"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				u, err := url.Parse(tt.path)
				require.NoError(t, err)
				s := serve(t, script{
					"PUT /bucket/key": {"200"}, "POST " + u.Path: {tt.answer}, "GET /bucket/key": {"404 | none", "200"},
				}.handler())
				client := s.over(slowly)
				answered(t, "200", client, "PUT", api+"/bucket/key")
				resp, err := client.Do(send("POST", api+tt.path, ""))
				require.NoError(t, err)
				if tt.read {
					_, err = io.Copy(io.Discard, resp.Body)
					require.NoError(t, err)
				}
				_ = resp.Body.Close()
				answered(t, tt.want, client, "GET", api+"/bucket/key")
			})
		})
	}
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
			t.Run(fmt.Sprint(name, wrapped), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
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
			})
		}
	}
}

// A header whose requests are not held is seen under any case.
func TestTransport_passesAnyCase(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404 | none", "200"}}.handler())
		client := s.over(slowly)
		answered(t, "204", client, "PUT", api+"/a")
		req := send("GET", api+"/a", "")
		req.Header["if-none-match"] = []string{`"x"`}
		got, err := do(client, req)
		require.NoError(t, err)
		assert.Equal(t, "404 none", got)
	})
}

// Lag by another status than 404 is a rule, also one that asks for bodies, of
// good answers too.
func TestTransport_readRules(t *testing.T) {
	t.Parallel()
	options := slowly
	options.Policy.Rules.Read = []consistency.ReadRule{
		{From: 400, Body: consistency.JSON("/code", "InvalidInstanceID.NotFound"), Verdict: poll.Pending, Reason: consistency.NotFound},
		{From: 200, Body: consistency.JSON("/state", "creating"), Verdict: poll.Pending, Reason: consistency.Stale},
		{From: 409, Method: "GET", Verdict: poll.Pending, Reason: consistency.NotFound},
	}
	tests := []struct {
		name    string
		answers []string
		want    string
		at      time.Duration
	}{
		{"a 400 that a rule calls lag", []string{`400 | {"code":"InvalidInstanceID.NotFound"}`, "404", "200 | new"}, "200 new", 2 * time.Second},
		{"another 400", []string{`400 | {"code":"Bad"}`, "200 | new"}, `400 {"code":"Bad"}`, 0},
		{"a good status", []string{`200 | {"state":"creating"}`, `200 | {"state":"ready"}`}, `200 {"state":"ready"}`, time.Second},
		{"a 409", []string{"409", "200 | new"}, "200 new", time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := serve(t, script{"PUT /a": {"204"}, "GET /a": tt.answers, "GET /b": tt.answers}.handler())
				client := s.over(options)
				answered(t, "204", client, "PUT", api+"/a")
				answered(t, tt.want, client, "GET", api+"/a")
				assert.Equal(t, tt.at, time.Since(s.start))
				got, err := ask(t.Context(), client, "GET", api+"/b") // which was not written
				require.NoError(t, err)
				assert.Equal(t, tt.answers[0], strings.Replace(got, " ", " | ", 1))
			})
		})
	}
}

// What a write proves may stand in its body.
func TestTransport_writeRulesSeeBodies(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		options := slowly
		options.Policy.Rules.Write = []consistency.WriteRule{{From: 200, Body: consistency.JSON("/ok", false), Class: consistency.Refused}}
		s := serve(t, script{
			"PUT /a": {`200 | {"ok":false}`, `200 | {"ok":true}`}, "GET /a": {"404 | none", "404", "200 | there"},
		}.handler())
		client := s.over(options)
		answered(t, `200 {"ok":false}`, client, "PUT", api+"/a")
		answered(t, "404 none", client, "GET", api+"/a")
		answered(t, `200 {"ok":true}`, client, "PUT", api+"/a")
		answered(t, "200 there", client, "GET", api+"/a")
	})
}

// Only what was created is covered, if that is asked for.
func TestTransport_onlyCreated(t *testing.T) {
	t.Parallel()
	for write, want := range map[string]bool{
		"PUT 201": true, "PUT 200": false, "PATCH 200": false, "PUT 503": false, `POST 200 | {"id":"a"}`: true, "POST 201 | Location: /a": true,
	} {
		t.Run(write, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
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
		})
	}
}

func TestTransport_routes(t *testing.T) {
	t.Parallel()
	options := slowly
	options.Routes = []readbackhttp.Route{
		{Write: "POST /v1/projects/{project}/keys", Covers: []string{"/v1/keys/{project}/{id}", "/v1/tokens/{/token/value}"}},
		{Write: "POST /v1/customers", Covers: []string{"/v2/customers/{id}"}},
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
	}
	for _, tt := range tests {
		t.Run(tt.post+tt.read, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				client := serve(t, answersThenLags(tt.answer)).over(options)
				_, err := ask(t.Context(), client, "POST", api+tt.post)
				require.NoError(t, err)
				assert.Equal(t, tt.want, held(t, client, api+tt.read))
			})
		})
	}
	for _, bad := range []readbackhttp.Route{
		{}, {Write: "POST"}, {Write: "POST /a"}, {Write: "POST a", Covers: []string{"/a"}},
		{Write: "POST /{a", Covers: []string{"/a"}}, {Write: "POST /a", Covers: []string{"/{"}},
	} {
		rt := readbackhttp.NewTransport(nil, readbackhttp.TransportOptions{Routes: []readbackhttp.Route{bad}})
		_, err := rt.RoundTrip(send("GET", api, ""))
		require.ErrorIs(t, err, consistency.ErrInvalid)
	}
}

// Each write tells what it covers, or why it covers nothing, and no secret.
func TestTransport_told(t *testing.T) {
	t.Parallel()
	tests := []struct {
		write string
		note  string
		class consistency.Class
	}{
		{`POST /things 201 | {"id":7}`, "covers /things/7 and below", consistency.Applied},
		{`POST /things 201 | Location: /things/7?sig=s3cret`, "covers /things/7 and below", consistency.Applied},
		{`POST /things 201 | {}`, "covers nothing: no Location, no link and no id found", consistency.Applied},
		{`POST /things 422 | {}`, "covers nothing: it was refused", consistency.Refused},
		{`POST /things 503`, "covers nothing: its answer was lost or proves nothing, and what it made is not known", consistency.Ambiguous},
		{`POST /things 303 | Location: /`, "covers nothing: it was redirected to what it did not make", consistency.Accepted},
		{`PUT /things/7 204`, "covers /things/7", consistency.Applied},
		{`PUT /things/7 201`, "covers /things/7 and below", consistency.Applied},
		{`DELETE /things/7 204`, "forgets /things/7 and below", consistency.Applied},
		{`MKCOL /things/7 201`, "covers nothing: of its method nothing is known", consistency.Applied},
	}
	for _, tt := range tests {
		t.Run(tt.write, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				var events []consistency.Event
				var told []readbackhttp.Coverage
				options := slowly
				options.Policy.Observer = func(e consistency.Event) { events = append(events, e) }
				options.Wrote = func(c readbackhttp.Coverage) { told = append(told, c) }
				method, rest, _ := strings.Cut(tt.write, " ")
				path, text, _ := strings.Cut(rest, " ")
				client := serve(t, answersThenLags(text)).over(options)
				_, err := ask(t.Context(), client, method, api+path+"?api_key=s3cret")
				require.NoError(t, err)
				require.Len(t, events, 1)
				assert.Equal(t, consistency.PhaseWrite, events[0].Phase)
				assert.Equal(t, path, events[0].Instance)
				assert.NotContains(t, events[0].Flow, "7")
				assert.Equal(t, tt.note, events[0].Note)
				assert.Equal(t, tt.class, events[0].Class)
				require.Len(t, told, 1)
				assert.Equal(t, strings.HasPrefix(tt.note, "covers nothing"), told[0].Why != "")
				assert.Equal(t, told[0].Why == "", len(told[0].Covers) > 0)
				assert.NotContains(t, fmt.Sprint(told[0], events[0]), "s3cret")
			})
		})
	}
}

// Some clients give every read a body in which nothing is. It is held like others;
// one with something in it is not.
func TestTransport_emptyBody(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{"": "200", "query": "404 none"} {
		t.Run(body, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404 | none", "200"}}.handler())
				client := s.over(slowly)
				answered(t, "204", client, "PUT", api+"/a")
				req := send("GET", api+"/a", "")
				again := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
				req.Body, _ = again()
				req.GetBody = again
				got, err := do(client, req)
				require.NoError(t, err)
				assert.Equal(t, want, got)
			})
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
			t.Run(fmt.Sprint(tt.name, ", deleted ", deleted), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
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
			})
		}
	}
}

// Who gets the answer may change it before its body is read.
func TestTransport_answerChanged(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{false, true} {
		t.Run(fmt.Sprint("Covers ", own), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				options := slowly
				if own {
					options.Covers = func(_ *http.Request, resp *http.Response, usual []*url.URL) []*url.URL {
						assert.Equal(t, "/things/7", resp.Header.Get("Location"))
						return usual
					}
				}
				s := serve(t, answersThenLags("201 | Location: /things/7 | made"))
				client := s.over(options)
				resp, err := client.Do(send("POST", api+"/things", ""))
				require.NoError(t, err)
				resp.Header.Set("Location", "/elsewhere")
				_, err = io.ReadAll(resp.Body)
				require.NoError(t, err)
				_ = resp.Body.Close()
				assert.False(t, held(t, client, api+"/elsewhere"))
				assert.True(t, held(t, client, api+"/things/7"))
			})
		})
	}
}
