// Package recent remembers which URLs were written lately, and by whom.
//
// It keeps keyed hashes, not URLs or credentials: an entry is small, and a dump
// of the memory tells nothing. The key is drawn anew for each memory.
package recent

import (
	"hash/maphash"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Write is what is remembered of a write. At is when it was answered.
type Write struct {
	At      time.Time
	Class   uint8 // what its answer proves, in the numbers of whoever asks
	Deleted bool
	Token   string // position that reads can ask for; empty if there is none
}

// Reach says which URLs a write covers besides the one it is remembered for.
type Reach uint8

const (
	// Below covers what lies below the path, with any query after a write
	// without one, and with the same otherwise.
	Below Reach = 1 << iota

	// AnyQuery covers the same path with any query, after a write without one.
	AnyQuery
)

// Memory remembers writes, the latest ones, for a while. It is safe for
// concurrent use.
type Memory struct {
	seed maphash.Seed
	max  int
	keep time.Duration
	zero time.Time
	size atomic.Int32 // entries

	mu      sync.Mutex
	writes  uint64 // ever remembered
	entries map[uint64]*entry
	ends    entry // of the list of entries: next is the oldest, prev the latest
	tokens  int   // bytes of all tokens
}

// entry is what happened to one URL. A deletion does not replace the write
// before it, for they may differ in reach.
type entry struct {
	key        uint64
	prev, next *entry
	written    record
	deleted    record
}

// record is a Write in few bytes.
type record struct {
	n     uint64 // of the write; 0 if there is none
	at    time.Duration
	token string
	asOf  uint64 // n of the write whose answer had the token
	class uint8
	reach Reach
}

// tokenShare is how many bytes of tokens the memory has for each of its
// entries.
const tokenShare = 100

// New returns a memory of at most limit URLs, each for as long as keep says.
func New(limit int, keep time.Duration) *Memory {
	m := &Memory{seed: maphash.MakeSeed(), max: limit, keep: keep, zero: time.Now(), entries: make(map[uint64]*entry)}
	m.ends.prev, m.ends.next = &m.ends, &m.ends
	return m
}

// Empty reports whether there is nothing in the memory. It is fast.
func (m *Memory) Empty() bool { return m.size.Load() == 0 }

// Len returns how many URLs the memory keeps, also of those whose time is over
// and that nobody has asked for since.
func (m *Memory) Len() int { return int(m.size.Load()) }

// Remember adds a write of u in space, and forgets the oldest if there are too
// many.
func (m *Memory) Remember(space Space, u *url.URL, reach Reach, w Write) {
	var t trail
	m.follow(&t, space, u)
	if t.query != 0 {
		reach &^= AnyQuery
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(time.Since(m.zero))
	e := m.entries[t.key()]
	if e == nil {
		e = &entry{key: t.key()}
		m.entries[e.key] = e
	} else {
		e.unlink()
	}
	e.prev, e.next = m.ends.prev, &m.ends
	e.prev.next, e.next.prev = e, e
	kept := &e.written
	if w.Deleted {
		kept = &e.deleted
	}
	m.writes++
	r := record{
		n: m.writes, at: w.At.Sub(m.zero), class: w.Class,
		reach: reach | kept.reach,          // an earlier, wider write is still news
		token: kept.token, asOf: kept.asOf, // and so is its token
	}
	if w.Token != "" {
		r.token, r.asOf = strings.Clone(w.Token), m.writes // not what it is a part of
	}
	m.tokens += len(r.token) - len(kept.token)
	*kept = r
	for len(m.entries) > m.max || m.tokens > m.max*tokenShare && len(m.entries) > 1 {
		m.drop(m.ends.next)
	}
	m.size.Store(int32(len(m.entries)))
}

// Latest returns the last write that covers u in space, with the token of the
// last of them that has one, and whether there is any.
func (m *Memory) Latest(space Space, u *url.URL) (Write, bool) {
	var t trail
	m.follow(&t, space, u)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(time.Since(m.zero))
	var found search
	for _, sum := range t.above[:t.n] {
		found.look(m.entries[sum], Below)
		if t.query != 0 {
			found.look(m.entries[sum^t.query], Below)
		}
	}
	if t.query != 0 {
		found.look(m.entries[t.whole], AnyQuery)
	}
	found.look(m.entries[t.key()], 0)
	if found.last.n == 0 {
		return Write{}, false
	}
	return Write{At: m.zero.Add(found.last.at), Class: found.last.class, Deleted: found.deleted, Token: found.token.token}, true
}

// search is the latest of what was looked at.
type search struct {
	last, token record
	deleted     bool
}

// look takes the records of e into account that reach as far as asked.
func (s *search) look(e *entry, reach Reach) {
	if e == nil {
		return
	}
	for i, r := range [...]*record{&e.written, &e.deleted} {
		if r.n == 0 || r.reach&reach != reach {
			continue
		}
		if r.n > s.last.n {
			s.last, s.deleted = *r, i == 1
		}
		if r.asOf > s.token.asOf {
			s.token = *r
		}
	}
}

// sweep forgets what is too old. Both records of an entry live as long as the
// later one.
func (m *Memory) sweep(now time.Duration) {
	swept := false
	for e := m.ends.next; e != &m.ends && now-max(e.written.at, e.deleted.at) >= m.keep; e = m.ends.next {
		m.drop(e)
		swept = true
	}
	if swept {
		m.size.Store(int32(len(m.entries)))
	}
}

func (m *Memory) drop(e *entry) {
	e.unlink()
	delete(m.entries, e.key)
	m.tokens -= len(e.written.token) + len(e.deleted.token)
}

func (e *entry) unlink() { e.prev.next, e.next.prev = e.next, e.prev }
