// Package recent remembers which URLs were written lately, and by whom.
//
// It keeps keyed hashes, not URLs or credentials: an entry is small, and a dump
// of the memory tells nothing. The key is drawn anew for each memory, except for
// memories that share what they know: they have a secret in common.
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
	Class   uint8  // what its answer proves, in the numbers of whoever asks
	Deleted bool   // and all that lies below it, whatever the write's Reach
	Below   bool   // it covers what is asked about only as what lies above; set by Latest
	Token   string // position that reads can ask for; empty if there is none
}

// Reach says which URLs a write covers besides the one it is remembered for.
type Reach uint8

const (
	// Below covers what lies below the path, with any query after a write
	// without one, and with the same otherwise: for a while, and until a read at
	// or below it shows something, see [Memory.Seen].
	Below Reach = 1 << iota

	// AnyQuery covers the same path with any query, after a write without one.
	AnyQuery
)

// Memory remembers writes, the latest ones, for a while. It is safe for
// concurrent use.
type Memory struct {
	keys  keying
	max   int
	keep  time.Duration
	below time.Duration // how long what lies below is covered
	zero  time.Time
	size  atomic.Int32 // entries
	until atomic.Int64 // when the last cover of what lies below ends, since zero

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
	cleared    clearing
	forgotten  uint64 // when the path itself was forgotten too, in the order of the writes
}

// clearing is when what lies below a path was forgotten.
type clearing struct {
	n  uint64 // in the order of the writes; 0 if it was not
	at time.Duration
}

// record is a Write in few bytes.
type record struct {
	n     uint64 // of the write; 0 if there is none
	at    time.Duration
	token string
	asOf  uint64   // n of the write whose answer had the token
	under clearing // when a write last covered what lies below
	class uint8
	reach Reach
	shown bool // something was read at or below it since then
}

// tokenShare is how many bytes of tokens the memory has for each of its
// entries.
const tokenShare = 100

// New returns a memory of at most limit URLs, each for as long as keep says, with
// what lies below them as long as below says.
func New(limit int, keep, below time.Duration) *Memory {
	return NewShared(nil, limit, keep, below)
}

// NewShared is New for memories in several processes: those with the same secret
// give a URL the same [Mark]. Without a secret, each has marks of its own.
func NewShared(secret []byte, limit int, keep, below time.Duration) *Memory {
	m := &Memory{
		keys: keying{seed: maphash.MakeSeed(), secret: secret}, max: limit, keep: keep, below: below,
		zero: time.Now(), entries: make(map[uint64]*entry),
	}
	m.ends.prev, m.ends.next = &m.ends, &m.ends
	return m
}

// Empty reports whether there is nothing in the memory. It is fast.
func (m *Memory) Empty() bool { return m.size.Load() == 0 }

// Len returns how many URLs the memory keeps, also of those whose time is over
// and that nobody has asked for since.
func (m *Memory) Len() int { return int(m.size.Load()) }

// Mark is all that the memory needs to know of a URL in a space.
type Mark uint64

// Mark returns the mark of u in space, and how far a write of u that is to reach
// so far does reach.
func (m *Memory) Mark(space Space, u *url.URL, reach Reach) (Mark, Reach) {
	var t trail
	m.follow(&t, space, u)
	if t.query != 0 {
		reach &^= AnyQuery
	}
	return Mark(t.key()), reach
}

// Path returns the mark of u in space without its query.
func (m *Memory) Path(space Space, u *url.URL) Mark {
	var t trail
	m.follow(&t, space, u)
	return Mark(t.whole)
}

// Remember adds a write of u in space, and forgets the oldest if there are too
// many.
func (m *Memory) Remember(space Space, u *url.URL, reach Reach, w Write) {
	at, reach := m.Mark(space, u, reach)
	m.RememberAt(at, reach, w)
}

// RememberAt is Remember for what [Memory.Mark] returned, here or in a memory with
// the same secret.
func (m *Memory) RememberAt(at Mark, reach Reach, w Write) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.touch(uint64(at))
	kept := &e.written
	if w.Deleted {
		kept = &e.deleted
	}
	r := record{
		n: m.writes, at: w.At.Sub(m.zero), class: w.Class,
		reach: reach | kept.reach,          // an earlier, wider write is still news
		token: kept.token, asOf: kept.asOf, // and so is its token
		under: kept.under, shown: kept.shown,
	}
	if reach&Below != 0 {
		r.under, r.shown = clearing{n: r.n, at: r.at}, false
		m.until.Store(max(m.until.Load(), int64(r.at+m.below)))
	}
	if w.Token != "" {
		r.token, r.asOf = strings.Clone(w.Token), m.writes // not what it is a part of
	}
	m.tokens += len(r.token) - len(kept.token)
	*kept = r
	m.shrink()
}

// Clear forgets what was remembered below u in space.
func (m *Memory) Clear(space Space, u *url.URL) {
	m.ClearAt(m.Path(space, u))
}

// ClearAt is Clear for what [Memory.Path] returned.
func (m *Memory) ClearAt(at Mark) {
	if m.Empty() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.touch(uint64(at))
	e.cleared = clearing{n: m.writes, at: time.Since(m.zero)}
	m.shrink()
}

// ForgetAt forgets what was remembered at and below what [Memory.Path] returned, with
// any query.
func (m *Memory) ForgetAt(at Mark) {
	if m.Empty() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.touch(uint64(at))
	e.cleared = clearing{n: m.writes, at: time.Since(m.zero)}
	e.forgotten = m.writes
	m.shrink()
}

