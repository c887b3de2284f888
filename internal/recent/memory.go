// Package recent remembers which URLs were written lately, and with which credentials.
//
// It keeps keyed hashes, not URLs or credentials: an entry is small, and a dump of the memory
// shows no secret. The key is random for each memory; memories that share what they know
// have a common secret instead.
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
	Class   uint8  // what its answer proves, in the caller's numbers
	Deleted bool   // it is a deletion; it covers everything below it too, whatever its Reach
	Below   bool   // set by Latest: the write is above the URL that was asked for
	Token   string // position that reads can ask for; empty if there is none
}

// Reach says which URLs a write covers besides its own.
type Reach uint8

const (
	// Below covers the paths below the write's path: with any query if the write had
	// none, otherwise with the same query. It ends after a while, and when a read at or
	// below the path shows something, see [Memory.Seen].
	Below Reach = 1 << iota

	// AnyQuery covers the same path with any query, if the write had none, and with more in
	// the query, if the write had one pair.
	AnyQuery
)

// Memory remembers writes, the latest ones, for a while. It is safe for
// concurrent use.
type Memory struct {
	keys  keying
	max   int
	keep  time.Duration
	below time.Duration // how long paths below are covered
	zero  time.Time
	size  atomic.Int32 // entries
	until atomic.Int64 // when the last cover of paths below ends, since zero
	gone  atomic.Int64 // when the last deletion is forgotten, since zero

	mu      sync.Mutex
	writes  uint64 // ever remembered
	entries map[uint64]*entry
	ends    entry // of the list of entries: next is the oldest, prev the latest
	tokens  int   // bytes of all tokens
}

// entry is what happened to one URL. A deletion does not replace the write before it, since
// they may have a different reach.
type entry struct {
	key        uint64
	prev, next *entry
	written    record
	deleted    record
	cleared    clearing
	forgotten  uint64 // when the path itself was forgotten too, in the order of the writes
}

// clearing is when the writes below a path were forgotten.
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
	under clearing // when a write last covered paths below
	class uint8
	reach Reach
	shown bool // something was read at or below it since then
}

// tokenShare is how many bytes of tokens the memory keeps for each entry, on average.
const tokenShare = 100

// New returns a memory of at most limit URLs. Each is remembered for keep, and covers paths
// below it for below.
func New(limit int, keep, below time.Duration) *Memory {
	return NewShared(nil, limit, keep, below)
}

// NewShared is New for memories in several processes: memories with the same secret give a URL
// the same [Mark]. Without a secret, each has its own marks.
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

// Len returns how many URLs the memory keeps. It may include some whose time is over.
func (m *Memory) Len() int { return int(m.size.Load()) }

// Mark identifies a URL in a space.
type Mark uint64

// Mark returns the mark of u in space, and the effective reach of a write of u: a write with
// several pairs in its query does not cover other queries.
func (m *Memory) Mark(space Space, u *url.URL, reach Reach) (Mark, Reach) {
	var t trail
	m.follow(&t, space, u)
	if t.p > 1 {
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

// Remember adds a write of u in space, and forgets the oldest entries if there are too many.
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
		m.gone.Store(int64(time.Since(m.zero) + m.keep))
	}
	r := record{
		n: m.writes, at: w.At.Sub(m.zero), class: w.Class,
		reach: reach | kept.reach,          // an earlier write may reach farther
		token: kept.token, asOf: kept.asOf, // and may have a token
		under: kept.under, shown: kept.shown,
	}
	if reach&Below != 0 {
		r.under, r.shown = clearing{n: r.n, at: r.at}, false
		m.until.Store(max(m.until.Load(), int64(r.at+m.below)))
	}
	if w.Token != "" {
		r.token, r.asOf = strings.Clone(w.Token), m.writes // without keeping the text that it is cut from
	}
	m.tokens += len(r.token) - len(kept.token)
	*kept = r
	m.shrink()
}

// Clear forgets the writes below u in space.
func (m *Memory) Clear(space Space, u *url.URL) {
	m.ClearAt(m.Path(space, u))
}

// ClearAt is Clear for what [Memory.Path] returned.
func (m *Memory) ClearAt(at Mark) { m.clear(at, false) }

// ForgetAt forgets what was remembered at and below what [Memory.Path] returned, with
// any query.
func (m *Memory) ForgetAt(at Mark) { m.clear(at, true) }

// Revive says that u in space is there, or something below it: deletions at and above it
// are over, and what they made the memory forget stays forgotten. It returns where they
// were. It is fast if nothing was deleted lately.
func (m *Memory) Revive(space func() Space, u *url.URL) (revived []Mark) {
	if int64(time.Since(m.zero)) >= m.gone.Load() {
		return nil
	}
	var t trail
	m.follow(&t, space(), u)
	m.mu.Lock()
	defer m.mu.Unlock()
	revive := func(key uint64) {
		if e := m.entries[key]; e != nil && e.deleted.n > e.cleared.n {
			m.forget(key, true)
			revived = append(revived, Mark(key))
		}
	}
	for _, sum := range t.above[:t.n] {
		revive(sum)
	}
	revive(t.whole)
	if t.query != 0 {
		revive(t.key())
	}
	m.shrink()
	return revived
}

func (m *Memory) clear(at Mark, itself bool) {
	if m.Empty() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(uint64(at), itself)
	m.shrink()
}

// forget forgets the writes below a path, and of the path itself. The caller holds the
// lock.
func (m *Memory) forget(key uint64, itself bool) {
	e := m.touch(key)
	e.cleared = clearing{n: m.writes, at: time.Since(m.zero)}
	if itself {
		e.forgotten = m.writes
	}
}

// touch returns the entry of a key, makes it the latest one, and counts a write. The caller
// holds the lock.
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

// Seen says that a read of u in space, which began at that time, showed something. From now on,
// writes above u no longer cover paths below them, so a 404 there counts. It is fast if no
// write covers paths below it.
func (m *Memory) Seen(space func() Space, u *url.URL, began time.Time) {
	at := began.Sub(m.zero) // not the time of now, which costs as much as all else here
	if int64(at) >= m.until.Load() {
		return
	}
	var t trail
	m.follow(&t, space(), u)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, sum := range t.above[:t.n] {
		m.entries[sum].show(at)
		if t.query != 0 {
			m.entries[sum^t.query].show(at)
		}
	}
	m.entries[t.whole].show(at)
	for _, pair := range t.each() {
		m.entries[t.whole^pair].show(at)
	}
	if t.query != 0 {
		m.entries[t.key()].show(at)
	}
}

func (e *entry) show(began time.Duration) {
	if e != nil && began >= e.written.under.at {
		e.written.shown = true
	}
}

// Latest returns the last write that covers u in space, with the last token of all writes that
// cover it; false if there is none. A write of u itself comes before a write above it.
func (m *Memory) Latest(space Space, u *url.URL) (Write, bool) {
	return m.latest(space, u, false)
}

// Above is Latest for a write of u, which may need something above it that was written just
// now. A write above counts for as long as it is remembered, whatever reads have shown.
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
	for _, pair := range t.each() {
		found.at(m.entries[t.whole^pair], AnyQuery)
	}
	found.at(m.entries[t.key()], 0)
	return found
}

// search collects the latest records of the entries that were looked at.
type search struct {
	oldest  time.Duration // writes before this do not cover paths below them
	exact   record
	under   record // of a write above; n and at are those of its field under
	deleted record
	token   record
	cleared uint64
}

// above looks at the entry of a path above u.
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

// at looks at the entry of u, at records with at least this reach.
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

// sweep forgets old entries. An entry lives as long as its latest record.
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
