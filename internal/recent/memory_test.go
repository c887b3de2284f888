package recent_test

import (
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/recent"
)

func parse(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	return u
}

func TestMemory_reach(t *testing.T) {
	t.Parallel()
	const exact, below, all = recent.Reach(0), recent.Below, recent.Below | recent.AnyQuery
	tests := []struct {
		written string
		reach   recent.Reach
		asked   string
		want    bool
	}{
		{"/a", exact, "/a", true},
		{"/a", exact, "/a/", true},
		{"/a/", exact, "/a", true},
		{"/a", exact, "/a/b", false},
		{"/a", exact, "/a?x=1", false},
		{"/a", exact, "/", false},
		{"/a", exact, "/b", false},
		{"/a", exact, "/ab", false},
		{"/a", exact, "/A", false},
		{"/a?x=1", exact, "/a?x=1", true},
		{"/a?x=1", exact, "/a?x=2", false},
		{"/a?x=1", exact, "/a", false},
		{"/a?x=1&y=2", exact, "/a?y=2&x=1", true}, // nobody means another thing by it
		{"/a?x=1&y=2", exact, "/a?x=1", false},
		{"/a?x=1", exact, "/a?x=1&y=2", false},
		{"/a?x", exact, "/a?x=", true},
		{"/a?x=a%2Fb%20c", exact, "/a?x=a/b+c", true},
		{"/a?x=1=2", exact, "/a?x%3D1=2", false},
		{"/a?x=%zz", exact, "/a?x=%zz", true},
		{"/a?x=1&x=1", exact, "/a?x=1", false},
		{"/a?&x=1&", exact, "/a?x=1", true},
		{"/a", below, "/a/b", true},
		{"/a", below, "/a/b/c/d?x=1", true},
		{"/a/", below, "/a/b", true},
		{"/a", below, "/a?x=1", false},
		{"/a", below, "/ab", false},
		{"/a?x=1", below, "/a/b?x=1", true},
		{"/a?x=1", below, "/a/b", false},
		{"/a?x=1", below, "/a/b?x=2", false},
		{"/a", all, "/a?x=1", true},
		{"/a", all, "/a/b?x=1", true},
		{"/a?x=1", all, "/a?x=2", false},
		{"/a?x=1", all, "/a", false},
		{"/a?x=1", all, "/a?y=2&x=1", true},
		{"/a?x=1", all, "/a?y=2&x=2", false},
		{"/a?x=1&y=2", all, "/a?x=1&y=2&z=3", false},
		{"/a?x=1", all, "/a?" + strings.Repeat("y=2&", 100) + "x=1", false}, // too many to look at
		{"/", below, "/a/b", true},
		{"", below, "/a", true},
		{"/", exact, "", true},
		{"/a%2Fb", exact, "/a/b", false},
		{"/a%2Fb", exact, "/a%2fb", true},
		{"/%61", exact, "/a", true},
		{"/a b", exact, "/a%20b", true},
		{"//a", exact, "/a", false},
		{strings.Repeat("/a", 60), below, strings.Repeat("/a", 300), true},
		{strings.Repeat("/a", 70), below, strings.Repeat("/a", 300), false}, // too deep to be looked for
		{strings.Repeat("/a", 300), below, strings.Repeat("/a", 300), true},
		{strings.Repeat("/a", 300), exact, strings.Repeat("/a", 299), false},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%.20s %d %.20s", tt.written, tt.reach, tt.asked), func(t *testing.T) {
			t.Parallel()
			m := recent.New(10, time.Hour, time.Hour)
			space := m.Space("http", "api.test", "")
			assert.True(t, m.Empty())
			m.Remember(space, parse(t, tt.written), tt.reach, recent.Write{At: time.Now(), Class: 1})
			assert.False(t, m.Empty())
			_, got := m.Latest(space, parse(t, tt.asked))
			assert.Equal(t, tt.want, got)
		})
	}
}

// A RawPath that is left over from another Path is not what is sent.
func TestMemory_staleRawPath(t *testing.T) {
	t.Parallel()
	m := recent.New(10, time.Hour, time.Hour)
	space := m.Space("http", "api.test", "")
	at := func(path string) *url.URL { return &url.URL{Path: path, RawPath: "/a%2Fb"} }
	m.Remember(space, at("/things/7 8"), 0, recent.Write{At: time.Now()})
	for u, want := range map[*url.URL]bool{
		at("/things/8"): false, at("/a/b"): false, at("/things/7 8"): true, parse(t, "/things/7%208"): true,
	} {
		_, known := m.Latest(space, u)
		assert.Equal(t, want, known, u.Path)
	}
}

func TestMemory_space(t *testing.T) {
	t.Parallel()
	m := recent.New(10, time.Hour, time.Hour)
	base := m.Space("http", "api.test", "me")
	assert.Equal(t, base, m.Space("HTTP", "API.test:80", "me"))
	assert.Equal(t, base, m.Space("http", "api.test:", "me"))
	assert.Equal(t, m.Space("https", "api.test", ""), m.Space("https", "api.test:443", ""))
	for _, other := range []recent.Space{
		m.Space("https", "api.test", "me"), m.Space("http", "api.test:443", "me"), m.Space("http", "api.test", "you"),
		m.Space("http", "api.tes", "tme"), m.Space("http", "other.test", "me"),
	} {
		assert.NotEqual(t, base, other)
	}
	assert.NotEqual(t, base, recent.New(10, time.Hour, time.Hour).Space("http", "api.test", "me"), "another process has another key")
}

