package pointer_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/pointer"
)

// The document and the first twelve rows are those of RFC 6901, section 5.
const document = `{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}`

func TestGet(t *testing.T) {
	t.Parallel()
	var doc any
	require.NoError(t, json.Unmarshal([]byte(document), &doc))
	tests := []struct {
		pointer string
		want    any
		found   bool
	}{
		{"", doc, true},
		{"/foo", []any{"bar", "baz"}, true},
		{"/foo/0", "bar", true},
		{"/", 0.0, true},
		{"/a~1b", 1.0, true},
		{"/c%d", 2.0, true},
		{"/e^f", 3.0, true},
		{"/g|h", 4.0, true},
		{`/i\j`, 5.0, true},
		{`/k"l`, 6.0, true},
		{"/ ", 7.0, true},
		{"/m~0n", 8.0, true},
		{"foo", nil, false},
		{"/nope", nil, false},
		{"/foo/2", nil, false},
		{"/foo/-", nil, false},
		{"/foo/-1", nil, false},
		{"/foo/00", nil, false},
		{"/foo/0/x", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.pointer, func(t *testing.T) {
			t.Parallel()
			got, found := pointer.Get(doc, tt.pointer)
			assert.Equal(t, tt.found, found)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestValid(t *testing.T) {
	t.Parallel()
	assert.True(t, pointer.Valid(""))
	assert.True(t, pointer.Valid("/a"))
	assert.False(t, pointer.Valid("a"))
}
