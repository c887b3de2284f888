package coding_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/coding"
)

func TestText(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte("some text"))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	zipped := b.String()
	tests := []struct {
		name, encoding, body string
		whole                bool
		text                 string
		all                  bool
	}{
		{"plain", "", "some text", true, "some text", true},
		{"plain, by its name", "identity", "some text", true, "some text", true},
		{"plain, in part", "", "some", false, "some", false},
		{"zipped", "gzip", zipped, true, "some text", true},
		{"zipped, by its old name", "X-Gzip", zipped, true, "some text", true},
		{"zipped, in part", "gzip", zipped[:len(zipped)-1], false, "some text", false},
		{"zipped, and cut off", "gzip", zipped[:len(zipped)-1], true, "some text", false},
		{"what is no zip", "gzip", "some text", true, "", false},
		{"nothing", "gzip", "", true, "", true},
		{"unknown", "br", zipped, true, "", false},
		{"twice", "gzip, gzip", zipped, true, "", false},
	}
	for _, tt := range tests {
		h := http.Header{}
		if tt.encoding != "" {
			h.Set("Content-Encoding", tt.encoding)
		}
		text, all := coding.Text(h, []byte(tt.body), tt.whole, 100)
		assert.Equal(t, tt.text, string(text), tt.name)
		assert.Equal(t, tt.all, all, tt.name)
	}
	text, all := coding.Unzip([]byte(zipped), 4)
	assert.Equal(t, "some", string(text))
	assert.False(t, all)
}