func TestMemory_latest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := recent.New(10, time.Minute, time.Hour)
		space := m.Space("http", "api.test", "")
		write := func(at string, deleted bool, token string) {
			m.Remember(space, parse(t, at), recent.Below, recent.Write{At: time.Now(), Class: 1, Deleted: deleted, Token: token})
			time.Sleep(time.Second)
		}
		latest := func(at string) recent.Write {
			w, _ := m.Latest(space, parse(t, at))
			return w
		}
		start := time.Now()
		write("/a", false, "one")
		write("/a/b", false, "")
		write("/a/b/c", true, "")
		assert.Equal(t, recent.Write{At: start, Class: 1, Token: "one"}, latest("/a"))
		assert.Equal(t, recent.Write{At: start.Add(time.Second), Class: 1, Token: "one"}, latest("/a/b"))
		assert.True(t, latest("/a/b/c").Deleted)
		write("/a/b", false, "two")
		assert.False(t, latest("/a/b/c").Deleted, "written again above")
		assert.Equal(t, "two", latest("/a/b/c").Token)
		write("/a/b", false, "")
		assert.Equal(t, "two", latest("/a/b/c").Token, "a write without one leaves the last")
		write("/a", false, "three")
		write("/a/b", false, "")
		assert.Equal(t, "three", latest("/a/b").Token, "and makes it no later than it was")
		write("/a", true, "")
		assert.True(t, latest("/a/b/c").Deleted)
		assert.Equal(t, 3, m.Len())

		time.Sleep(time.Until(start.Add(61 * time.Second))) // /a/b/c is the oldest now
		assert.Equal(t, 3, m.Len())
		time.Sleep(time.Second)
		_, known := m.Latest(space, parse(t, "/other"))
		assert.False(t, known)
		assert.Equal(t, 2, m.Len())
		time.Sleep(time.Minute)
		_, known = m.Latest(space, parse(t, "/a"))
		assert.False(t, known)
		assert.True(t, m.Empty())
	})
}

// A write that reaches less far does not take back what one before reached.
func TestMemory_widest(t *testing.T) {
	t.Parallel()
	m := recent.New(10, time.Hour, time.Hour)
	space := m.Space("http", "api.test", "")
	m.Remember(space, parse(t, "/a"), recent.Below, recent.Write{At: time.Now()})
	m.Remember(space, parse(t, "/a"), recent.AnyQuery, recent.Write{At: time.Now()})
	for _, at := range []string{"/a", "/a/b", "/a?x=1"} {
		_, known := m.Latest(space, parse(t, at))
		assert.True(t, known, at)
	}
}

func TestMemory_bounded(t *testing.T) {
	t.Parallel()
	m := recent.New(100, time.Hour, time.Hour)
	space := m.Space("http", "api.test", "")
	at := func(i int) *url.URL { return parse(t, fmt.Sprintf("/%d", i)) }
	for i := range 1000 {
		m.Remember(space, at(0), 0, recent.Write{At: time.Now()}) // touched again and again: not the oldest
		m.Remember(space, at(i), 0, recent.Write{At: time.Now()})
	}
	assert.Equal(t, 100, m.Len())
	for i, want := range map[int]bool{0: true, 999: true, 901: true, 900: false, 1: false} {
		_, known := m.Latest(space, at(i))
		assert.Equal(t, want, known, "%d", i)
	}
	// Long tokens take the place of entries, but the last is always kept.
	for i := range 200 {
		m.Remember(space, at(i), 0, recent.Write{At: time.Now(), Token: strings.Repeat("x", 4000)})
	}
	assert.Equal(t, 2, m.Len())
	small := recent.New(1, time.Hour, time.Hour)
	small.Remember(space, at(1), 0, recent.Write{At: time.Now(), Token: strings.Repeat("x", 4000)})
	assert.Equal(t, 1, small.Len())
}

// An entry takes less than 400 bytes, however long the URL.
func TestMemory_size(t *testing.T) {
	const entries = 10_000
	for name, path := range map[string]string{"short": "/v1/things/%d", "long": "/" + strings.Repeat("x", 2000) + "/%d"} {
		before := heap()
		m := recent.New(entries, time.Hour, time.Hour)
		space := m.Space("http", "api.test", strings.Repeat("secret", 100))
		for i := range 3 * entries {
			m.Remember(space, parse(t, fmt.Sprintf(path, i)), recent.Below, recent.Write{At: time.Now(), Token: strings.Clone("276638689419853824")})
		}
		each := float64(heap()-before) / entries
		t.Logf("%s: %.0f bytes an entry", name, each)
		assert.Less(t, each, 400.0)
		runtime.KeepAlive(m)
	}
}

func heap() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}
