package readbackhttp_test

import (
	"bytes"
	"compress/gzip"
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
	"github.com/readback-go/readback/readbackhttp"
)

// A base that sends a write again by itself leaves in doubt how often it was carried
// out. What its last answer names is there all the same, and covered; nothing below
// it is, and nothing is forgotten.
func TestTransport_baseSendsAgain(t *testing.T) {
	t.Parallel()
	tests := []struct{ answer, read, want string }{
		{"201 | Location: /things/7", "/things/7", "200"},
		{"201 | Location: /things/7", "/things/7/parts", "404"},
		{`201 | {"id":7}`, "/things/7", "200"},
		{`201 | {"id":7}`, "/things/7/parts", "404"},
		{`201 | {"id":7}`, "/things/8", "404"},
		{"200", "/things/before", "200"}, // not forgotten
		{"503", "/things/7", "404"},
	}
	for _, tt := range tests {
		bubble(t, tt.answer+tt.read, func(t *testing.T) {
			s := serve(t, script{
				"PUT /things/before": {"204"}, "POST /things": {"503", tt.answer}, "GET " + tt.read: {"404", "200"},
			}.handler())
			client := &http.Client{Transport: readbackhttp.NewTransport(transport(func(req *http.Request) (*http.Response, error) {
				resp, err := s.Client.Transport.RoundTrip(req)
				if err == nil && resp.StatusCode == 503 {
					_ = resp.Body.Close()
					return s.Client.Transport.RoundTrip(req)
				}
				return resp, err
			}), slowly)}
			answered(t, "204", client, "PUT", api+"/things/before")
			answered(t, tt.answer[:3]+body(tt.answer), client, "POST", api+"/things")
			answered(t, tt.want, client, "GET", api+tt.read)
		})
	}
}

// body returns that of an answer of a script as ask does.
func body(answer string) string {
	if _, after, ok := strings.Cut(answer, " | {"); ok {
		return " {" + after
	}
	return ""
}

// What is not understood may name something: it forgets nothing, and says why.
func TestTransport_notUnderstood(t *testing.T) {
	t.Parallel()
	zip := func(text string) string {
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		_, _ = io.WriteString(z, text)
		_ = z.Close()
		return zipped.String()
	}
	long := strings.Repeat("x", 70<<10)
	const unclear = "its answer is longer than 64 KiB, or of an encoding that is not known"
	const nothing = "no Location, no link and no id found"
	tests := []struct {
		name, encoding, body string
		chunked              bool
		why                  string
		want                 string
	}{
		{"an unknown encoding", "br", "\x0b\x02\x80", false, unclear, "200"},
		{"an unknown encoding, chunked", "zstd", "\x0b\x02\x80", true, unclear, "200"},
		{"what is no gzip", "gzip", "\x0b\x02\x80", false, unclear, "200"},
		{"a long object", "", `{"text":"` + long + `","id":7}`, false, unclear, "200"},
		{"a long object, chunked", "", `{"text":"` + long + `","id":7}`, true, unclear, "200"},
		{"a long object, zipped", "gzip", zip(`{"text":"` + long + `","id":7}`), false, unclear, "200"},
		{"a short object", "", `{"text":"x"}`, false, nothing, "404"},
		{"a short object, zipped", "gzip", zip(`{"text":"x"}`), true, nothing, "404"},
		{"a long XML", "", "<DeleteResult>" + long, false, nothing, "404"},
		{"a long XML, chunked", "", "<DeleteResult>" + long, true, nothing, "404"},
		{"a long XML, zipped", "gzip", zip("<DeleteResult>" + long), false, nothing, "404"},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			reads := 0
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == "POST":
					w.Header()["Content-Type"] = nil
					if tt.encoding != "" {
						w.Header().Set("Content-Encoding", tt.encoding)
					}
					if !tt.chunked {
						w.Header().Set("Content-Length", fmt.Sprint(len(tt.body)))
					}
					_, _ = io.WriteString(w, tt.body)
					if tt.chunked {
						w.(http.Flusher).Flush()
					}
				case r.Method == "GET":
					if reads++; reads == 1 {
						w.WriteHeader(404)
					}
				}
			}))
			var told []readbackhttp.Coverage
			options := slowly
			options.Wrote = func(c readbackhttp.Coverage) { told = append(told, c) }
			client := s.over(options)
			answered(t, "200", client, "PUT", api+"/things/before")
			answered(t, "200 "+tt.body, client, "POST", api+"/things", "Accept-Encoding: gzip, br, zstd")
			answered(t, tt.want, client, "GET", api+"/things/before")
			require.Len(t, told, 2)
			assert.Equal(t, tt.why, told[1].Why)
		})
	}
}

