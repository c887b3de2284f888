package recent_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/internal/recent"
)

// What is written at or below something that was deleted ends the deletion, once.
func TestMemory_revive(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, deleted, written, read string
		covered                      bool
	}{
		{"below", "/a", "/a/b/c", "/a", false},
		{"itself", "/a", "/a", "/a?x=1", false},
		{"beside", "/a", "/b", "/a", true},
		{"above", "/a/b", "/a", "/a/b", true},
		{"with its query", "/a?x=1", "/a?x=1", "/a?x=1", false},
		{"with another query", "/a?x=1", "/a?x=2", "/a?x=1", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := recent.New(10, time.Minute, time.Second)
			space := m.Space("http", "h", "")
			at := func(text string) *url.URL {
				u, err := url.Parse(text)
				assert.NoError(t, err)
				return u
			}
			in := func() recent.Space { return space }
			assert.Empty(t, m.Revive(in, at(tt.written)))
			m.Remember(space, at(tt.deleted), recent.Below|recent.AnyQuery, recent.Write{At: time.Now(), Deleted: true})
			revived := m.Revive(in, at(tt.written))
			w, covered := m.Latest(space, at(tt.read))
			assert.Equal(t, tt.covered, covered && w.Deleted)
			assert.Equal(t, !tt.covered, len(revived) > 0)
			assert.Empty(t, m.Revive(in, at(tt.written)), "a second time")
		})
	}
}
