package recent_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/internal/recent"
)

// FuzzMemory checks the memory against a list that is searched from the end.
// Two bytes are a step: what happens, and where.
func FuzzMemory(f *testing.F) {
	f.Add([]byte{0, 1, 1, 2, 2, 3, 3, 4})
	f.Add([]byte{0, 0o11, 2, 0o12, 4, 0o33, 8, 0o77, 0o20, 0o11})
	f.Fuzz(func(t *testing.T, steps []byte) {
		type written struct {
			path, query string
			reach       recent.Reach
			deleted     bool
			n           int
		}
		m := recent.New(1000, time.Hour, time.Hour)
		space := m.Space("http", "api.test", "")
		var list []written
		covers := func(w written, path, query string) bool {
			if w.path == path {
				more := w.query == "" || len(w.query) == 1 && strings.Contains(query, w.query)
				return w.query == query || more && w.reach&recent.AnyQuery != 0
			}
			return strings.HasPrefix(path, w.path+"/") && w.reach&recent.Below != 0 && (w.query == "" || w.query == query)
		}
		for i := 0; i+1 < len(steps) && i < 200; i += 2 {
			path := ""
			for at := steps[i+1]; at > 0; at >>= 2 {
				path += "/" + string("abcd"[at&3])
			}
			query := [...]string{"", "x&y", "x", "y"}[steps[i]&3]
			u := &url.URL{Path: path, RawQuery: query}
			if steps[i]&4 == 0 {
				w := written{path, query, recent.Reach(steps[i] >> 3 & 3), steps[i]&32 != 0, i}
				if len(query) > 1 {
					w.reach &^= recent.AnyQuery
				}
				m.Remember(space, u, w.reach, recent.Write{At: time.Now(), Deleted: w.deleted})
				if w.deleted { // and all that lies below it
					w.reach |= recent.Below
				}
				for _, before := range list { // what was wider stays wider; what lies below counts from when it was covered
					if before.path == path && before.query == query && before.deleted == w.deleted {
						w.reach |= before.reach & recent.AnyQuery
					}
				}
				list = append(list, w)
				continue
			}
			want, known := written{}, false
			for _, w := range list {
				if covers(w, path, query) {
					want, known = w, true
				}
			}
			got, ok := m.Latest(space, u)
			assert.Equal(t, known, ok)
			assert.Equal(t, want.deleted, got.Deleted)
		}
	})
}