// Many a client reads a JSON document and not the end of the line behind it, and
// closes the body after its next request.
func TestTransport_endOfLineUnread(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"", "\n", "}"} { // of a document that is nested
		for _, size := range []int{100, 512, 1536, 4096} { // as much as a decoder reads at once
			bubble(t, fmt.Sprintf("%d %q", size, end), func(t *testing.T) {
				begin := `{"id":7,"text":"`
				if end == "}" {
					begin = `{"thing":` + begin
				}
				doc := begin + strings.Repeat("x", size-len(begin)-2) + `"}` + end
				first := true
				s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch {
					case r.Method == "POST":
						w.Header().Set("Content-Length", fmt.Sprint(len(doc)))
						_, _ = io.WriteString(w, doc)
					case first:
						first = false
						w.WriteHeader(404)
					}
				}))
				client := s.over(slowly)
				resp, err := client.Do(send("POST", api+"/things", ""))
				require.NoError(t, err)
				defer func() { _ = resp.Body.Close() }()
				if end == "}" {
					_, err = io.ReadFull(resp.Body, make([]byte, size))
				} else {
					err = json.NewDecoder(resp.Body).Decode(new(any))
				}
				require.NoError(t, err)
				assert.True(t, held(t, client, api+"/things/7"))
			})
		}
	}
}

// An answer that breaks off has said what it has said.
func TestTransport_answerBreaksOff(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		reads := 0
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == "POST":
				w.Header().Set("Content-Length", "1000")
				_, _ = io.WriteString(w, `{"id":7,"text":"`+strings.Repeat("x", 500))
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			case r.Method == "GET":
				if reads++; reads == 1 {
					w.WriteHeader(404)
				}
			}
		}))
		client := s.over(slowly)
		_, err := ask(t.Context(), client, "POST", api+"/things")
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.True(t, held(t, client, api+"/things/7"))
	})
}

// A route is that of a PUT or PATCH as well, beside what that covers by itself.
func TestTransport_routesOfUpdates(t *testing.T) {
	t.Parallel()
	options := slowly
	options.Routes = []readbackhttp.Route{
		{Write: "PUT /v1/things/{id}", Covers: []string{"/v2/things/{id}", "/views/{/view}"}, Lists: []string{"/v1/things"}},
		{Write: "PATCH /v1/parts/{part}", Covers: []string{"/v2/parts/{part}", "/v3/parts/{id}"}},
	}
	tests := []struct {
		write, answer, read string
		want                bool
	}{
		{"PUT /v1/things/7", "204", "/v2/things/7", true},
		{"PUT /v1/things/7", "204", "/v1/things/7", true},
		{"PUT /v1/things/7", `200 | {"view":"v"}`, "/views/v", true},
		{"PUT /v1/things/7", "204", "/v1/things", true}, // the list
		{"PUT /v1/things/7", "204", "/v1/things/7/parts", false},
		{"PUT /v1/things/7", "422", "/v2/things/7", false},
		{"PUT /v1/things/7", "503", "/v2/things/7", false},
		{"PATCH /v1/parts/7", "200", "/v2/parts/7", true},
		{"PATCH /v1/parts/7", "200", "/v3/parts/7", true},
		{"PATCH /v1/things/7", "200", "/v2/things/7", false},
	}
	for _, tt := range tests {
		bubble(t, tt.write+tt.answer+tt.read, func(t *testing.T) {
			method, path, _ := strings.Cut(tt.write, " ")
			client := serve(t, answersThenLags(tt.answer)).over(options)
			_, err := ask(t.Context(), client, method, api+path)
			require.NoError(t, err)
			assert.Equal(t, tt.want, held(t, client, api+tt.read))
		})
	}
	bubble(t, "only what was created", func(t *testing.T) {
		options := options
		options.OnlyCreated = true
		client := serve(t, answersThenLags("204")).over(options)
		answered(t, "204", client, "PUT", api+"/v1/things/7")
		assert.False(t, held(t, client, api+"/v2/things/7"))
	})
	bubble(t, "Covers has the last word", func(t *testing.T) {
		options := options
		options.Covers = func(_ *http.Request, _ *http.Response, usual []*url.URL) []*url.URL { return usual[len(usual)-1:] }
		client := serve(t, answersThenLags("204")).over(options)
		answered(t, "204", client, "PUT", api+"/v1/things/7")
		assert.False(t, held(t, client, api+"/v1/things/7"))
		assert.True(t, held(t, client, api+"/v2/things/7"))
	})
	bubble(t, "its own URL at once", func(t *testing.T) {
		client := serve(t, answersThenLags(`200 | {"id":7}`)).over(options)
		resp, err := client.Do(send("PUT", api+"/v1/things/7", ""))
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		assert.True(t, held(t, client, api+"/v1/things/7"))
	})
	for _, method := range []string{"GET", "DELETE", "post", "MKCOL"} {
		rt := readbackhttp.NewTransport(nil, readbackhttp.TransportOptions{Routes: []readbackhttp.Route{{Write: method + " /a", Covers: []string{"/b"}}}})
		_, err := rt.RoundTrip(send("GET", api, ""))
		require.ErrorIs(t, err, consistency.ErrInvalid, method)
	}
}

