package readbackhttp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/recent"
)

// Whatever comes is a note that would be sent so, or nothing. With a seal that is
// right nothing in it makes trouble either.
func FuzzNote(f *testing.F) {
	key := subkey([]byte("a secret of some length"), "seal")
	n := note{kind: noteWrote, class: uint8(consistency.Applied), reach: 3, sender: 1, count: 2, about: 3, space: 4, id: 5}
	f.Add(n.sealed(key))
	f.Add([]byte{})
	f.Add(make([]byte, noteSize))
	f.Fuzz(func(t *testing.T, raw []byte) {
		memory := recent.NewShared(key, 10, time.Minute, time.Second)
		s := newSharing(Share{Secret: key}, memory, newLists(memory.Text, 10, time.Minute))
		s.seal = key
		s.heed(raw)
		if got, ok := readNote(raw, key); ok {
			assert.Equal(t, raw, got.sealed(key))
		} else {
			assert.True(t, memory.Empty() && s.lists.empty() && len(s.senders) == 0)
		}
		if len(raw) != noteSize {
			return
		}
		raw = append([]byte(nil), raw...)
		raw[0] = noteVersion
		copy(raw[1:], sealOf(raw, key))
		got, ok := readNote(raw, key)
		require.Equal(t, ok, got.valid())
		for range 2 {
			s.heed(raw)
		}
		assert.LessOrEqual(t, memory.Len(), 1)
		if ok && got.kind == noteWrote && got.count > 0 {
			assert.Equal(t, 1, memory.Len())
		}
	})
}

// Of senders a bounded number is known, and what one that was dropped sent before
// makes nobody forget.
func TestSharing_senders(t *testing.T) {
	t.Parallel()
	memory := recent.NewShared([]byte("key"), 10, time.Minute, time.Second)
	s := newSharing(Share{Secret: []byte("a secret of some length")}, memory, newLists(memory.Text, 10, time.Minute))
	own := note{kind: noteWrote, class: uint8(consistency.Applied), sender: s.self, count: s.floor + 1}
	s.heed(own.sealed(s.seal))
	assert.True(t, memory.Empty(), "its own")
	now := counted(time.Now()) + 1000
	forget := func(sender, count uint64) bool {
		return s.isNews(&note{kind: noteDeleted, sender: sender, count: count})
	}
	require.True(t, forget(1, now))
	for id := range uint64(mostSenders) {
		require.True(t, s.isNews(&note{kind: noteWrote, sender: id + 2, count: now}))
	}
	assert.Len(t, s.senders, mostSenders)
	assert.False(t, forget(1, now), "repeated")
	assert.True(t, forget(1, now+1))
}
