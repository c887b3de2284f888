package consistency_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
)

func TestField(t *testing.T) {
	t.Parallel()
	match := consistency.Field[string](func(i item) int { return i.Version }, 3)
	assert.True(t, match("", item{Version: 3}))
	assert.False(t, match("", item{Version: 4}))
	assert.False(t, match("", item{}))
}

func TestVersion(t *testing.T) {
	t.Parallel()
	type versioned struct{ V int }
	match := consistency.Version(func(w versioned) int { return w.V }, func(r item) int { return r.Version })
	tests := []struct {
		written, shown int
		want           bool
	}{
		{3, 3, true},
		{3, 4, true},
		{3, 2, false},
		{3, 0, false},  // unknown
		{0, 3, false},  // not written
		{0, 0, false},  // neither
		{-3, 0, false}, // unknown is not more than negative
		{-3, -2, true},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, match(versioned{tt.written}, item{Version: tt.shown}), "%+v", tt)
	}

	text := consistency.Version(func(w string) string { return w }, func(r string) string { return r })
	assert.True(t, text("a", "b"))
	assert.False(t, text("a", ""))
	assert.False(t, text("", "b"))
}

func TestMember(t *testing.T) {
	t.Parallel()
	match := consistency.Member(func(w string, i item) bool { return w == "w1" && i.Version == 2 })
	assert.True(t, match("w1", []item{{Version: 1}, {Version: 2}}))
	assert.False(t, match("w1", []item{{Version: 1}}))
	assert.False(t, match("w2", []item{{Version: 2}}))
	assert.False(t, match("w1", nil))
}