// touch returns the entry of a key, as the latest one, and counts a write. The
// lock is the caller's.
func (m *Memory) touch(key uint64) *entry {
	m.sweep(time.Since(m.zero))
	e := m.entries[key]
	if e == nil {
		e = &entry{key: key}
		m.entries[key] = e
	} else {
		e.unlink()
	}
	e.prev, e.next = m.ends.prev, &m.ends
	e.prev.next, e.next.prev = e, e
	m.writes++
	return e
}

// shrink drops the oldest entries as long as there are too many.
func (m *Memory) shrink() {
	for len(m.entries) > m.max || m.tokens > m.max*tokenShare && len(m.entries) > 1 {
		m.drop(m.ends.next)
	}
	m.size.Store(int32(len(m.entries)))
}

// Seen tells that a read of u in space, which began then, showed something: from
// now on, what is missing beside it is missing. It is fast where nothing is
// covered for lying below.
func (m *Memory) Seen(space func() Space, u *url.URL, began time.Time) {
	if int64(time.Since(m.zero)) >= m.until.Load() {
		return
	}
	var t trail
	m.follow(&t, space(), u)
	at := began.Sub(m.zero)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, sum := range t.above[:t.n] {
		m.entries[sum].show(at)
		if t.query != 0 {
			m.entries[sum^t.query].show(at)
		}
	}
	m.entries[t.whole].show(at)
	if t.query != 0 {
		m.entries[t.key()].show(at)
	}
}

func (e *entry) show(began time.Duration) {
	if e != nil && began >= e.written.under.at {
		e.written.shown = true
	}
}

// Latest returns the last write that covers u in space, with the token of the
// last of them that has one, and whether there is any. One that covers u itself
// goes before one that covers what lies below it.
func (m *Memory) Latest(space Space, u *url.URL) (Write, bool) {
	return m.latest(space, u, false)
}

// Above is Latest for a write of u, which may stand on something that was written
// just now: that lies above it as long as it is remembered, whatever reads show.
func (m *Memory) Above(space Space, u *url.URL) (Write, bool) {
	return m.latest(space, u, true)
}

func (m *Memory) latest(space Space, u *url.URL, long bool) (Write, bool) {
	var t trail
	m.follow(&t, space, u)
	m.mu.Lock()
	defer m.mu.Unlock()
	found := m.search(&t, long)
	return found.write(m.zero)
}

// Writes returns how many writes were ever remembered, deletions included.
func (m *Memory) Writes() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}

// Gone returns how many writes had been remembered when what lies below u in space
// was deleted or forgotten last; 0 if it was not.
func (m *Memory) Gone(space Space, u *url.URL) uint64 {
	var t trail
	m.follow(&t, space, u)
	m.mu.Lock()
	defer m.mu.Unlock()
	found := m.search(&t, false)
	gone := max(found.deleted.n, found.cleared)
	if e := m.entries[t.whole]; e != nil {
		gone = max(gone, e.cleared.n)
	}
	return gone
}

// search looks at what covers a URL. The lock is the caller's.
func (m *Memory) search(t *trail, long bool) search {
	now := time.Since(m.zero)
	m.sweep(now)
	found := search{oldest: now - m.below}
	if long {
		found.oldest = now - m.keep
	}
	for _, sum := range t.above[:t.n] {
		found.above(m.entries[sum], long)
		if t.query != 0 {
			found.above(m.entries[sum^t.query], long)
		}
	}
	if t.query != 0 {
		found.at(m.entries[t.whole], AnyQuery)
	}
	found.at(m.entries[t.key()], 0)
	return found
}

// search is the latest of what was looked at.
type search struct {
	oldest  time.Duration // that covers what lies below
	exact   record
	under   record // its n and at are those of what covers what lies below
	deleted record
	token   record
	cleared uint64
}

// above looks at a path that u lies below.
func (s *search) above(e *entry, long bool) {
	if e == nil {
		return
	}
	s.cleared = max(s.cleared, e.cleared.n)
	if r := e.written; r.reach&Below != 0 {
		if r.under.at > s.oldest && (long || !r.shown) && r.under.n > s.under.n {
			r.n, r.at = r.under.n, r.under.at
			s.under = r
		}
		s.tokenOf(&e.written)
	}
	if r := &e.deleted; r.n > s.deleted.n {
		s.deleted = *r
		s.tokenOf(r)
	}
}

// at looks at the path of u, with records that reach as far as asked.
func (s *search) at(e *entry, reach Reach) {
	if e == nil {
		return
	}
	s.cleared = max(s.cleared, e.forgotten)
	if r := &e.written; r.n > s.exact.n && r.reach&reach == reach {
		s.exact = *r
		s.tokenOf(r)
	}
	if r := &e.deleted; r.n > s.deleted.n && r.reach&reach == reach {
		s.deleted = *r
		s.tokenOf(r)
	}
}

func (s *search) tokenOf(r *record) {
	if r.asOf > s.token.asOf {
		s.token = *r
	}
}

func (s *search) write(zero time.Time) (w Write, covered bool) {
	last, since := &s.exact, max(s.deleted.n, s.cleared)
	switch {
	case s.exact.n > since:
	case s.under.n > since:
		last, w.Below = &s.under, true
	case s.deleted.n > s.cleared:
		last, w.Deleted = &s.deleted, true
	default:
		return w, false
	}
	w.At, w.Class, w.Token = zero.Add(last.at), last.class, s.token.token
	return w, true
}

// sweep forgets what is too old. The records of an entry live as long as the
// latest one.
func (m *Memory) sweep(now time.Duration) {
	swept := false
	for e := m.ends.next; e != &m.ends && now-max(e.written.at, e.deleted.at, e.cleared.at) >= m.keep; e = m.ends.next {
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
