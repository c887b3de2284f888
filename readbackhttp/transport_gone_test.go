package readbackhttp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbackhttp"
)

// A list waits for nothing that is gone with what lies above it, or that a POST has
// put an end to.
func TestTransport_listOfWhatIsGone(t *testing.T) {
	t.Parallel()
	options := slowly
	options.Routes = []readbackhttp.Route{{Write: "POST /p/{project}/things", Lists: []string{"/p/{project}/things"}}}
	for _, write := range []string{"DELETE /p/1", "DELETE /p", "DELETE /p/1/things", "POST /p/1/things?delete", "POST /p/1"} {
		for _, text := range []string{"404", "200 | []"} {
			bubble(t, write+" "+text, func(t *testing.T) {
				s := serve(t, script{
					"POST /p/1/things": {`201 | {"id":7}`, "204"}, "DELETE /p/1": {"204"}, "DELETE /p": {"204"},
					"DELETE /p/1/things": {"204"}, "POST /p/1": {"204"}, "GET /p/1/things": {text},
				}.handler())
				client := s.over(options)
				answered(t, `201 {"id":7}`, client, "POST", api+"/p/1/things")
				method, path, _ := strings.Cut(write, " ")
				answered(t, "204", client, method, api+path)
				answered(t, strings.Replace(text, " | ", " ", 1), client, "GET", api+"/p/1/things")
				assert.Zero(t, time.Since(s.start))
			})
		}
	}
	t.Run("while it is held", func(t *testing.T) {
		for _, path := range []string{"/p/1", "/p/1/things/7"} {
			bubble(t, path, func(t *testing.T) {
				s := serve(t, script{
					"POST /p/1/things": {`201 | {"id":7}`}, "DELETE " + path: {"204"}, "GET /p/1/things": {"404"},
				}.handler())
				client := s.over(options)
				answered(t, `201 {"id":7}`, client, "POST", api+"/p/1/things")
				time.AfterFunc(1500*time.Millisecond, func() { _, _ = ask(t.Context(), client, "DELETE", api+path) })
				answered(t, "404", client, "GET", api+"/p/1/things")
				assert.Equal(t, 2*time.Second, time.Since(s.start))
			})
		}
	})
	bubble(t, "made anew", func(t *testing.T) {
		s := serve(t, script{"POST /p/1/things": {`201 | {"id":7}`}, "DELETE /p/1": {"204"}, "GET /p/1/things": {"404", "200 | [7]"}}.handler())
		client := s.over(options)
		answered(t, "204", client, "DELETE", api+"/p/1")
		answered(t, `201 {"id":7}`, client, "POST", api+"/p/1/things")
		answered(t, "200 [7]", client, "GET", api+"/p/1/things")
	})
}

// What was moved away is not to be found where it was.
func TestTransport_moved(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"201"}, "MOVE /a": {"201"}, "GET /a": {"404", "200"}, "GET /a/b": {"404", "200"}}.handler())
		client := s.over(slowly)
		answered(t, "201", client, "PUT", api+"/a")
		answered(t, "201", client, "MOVE", api+"/a", "Destination: /b")
		assert.False(t, held(t, client, api+"/a"))
		assert.False(t, held(t, client, api+"/a/b"))
	})
}

// A POST that asks for another method by its header is taken for one of that method.
func TestTransport_methodOverride(t *testing.T) {
	t.Parallel()
	tests := []struct {
		header, method, answer string
		want                   bool // a read of what was made before is held
		route                  string
	}{
		{"X-HTTP-Method-Override", "DELETE", "204", false, "DELETE http://api.test/a/{id}"},
		{"X-HTTP-Method", "DELETE", "204", false, "DELETE http://api.test/a/{id}"},
		{"X-Method-Override", "delete", "404", false, "DELETE http://api.test/a/{id}"},
		{"X-HTTP-Method-Override", "DELETE", "422", true, "DELETE http://api.test/a/{id}"},
		{"X-HTTP-Method-Override", "PUT", "200", true, "PUT http://api.test/a/{id}"},
		{"X-HTTP-Method-Override", "GET", "200 | []", true, "GET http://api.test/a/{id}"},
		{"X-HTTP-Method", "MERGE", "200", true, "PATCH http://api.test/a/{id}"},
		{"X-HTTP-Method", "BREW", "204", true, "POST http://api.test/a/b"},
		{"X-Method", "DELETE", "204", true, "POST http://api.test/a/b"},
	}
	for _, tt := range tests {
		bubble(t, tt.header+" "+tt.method+" "+tt.answer, func(t *testing.T) {
			var told []readbackhttp.Coverage
			options := slowly
			options.Wrote = func(c readbackhttp.Coverage) { told = append(told, c) }
			s := serve(t, script{"PUT /a/b": {"201"}, "POST /a/b": {tt.answer}, "GET /a/b": {"404", "200"}, "GET /a/b/c": {"404", "200"}}.handler())
			client := s.over(options)
			answered(t, "201", client, "PUT", api+"/a/b")
			answered(t, strings.Replace(tt.answer, " | ", " ", 1), client, "POST", api+"/a/b", tt.header+": "+tt.method)
			assert.Equal(t, tt.want && tt.route[:4] != "POST", held(t, client, api+"/a/b/c"), "what lies below a nameless POST is forgotten")
			assert.Equal(t, tt.want, held(t, client, api+"/a/b"))
			assert.Equal(t, tt.route, told[1].Route)
		})
	}
}