// A list that is empty, or names its entries by their kind, is a list all the same.
func TestTransport_listShapes(t *testing.T) {
	t.Parallel()
	options := slowly
	options.Routes = []readbackhttp.Route{{Write: "POST /buckets", Lists: []string{"/buckets"}}}
	tests := []struct {
		name    string
		answers []string
		want    string
		at      time.Duration
	}{
		{"null", []string{"200 | null", `200 | [{"id":"a/b"}]`}, `200 [{"id":"a/b"}]`, time.Second},
		{"a member that is null", []string{`200 | {"items":null,"metadata":{}}`, `200 | {"items":[{"id":"a/b"}]}`}, `200 {"items":[{"id":"a/b"}]}`, time.Second},
		{"left out", []string{"200 | {}", `200 | {"items":[{"id":"a/b"}]}`}, `200 {"items":[{"id":"a/b"}]}`, time.Second},
		{"entries by their kind", []string{`200 | [{"bucketName":"a/b"}]`}, `200 [{"bucketName":"a/b"}]`, 0},
		{"a list that is deeper", []string{`200 | {"error":null,"result":{"items":[]}}`}, `200 {"error":null,"result":{"items":[]}}`, 0},
		{"no list", []string{`200 | {"total":0}`}, `200 {"total":0}`, 0},
		{"no JSON", []string{`200 | <list/>`}, `200 <list/>`, 0},
	}
	for _, tt := range tests {
		for _, token := range []readbackhttp.Token{nil, readbackhttp.HeaderToken{Answer: "X-Position", Request: "X-After"}} {
			bubble(t, fmt.Sprint(tt.name, " with a token ", token != nil), func(t *testing.T) {
				s := serve(t, script{
					"POST /buckets": {`201 | X-Position: 5 | {"bucketName":"a/b"}`}, "GET /buckets": tt.answers,
					"DELETE /buckets/a/b": {"204"},
				}.handler())
				options := options
				options.Token = token
				client := s.over(options)
				answered(t, `201 {"bucketName":"a/b"}`, client, "POST", api+"/buckets")
				answered(t, tt.want, client, "GET", api+"/buckets")
				assert.Equal(t, tt.at, time.Since(s.start).Round(10*time.Millisecond))
				answered(t, "204", client, "DELETE", api+"/buckets/a%2Fb")
				answered(t, tt.want, client, "GET", api+"/buckets")
				assert.Equal(t, tt.at, time.Since(s.start).Round(10*time.Millisecond))
			})
		}
	}
	bubble(t, "deleted, and then empty", func(t *testing.T) {
		s := serve(t, script{"POST /buckets": {`201 | {"name":"a/b"}`}, "GET /buckets": {"200 | []"}, "DELETE /buckets/a/b": {"204"}}.handler())
		client := s.over(options)
		answered(t, `201 {"name":"a/b"}`, client, "POST", api+"/buckets")
		answered(t, "204", client, "DELETE", api+"/buckets/a%2Fb")
		answered(t, "200 []", client, "GET", api+"/buckets")
		assert.Zero(t, time.Since(s.start))
	})
}
