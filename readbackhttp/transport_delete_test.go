package readbackhttp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTransport_delete(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		script script
		steps  [][2]string // method and path, the last one a read
		want   string      // answer to it
	}{
		{"forgets its URL",
			script{"PUT /a": {"200"}, "DELETE /a": {"204"}, "GET /a": {"404 | gone", "200"}},
			[][2]string{{"PUT", "/a"}, {"DELETE", "/a"}, {"GET", "/a"}}, "404 gone"},
		{"forgets what is below",
			script{"PUT /a/b/c": {"200"}, "DELETE /a": {"204"}, "GET /a/b/c": {"404 | gone", "200"}},
			[][2]string{{"PUT", "/a/b/c"}, {"DELETE", "/a"}, {"GET", "/a/b/c"}}, "404 gone"},
		{"what it deleted, below something written",
			script{"PUT /a": {"200"}, "DELETE /a/b": {"204"}, "GET /a/b": {"404 | gone", "200"}},
			[][2]string{{"PUT", "/a"}, {"DELETE", "/a/b"}, {"GET", "/a/b"}}, "404 gone"},
		{"leaves what is above",
			script{"PUT /a": {"200"}, "DELETE /a/b": {"204"}, "GET /a": {"404", "200 | there"}},
			[][2]string{{"PUT", "/a"}, {"DELETE", "/a/b"}, {"GET", "/a"}}, "200 there"},
		{"leaves what is beside",
			script{"PUT /a": {"200"}, "DELETE /b": {"204"}, "GET /a": {"404", "200 | there"}},
			[][2]string{{"PUT", "/a"}, {"DELETE", "/b"}, {"GET", "/a"}}, "200 there"},
		{"of a part leaves the whole",
			script{"PUT /a": {"200"}, "DELETE /a": {"204"}, "GET /a": {"404", "200 | there"}},
			[][2]string{{"PUT", "/a"}, {"DELETE", "/a?tagging"}, {"GET", "/a"}}, "200 there"},
		{"written again",
			script{"PUT /a": {"200"}, "DELETE /a": {"204"}, "GET /a": {"404", "200 | there"}},
			[][2]string{{"PUT", "/a"}, {"DELETE", "/a"}, {"PUT", "/a"}, {"GET", "/a"}}, "200 there"},
		{"ambiguous, forgets too",
			script{"PUT /a": {"200"}, "DELETE /a": {"503"}, "GET /a": {"404 | gone", "200"}},
			[][2]string{{"PUT", "/a"}, {"DELETE", "/a"}, {"GET", "/a"}}, "404 gone"},
		{"not found, forgets too",
			script{"PUT /a": {"200"}, "DELETE /a": {"404"}, "GET /a": {"404 | gone", "200"}},
			[][2]string{{"PUT", "/a"}, {"DELETE", "/a"}, {"GET", "/a"}}, "404 gone"},
		{"refused, forgets nothing",
			script{"PUT /a": {"200"}, "DELETE /a": {"409"}, "GET /a": {"404", "200 | there"}},
			[][2]string{{"PUT", "/a"}, {"DELETE", "/a"}, {"GET", "/a"}}, "200 there"},
		{"does not hold what is still there",
			script{"DELETE /a": {"204"}, "GET /a": {"200 | still", "404"}},
			[][2]string{{"DELETE", "/a"}, {"GET", "/a"}}, "200 still"},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			client := serve(t, tt.script.handler()).over(slowly)
			got := ""
			for _, step := range tt.steps {
				var err error
				got, err = ask(t.Context(), client, step[0], api+step[1])
				require.NoError(t, err)
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestTransport_holdDeleted(t *testing.T) {
	t.Parallel()
	options := slowly
	options.HoldDeleted = true
	tests := []struct {
		name   string
		script script
		steps  [][2]string
		want   string
		at     time.Duration
	}{
		{"until it is gone",
			script{"DELETE /a": {"204"}, "GET /a": {"200 | still", "503", "200 | still", "404 | gone"}},
			[][2]string{{"DELETE", "/a"}, {"GET", "/a"}}, "404 gone", 3 * time.Second},
		{"until the window ends",
			script{"DELETE /a": {"204"}, "GET /a": {"200 | still", "200 | yet"}},
			[][2]string{{"DELETE", "/a"}, {"GET", "/a"}}, "200 yet", 30 * time.Second},
		{"below",
			script{"DELETE /a": {"204"}, "GET /a/b": {"200 | still", "410 | gone"}},
			[][2]string{{"DELETE", "/a"}, {"GET", "/a/b"}}, "410 gone", time.Second},
		{"of a part does not hold the whole",
			script{"DELETE /a": {"204"}, "GET /a": {"200 | there", "404"}},
			[][2]string{{"DELETE", "/a?tagging"}, {"GET", "/a"}}, "200 there", 0},
		{"ambiguous",
			script{"DELETE /a": {"503"}, "GET /a": {"200 | there", "404"}},
			[][2]string{{"DELETE", "/a"}, {"GET", "/a"}}, "200 there", 0},
		{"written again",
			script{"DELETE /a": {"204"}, "PUT /a": {"204"}, "GET /a": {"200 | there", "404"}},
			[][2]string{{"DELETE", "/a"}, {"PUT", "/a"}, {"GET", "/a"}}, "200 there", 0},
		{"nothing is deleted",
			script{"PUT /a": {"204"}, "GET /a": {"200 | there", "404"}},
			[][2]string{{"PUT", "/a"}, {"GET", "/a"}}, "200 there", 0},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			client := serve(t, tt.script.handler()).over(options)
			got := ""
			start := time.Now()
			for _, step := range tt.steps {
				var err error
				got, err = ask(t.Context(), client, step[0], api+step[1])
				require.NoError(t, err)
			}
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.at, time.Since(start).Round(10*time.Millisecond))
		})
	}
}

// What happens while a read is held counts.
func TestTransport_meanwhile(t *testing.T) {
	t.Parallel()
	bubble(t, "deleted", func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"204"}, "DELETE /a": {"204"}, "GET /a": {"404"}}.handler())
		client := s.over(slowly)
		answered(t, "204", client, "PUT", api+"/a")
		done := make(chan time.Duration)
		start := time.Now()
		for range 3 {
			go func() {
				got, err := ask(t.Context(), client, "GET", api+"/a")
				assert.NoError(t, err)
				assert.Equal(t, "404", got)
				done <- time.Since(start)
			}()
		}
		time.Sleep(2500 * time.Millisecond)
		answered(t, "204", client, "DELETE", api+"/a")
		for range 3 {
			assert.Equal(t, 3*time.Second, <-done) // at the next poll
		}
		assert.Len(t, s.reads(), 3+3)
	})
	bubble(t, "written anew after a deletion", func(t *testing.T) {
		options := slowly
		options.HoldDeleted = true
		s := serve(t, script{"PUT /a": {"204"}, "DELETE /a": {"204"}, "GET /a": {"200 | there"}}.handler())
		client := s.over(options)
		answered(t, "204", client, "DELETE", api+"/a")
		time.AfterFunc(1500*time.Millisecond, func() { _, _ = ask(t.Context(), client, "PUT", api+"/a") })
		start := time.Now()
		answered(t, "200 there", client, "GET", api+"/a")
		assert.Equal(t, 2*time.Second, time.Since(start))
	})
}
