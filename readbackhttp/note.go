package readbackhttp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/recent"
)

// note is what one Transport tells others: that something was written, or is to be
// forgotten. All that is in it are hashes and small numbers.
type note struct {
	kind   noteKind
	class  uint8
	reach  uint8 // of what was written; not 0 if any query is forgotten, or if the id is a name
	sender uint64
	count  uint64
	about  uint64 // a mark of the memory, or a list
	space  uint64 // of an entry of a list
	id     uint64 // of an entry of a list
}

type noteKind uint8

const (
	noteWrote noteKind = iota + 1
	noteDeleted
	noteCleared
	noteListed
	noteUnlisted
)

func (n *note) forgets() bool { return n.kind != noteWrote && n.kind != noteListed }

// A note on its way is a version, the seal, three small numbers and five large ones,
// the lowest byte first.
const (
	noteVersion = 1
	sealSize    = 16
	noteSize    = 1 + sealSize + 3 + 5*8
)

// sealed returns the note as it is sent.
func (n *note) sealed(key []byte) []byte {
	raw := make([]byte, 1+sealSize, noteSize)
	raw[0] = noteVersion
	raw = append(raw, byte(n.kind), n.class, n.reach)
	for _, number := range [...]uint64{n.sender, n.count, n.about, n.space, n.id} {
		raw = binary.LittleEndian.AppendUint64(raw, number)
	}
	copy(raw[1:], sealOf(raw, key))
	return raw
}

func sealOf(raw, key []byte) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write(raw[:1])
	_, _ = mac.Write(raw[1+sealSize:])
	return mac.Sum(nil)[:sealSize]
}

// readNote decodes a note, and reports whether its seal by this key is valid.
func readNote(raw, key []byte) (n note, ok bool) {
	if len(raw) != noteSize || raw[0] != noteVersion || !hmac.Equal(raw[1:1+sealSize], sealOf(raw, key)) {
		return note{}, false
	}
	rest := raw[1+sealSize:]
	n.kind, n.class, n.reach = noteKind(rest[0]), rest[1], rest[2]
	rest = rest[3:]
	for _, number := range [...]*uint64{&n.sender, &n.count, &n.about, &n.space, &n.id} {
		*number, rest = binary.LittleEndian.Uint64(rest), rest[8:]
	}
	return n, n.valid()
}

func (n *note) valid() bool {
	switch consistency.Class(n.class) {
	case consistency.Applied, consistency.Accepted, consistency.Ambiguous:
	default:
		return false
	}
	return n.kind >= noteWrote && n.kind <= noteUnlisted && n.reach <= uint8(recent.Below|recent.AnyQuery)
}
