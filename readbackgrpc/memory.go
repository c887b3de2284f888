package readbackgrpc

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/readback-go/readback/consistency"
)

// written is what is remembered of a write of one name. At is when it was
// answered.
type written struct {
	at      time.Time
	class   consistency.Class
	deleted bool
	version string // by Options.Version; empty if it is not known
	kind    string // of an operation: what kind of resource it is to make
	n       uint64 // of the write
}

// memory remembers the latest writes, for a while, by keyed hashes of their names:
// a dump of it tells nothing. It is safe for concurrent use.
type memory struct {
	seed maphash.Seed
	max  int
	keep time.Duration
	size atomic.Int32

	mu      sync.Mutex
	writes  uint64
	entries map[uint64]*entry
	ends    entry // of the list of entries: next is the oldest, prev the latest
}

type entry struct {
	key        uint64
	prev, next *entry
	written
}

func newMemory(limit int, keep time.Duration) *memory {
	m := &memory{seed: maphash.MakeSeed(), max: limit, keep: keep, entries: make(map[uint64]*entry)}
	m.ends.prev, m.ends.next = &m.ends, &m.ends
	return m
}

// empty reports whether there is nothing in the memory. It is fast.
func (m *memory) empty() bool { return m.size.Load() == 0 }

// place is where names are remembered: a target, as seen by one caller.
type place uint64

func (m *memory) place(target, who string) place {
	var h maphash.Hash
	h.SetSeed(m.seed)
	maphash.WriteComparable(&h, [2]string{target, who})
	return place(h.Sum64())
}

// key returns the key of a name. A name that is not a full one is one of kind.
func (m *memory) key(p place, kind, name string) uint64 {
	if full(name) {
		kind = ""
	}
	return maphash.Comparable(m.seed, struct {
		place      place
		kind, name string
	}{p, kind, name})
}

// read returns the key of a read that waits for a write.
func (m *memory) read(p place, method, name string, w written) uint64 {
	return maphash.Comparable(m.seed, struct {
		place                 place
		method, name, version string
		deleted               bool
	}{p, method, name, w.version, w.deleted})
}

// remember adds a write, and forgets the oldest if there are too many.
func (m *memory) remember(key uint64, w written) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(time.Now())
	e := m.entries[key]
	if e == nil {
		e = &entry{key: key}
		m.entries[key] = e
	} else {
		e.unlink()
	}
	m.writes++
	w.n = m.writes
	e.written = w
	e.prev, e.next = m.ends.prev, &m.ends
	e.prev.next, e.next.prev = e, e
	for len(m.entries) > m.max {
		m.drop(m.ends.next)
	}
	m.size.Store(int32(len(m.entries)))
}

// latest returns the last write of a name: a deletion of what it lies below is one
// of it too.
func (m *memory) latest(p place, kind, name string) (written, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(time.Now())
	e := m.entries[m.key(p, kind, name)]
	if e == nil {
		return written{}, false
	}
	w := e.written
	parents(name, func(above string) {
		if e := m.entries[m.key(p, kind, above)]; e != nil && e.deleted && e.n > w.n {
			w = e.written
		}
	})
	return w, true
}

// sweep forgets what is too old.
func (m *memory) sweep(now time.Time) {
	for e := m.ends.next; e != &m.ends && now.Sub(e.at) >= m.keep; e = m.ends.next {
		m.drop(e)
	}
	m.size.Store(int32(len(m.entries)))
}

func (m *memory) drop(e *entry) {
	e.unlink()
	delete(m.entries, e.key)
}

func (e *entry) unlink() { e.prev.next, e.next.prev = e.next, e.prev }
