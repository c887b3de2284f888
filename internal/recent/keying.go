package recent

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
)

// keying makes the hashes of a memory: fast ones that are valid only in this process, or HMACs
// under a secret, which are the same for all processes that have it.
type keying struct {
	seed   maphash.Seed
	secret []byte // nil if nothing is shared
}

// text returns the hash of one text. With a secret it is never 0, which means no text.
func (k *keying) text(s string) uint64 {
	if k.secret == nil {
		return maphash.String(k.seed, s)
	}
	h := k.begin()
	h.add("text")
	h.add(s)
	return h.sum() | 1
}

func (k *keying) begin() (h hash) {
	h.secret = k.secret
	if h.secret == nil {
		h.fast.SetSeed(k.seed)
	}
	return h
}

// hash is the hash of a list of texts and numbers. More can be added after its sum was taken.
type hash struct {
	fast   maphash.Hash
	secret []byte
	state  uint64 // with a secret, the sum so far
}

func (h *hash) sum() uint64 {
	if h.secret != nil {
		return h.state
	}
	return h.fast.Sum64()
}

// add adds s and its length, so that different lists of texts have different hashes.
func (h *hash) add(s string) {
	if h.secret != nil {
		h.chain('t', s)
		return
	}
	_, _ = h.fast.WriteString(s)
	h.number(uint64(len(s)))
}

func (h *hash) number(n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	if h.secret != nil {
		h.chain('n', string(b[:]))
		return
	}
	_, _ = h.fast.Write(b[:])
}

// chain sets the state to the HMAC of the state before and the added text.
func (h *hash) chain(kind byte, s string) {
	mac := hmac.New(sha256.New, h.secret)
	var before [9]byte
	before[0] = kind
	binary.LittleEndian.PutUint64(before[1:], h.state)
	_, _ = mac.Write(before[:])
	_, _ = mac.Write([]byte(s))
	var sum [sha256.Size]byte
	h.state = binary.LittleEndian.Uint64(mac.Sum(sum[:0]))
}

// Text returns the hash of a text that is not a URL, such as an id.
func (m *Memory) Text(s string) uint64 { return m.keys.text(s) }
