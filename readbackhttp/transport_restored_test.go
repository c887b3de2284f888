package readbackhttp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What was deleted may be back: a write at or below it, or one that names it, says that
// it is there. A read that finds it is not held then as if it were still to vanish.
func TestTransport_restored(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, deleted, write, answer, read string
		held                               bool
	}{
		{"by an action below it", "/things/7", "POST /things/7/restore", "200 | {}", "/things/7", false},
		{"by an action that says nothing", "/things/7", "POST /things/7/restore", "204", "/things/7", false},
		{"by an action that is accepted", "/things/7", "POST /things/7/restore", "202", "/things/7", false},
		{"by an action whose answer has an id", "/things/7", "POST /things/7/restore", `200 | {"id":7}`, "/things/7", false},
		{"perhaps", "/things/7", "POST /things/7/restore", "503", "/things/7", false},
		{"not by a refused action", "/things/7", "POST /things/7/restore", "409", "/things/7", true},
		{"by a custom method", "/things/7", "POST /things/7:undelete", "200 | {}", "/things/7", false},
		{"with what lies below it", "/things/7", "POST /things/7/restore", "200", "/things/7/parts/1", false},
		{"another view of it", "/things/7", "POST /things/7/restore", "200", "/things/7?view=full", false},
		{"by a POST to itself", "/things/7", "POST /things/7", "200 | {}", "/things/7", false},
		{"by a POST to the trash that names it", "/things/7", "POST /trash/7/restore", "200 | Location: /things/7", "/things/7", false},
		{"by what is made below it", "/things/7", "PUT /things/7/parts/1", "201", "/things/7", false},
		{"by what another names below it", "/things/7", "POST /make", "201 | Location: /things/7/parts/1", "/things/7", false},
		{"by an update: another view", "/things/7", "PUT /things/7", "200", "/things/7?view=full", false},
		{"by an update: below", "/things/7", "PUT /things/7", "200", "/things/7/parts", false},
		{"by an update far below", "/things", "PATCH /things/7/parts/1", "200", "/things/7", false},
		{"by another method", "/things/7", "MKCOL /things/7", "201", "/things/7", false},
		{"not by a search", "/things/7", "PROPFIND /things/7", "207", "/things/7", true},
		{"not by a deletion below", "/things/7", "DELETE /things/7/parts/1", "204", "/things/7", true},
		{"not by a write beside it", "/things/7", "PUT /things/8", "201", "/things/7", true},
		{"not by a write above it", "/things/7", "PUT /things", "200", "/things/7", true},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			options := slowly
			options.HoldDeleted = true
			method, path, _ := strings.Cut(tt.write, " ")
			at, _, _ := strings.Cut(tt.read, "?")
			s := serve(t, script{
				"DELETE " + tt.deleted: {"204"}, tt.write: {tt.answer}, "GET " + at: {"200 | there", "404 | gone", "200 | there"},
			}.handler())
			client := s.over(options)
			answered(t, "204", client, "DELETE", api+tt.deleted)
			_, err := ask(t.Context(), client, method, api+path)
			require.NoError(t, err)
			want := "200 there"
			if tt.held {
				want = "404 gone"
			}
			answered(t, want, client, "GET", api+tt.read)
			if !tt.held {
				assert.Zero(t, time.Since(s.start).Round(10*time.Millisecond))
			}
		})
	}
	bubble(t, "and deleted again", func(t *testing.T) {
		options := slowly
		options.HoldDeleted = true
		s := serve(t, script{"DELETE /a": {"204"}, "POST /a/restore": {"200"}, "GET /a": {"200 | there", "404 | gone"}}.handler())
		client := s.over(options)
		for _, write := range []string{"DELETE /a", "POST /a/restore", "DELETE /a"} {
			method, path, _ := strings.Cut(write, " ")
			_, err := ask(t.Context(), client, method, api+path)
			require.NoError(t, err)
		}
		answered(t, "404 gone", client, "GET", api+"/a")
	})
	for _, method := range []string{"COPY", "MOVE"} {
		bubble(t, "by a "+method, func(t *testing.T) {
			options := slowly
			options.HoldDeleted = true
			s := serve(t, script{"DELETE /a": {"204"}, method + " /b": {"201"}, "GET /a": {"200 | there", "404"}}.handler())
			client := s.over(options)
			answered(t, "204", client, "DELETE", api+"/a")
			answered(t, "201", client, method, api+"/b", "Destination: "+api+"/a")
			answered(t, "200 there", client, "GET", api+"/a")
		})
	}
	bubble(t, "while a read is held", func(t *testing.T) {
		options := slowly
		options.HoldDeleted = true
		s := serve(t, script{"DELETE /a": {"204"}, "POST /a/restore": {"200"}, "GET /a": {"200 | there"}}.handler())
		client := s.over(options)
		answered(t, "204", client, "DELETE", api+"/a")
		time.AfterFunc(1500*time.Millisecond, func() { _, _ = ask(t.Context(), client, "POST", api+"/a/restore") })
		answered(t, "200 there", client, "GET", api+"/a")
		assert.Equal(t, 2*time.Second, time.Since(s.start))
	})
	bubble(t, "by another copy of the service", func(t *testing.T) {
		options := slowly
		options.HoldDeleted = true
		s := serve(t, script{"DELETE /a": {"204"}, "POST /a/restore": {"200"}, "GET /a": {"200 | there", "404"}}.handler())
		clients := copies(s, new(bus), 2, options)
		time.Sleep(time.Second) // what was sent before they listened does not count
		answered(t, "204", clients[0], "DELETE", api+"/a")
		answered(t, "200", clients[1], "POST", api+"/a/restore")
		answered(t, "200 there", clients[0], "GET", api+"/a")
	})
	bubble(t, "what was forgotten stays so", func(t *testing.T) {
		options := slowly
		options.HoldDeleted = true
		s := serve(t, script{
			"PUT /a/b": {"201"}, "PUT /a/c": {"201"}, "DELETE /a": {"204"}, "GET /a/b": {"404 | none", "200"}, "GET /a/c": {"404", "200"},
		}.handler())
		client := s.over(options)
		answered(t, "201", client, "PUT", api+"/a/b")
		answered(t, "204", client, "DELETE", api+"/a")
		answered(t, "201", client, "PUT", api+"/a/c")
		answered(t, "404 none", client, "GET", api+"/a/b")
		answered(t, "200", client, "GET", api+"/a/c")
	})
}
