package natsstore

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
)

var word = regexp.MustCompile(`^[-_=A-Za-z0-9]*$`)

// Any key fits a subject, and comes back.
func FuzzEscape(f *testing.F) {
	for _, key := range []string{"", "order-42", "a.b", "a b", "*", ">", "=41", "$KV", "é", "\x00\xff", "order/42?x=y"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		escaped := escape(key)
		assert.Regexp(t, word, escaped)
		got, err := unescape(escaped)
		require.NoError(t, err)
		assert.Equal(t, key, got)
		got, err = names{"b"}.key(names{"b"}.record(submit.KindJob, key))
		require.NoError(t, err)
		assert.Equal(t, key, got)
	})
}

func TestUnescape_broken(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"=", "a=4", "=zz", "=-1"} {
		_, err := unescape(word)
		require.ErrorContains(t, err, "is no key", word)
	}
}