// A deletion whose query says how, or which, forgets what was made all the same.
func TestTransport_deletedWithQuery(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, made, deleted, read string }{
		{"by force", "PUT /a/b", "DELETE /a/b?force=true", "/a/b"},
		{"read with another query", "POST /a", "DELETE /a/b?force=true", "/a/b?view=full"},
		{"written with another query", "PUT /a/b?v=1", "DELETE /a/b?v=2", "/a/b?v=1"},
		{"what lies below", "PUT /a/b", "DELETE /a?cascade=all", "/a/b"},
		{"below what was made", "PUT /a", "DELETE /a?cascade=all", "/a/b"},
		{"by a filter", "POST /a", "DELETE /a?name=b", "/a/b"},
		{"by a flag", "PUT /a/b", "DELETE /a/b?force", "/a/b"},
		{"by a flag with nothing behind it", "PUT /a/b", "DELETE /a/b?recursive=", "/a/b"},
		{"by a flag, above", "PUT /a/b", "DELETE /a?cascade", "/a/b"},
		{"by two flags", "PUT /a/b", "DELETE /a/b?force&purge", "/a/b"},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := serve(t, script{
				"PUT /a": {"201"}, "PUT /a/b": {"201"}, "POST /a": {`201 | {"id":"b"}`}, "DELETE /a/b": {"204"}, "DELETE /a": {"204"},
				"GET /a/b": {"404", "404", "200"},
			}.handler())
			client := s.over(slowly)
			for _, step := range []string{tt.made, tt.deleted} {
				method, path, _ := strings.Cut(step, " ")
				_, err := ask(t.Context(), client, method, api+path)
				require.NoError(t, err)
			}
			assert.False(t, held(t, client, api+tt.read))
			method, path, _ := strings.Cut(tt.made, " ")
			_, err := ask(t.Context(), client, method, api+path)
			require.NoError(t, err)
			assert.True(t, held(t, client, api+tt.read), "it is made anew")
		})
	}
}

// The sub-resources that S3 has in the query are parts: deleting one leaves the rest.
func TestTransport_deletedPart(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"tagging", "tagging=", "acl", "policy", "tagging&versionId=3", "versionId=3&tagging", "lifecycle"} {
		bubble(t, part, func(t *testing.T) {
			s := serve(t, script{"PUT /a/b": {"200"}, "DELETE /a/b": {"204"}, "GET /a/b": {"404", "200"}}.handler())
			client := s.over(slowly)
			answered(t, "200", client, "PUT", api+"/a/b")
			answered(t, "204", client, "DELETE", api+"/a/b?"+part)
			assert.True(t, held(t, client, api+"/a/b"))
		})
	}
}

// Some services delete by a POST whose path ends with what it does.
func TestTransport_deletedByPOST(t *testing.T) {
	t.Parallel()
	tests := []struct {
		write, answer string
		want          bool
	}{
		{"POST /things/7/delete", "204", false},
		{"POST /things/7/delete", `200 | {"id":7}`, false},
		{"POST /things/7/remove", "202", false},
		{"POST /things/7:delete", "200 | {}", false},
		{"POST /things:batchDelete", "200 | {}", false},
		{"POST /things/bulk_delete", `200 | {"ids":[7]}`, false},
		{"POST /things/_delete_by_query", `200 | {"deleted":1}`, false},
		{"POST /things/7/purge", "503", false},
		{"POST /things/7/delete", "409", true},
		{"POST /things/8/delete", "204", true},
		{"POST /things/7/undelete", "204", true},
		{"POST /things/7/start", "204", true},
		{"PUT /things/7/delete", "200", true}, // the name of something
	}
	for _, tt := range tests {
		bubble(t, tt.write+" "+tt.answer, func(t *testing.T) {
			var told []readbackhttp.Coverage
			options := slowly
			options.Wrote = func(c readbackhttp.Coverage) { told = append(told, c) }
			s := serve(t, script{"POST /things": {`201 | {"id":7}`}, tt.write: {tt.answer}, "GET /things/7": {"404", "200"}}.handler())
			client := s.over(options)
			answered(t, `201 {"id":7}`, client, "POST", api+"/things")
			method, path, _ := strings.Cut(tt.write, " ")
			_, err := ask(t.Context(), client, method, api+path)
			require.NoError(t, err)
			assert.Equal(t, tt.want, held(t, client, api+"/things/7"))
			if !tt.want {
				assert.True(t, told[1].Forgets)
				assert.Empty(t, told[1].Why)
				assert.Len(t, told[1].Covers, 1)
			}
		})
	}
}

// A POST that deletes may make something all the same, of which its Location tells.
func TestTransport_deletionsByPOST(t *testing.T) {
	t.Parallel()
	tests := []struct {
		write, answer, read string
		want                bool
	}{
		{"/things/bulk_delete", "202 | Location: /jobs/9", "/jobs/9", true},
		{"/things/bulk_delete", "202 | Location: /things/jobs/9", "/things/jobs/9", true},
		{"/things/7/delete", "200 | Location: /things/7", "/things/7", false},
		{"/things/7/delete", `200 | {"id":7,"self":"/things/7"}`, "/things/7", false},
		{"/things/7/delete", "303 | Location: /things", "/things", false},
	}
	for _, tt := range tests {
		bubble(t, tt.write+" "+tt.answer, func(t *testing.T) {
			client := serve(t, answersThenLags(tt.answer)).over(slowly)
			_, err := ask(t.Context(), client, "POST", api+tt.write)
			require.NoError(t, err)
			assert.Equal(t, tt.want, held(t, client, api+tt.read))
		})
	}
}
