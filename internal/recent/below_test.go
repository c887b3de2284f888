package recent_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/internal/recent"
)

// What lies below is covered for a while, and until something is seen at or below
// what was written.
func TestMemory_below(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := recent.New(10, time.Minute, 3*time.Second)
		me := m.Space("http", "api.test", "me")
		covered := func(at string) (covered, below bool) {
			w, covered := m.Latest(me, parse(t, at))
			return covered, w.Below
		}
		is := func(want, wantBelow bool, at string) {
			t.Helper()
			got, below := covered(at)
			assert.Equal(t, want, got, at)
			assert.Equal(t, wantBelow, below, at)
		}
		seen := func(who recent.Space, at string, began time.Time) {
			m.Seen(func() recent.Space { return who }, parse(t, at), began)
		}
		create := func(at string) {
			m.Remember(me, parse(t, at), recent.Below, recent.Write{At: time.Now(), Class: 1})
		}
		create("/a")
		is(true, false, "/a")
		is(true, true, "/a/b")
		time.Sleep(2999 * time.Millisecond)
		is(true, true, "/a/b")
		m.Remember(me, parse(t, "/a"), 0, recent.Write{At: time.Now(), Class: 1}) // an update prolongs nothing below
		time.Sleep(time.Millisecond)
		is(false, false, "/a/b")
		is(true, false, "/a")
		_, above := m.Above(me, parse(t, "/a/b"))
		assert.True(t, above, "a write may stand on it yet")

		create("/a")
		before := time.Now()
		time.Sleep(time.Millisecond)
		create("/a")
		seen(me, "/a/c", before)
		is(true, true, "/a/b")
		seen(m.Space("http", "api.test", "you"), "/a/c", time.Now())
		is(true, true, "/a/b")
		seen(me, "/", time.Now())
		seen(me, "/aa", time.Now())
		is(true, true, "/a/b")
		seen(me, "/a/c/d?x=1", time.Now())
		is(false, false, "/a/b")
		is(true, false, "/a")
		create("/a")
		is(true, true, "/a/b")

		// Itself goes before what lies above it.
		m.Remember(me, parse(t, "/a/b"), 0, recent.Write{At: time.Now(), Class: 1})
		create("/a")
		is(true, false, "/a/b")
	})
}

// What lies below may be forgotten, and it alone.
func TestMemory_Clear(t *testing.T) {
	t.Parallel()
	m := recent.New(10, time.Hour, time.Hour)
	space := m.Space("http", "api.test", "")
	m.Clear(space, parse(t, "/a"))
	assert.True(t, m.Empty())
	for _, at := range []string{"/a", "/a/b", "/a/b/c", "/b"} {
		m.Remember(space, parse(t, at), recent.AnyQuery, recent.Write{At: time.Now(), Class: 1})
	}
	m.Remember(space, parse(t, "/a/gone"), recent.Below, recent.Write{At: time.Now(), Class: 1, Deleted: true})
	m.Clear(space, parse(t, "/a"))
	for at, want := range map[string]bool{"/a": true, "/a/b": false, "/a/b/c": false, "/b": true, "/a/b?x=1": false, "/a/gone": false} {
		_, covered := m.Latest(space, parse(t, at))
		assert.Equal(t, want, covered, at)
	}
	m.Remember(space, parse(t, "/a/b"), 0, recent.Write{At: time.Now(), Class: 1})
	_, covered := m.Latest(space, parse(t, "/a/b"))
	assert.True(t, covered, "written again")
}
