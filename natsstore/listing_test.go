package natsstore

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/submit"
)

// What was read of a server that is behind is replaced by what is read later.
func TestListing(t *testing.T) {
	t.Parallel()
	rev := func(key string, revision uint64) submit.Record { return submit.Record{Key: key, Revision: revision} }
	for _, tt := range []struct {
		behind bool
		want   []submit.Record
	}{
		{true, []submit.Record{rev("a", 3)}},
		{false, []submit.Record{rev("a", 1), rev("b", 2)}},
	} {
		var got []submit.Record
		l := listing{
			yield:   func(r submit.Record, _ error) bool { got = append(got, r); return true },
			behind:  tt.behind,
			records: make(map[string]submit.Record),
		}
		assert.True(t, l.add(rev("a", 1), true))
		assert.True(t, l.add(rev("b", 2), true))
		assert.True(t, l.add(rev("a", 3), true))
		assert.True(t, l.add(rev("b", 4), false))
		assert.True(t, l.add(rev("c", 5), false))
		l.finish()
		assert.Equal(t, tt.want, got)
	}
}
