package readbackhttp

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/recent"
)

// lists knows which entries lists are to have, as routes say. Like the memory of
// writes it keeps keyed hashes, and not URLs or ids.
type lists struct {
	hash func(id string) uint64
	max  int
	keep time.Duration
	size atomic.Int32

	mu     sync.Mutex
	wanted map[uint64][]entry // by list
}

// entry is one that a list is to have.
type entry struct {
	space recent.Space
	id    uint64
	at    time.Time
	class consistency.Class
	after uint64 // the writes that were remembered before
	name  bool   // the id is a name
}

func newLists(hash func(id string) uint64, limit int, keep time.Duration) *lists {
	return &lists{hash: hash, max: limit, keep: keep, wanted: make(map[uint64][]entry)}
}

func (l *lists) empty() bool { return l.size.Load() == 0 }

// add notes that a list is to have an entry.
func (l *lists) add(list uint64, e entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop(func(e entry) bool { return time.Since(e.at) >= l.keep })
	if int(l.size.Load()) >= l.max {
		return
	}
	l.wanted[list] = append(l.wanted[list], e)
	l.size.Add(1)
}

// want notes that a list is to have the entry that a write made, here and where
// else it is read.
func (c *covering) want(list uint64, space recent.Space, made id) {
	e := entry{space, c.t.lists.hash(made.text), c.at, c.class, c.t.memory.Writes(), made.name}
	c.t.lists.add(list, e)
	n := note{kind: noteListed, class: uint8(c.class), about: list, space: uint64(space), id: e.id}
	if e.name {
		n.reach = 1
	}
	c.t.sharing.tell(n)
}

// unlist forgets what was deleted: an entry with the id that a URL ends with.
func (c *covering) unlist(space recent.Space, u *url.URL) {
	if c.t.lists.empty() {
		return // nor has another Transport any, unless a note was lost
	}
	id := c.t.lists.hash(lastSegment(u))
	c.t.lists.remove(space, id)
	c.t.sharing.tell(note{kind: noteUnlisted, class: uint8(c.class), space: uint64(space), id: id})
}

// remove drops an entry from all lists.
func (l *lists) remove(space recent.Space, id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop(func(e entry) bool { return e.space == space && e.id == id })
}

// drop drops the entries that are not wanted any more. The lock is the caller's.
func (l *lists) drop(done func(entry) bool) {
	for list, entries := range l.wanted {
		kept := entries[:0]
		for _, e := range entries {
			if !done(e) {
				kept = append(kept, e)
			}
		}
		l.size.Add(int32(len(kept) - len(entries)))
		if l.wanted[list] = kept; len(kept) == 0 {
			delete(l.wanted, list)
		}
	}
}

// of returns the entries that a list is to have: those that were made after that many
// writes.
func (l *lists) of(list, gone uint64) (wanted []entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.wanted[list] {
		if time.Since(e.at) < l.keep && e.after >= gone {
			wanted = append(wanted, e)
		}
	}
	return wanted
}

// listKey returns the key of the list at u.
func (t *Transport) listKey(space recent.Space, u *url.URL) uint64 {
	return t.memory.Read(space, "list", u)
}

// wantedIn returns the entries that the list is to have that a request reads: none
// that was deleted since, or is gone with what lies above it.
func (t *Transport) wantedIn(req *http.Request) []entry {
	space, u := t.space(req, req.URL), resourceURL(req)
	return t.lists.of(t.listKey(space, u), t.memory.Gone(space, u))
}

// listHold is how a read of a list is held. Its Match also accepts a document that cannot
// tell whether the entries are in it.
type listHold struct {
	Hold
	shows bool // the document that Match was asked of last has all entries that are wanted
}

// listed returns how a read of a list is held whose entries are wanted, and the
// write that it is held for; nil if none are.
func (t *Transport) listed(req *http.Request, own *Hold) (*listHold, recent.Write) {
	if t.lists.empty() || req.Method == http.MethodHead || own.Match != nil {
		return nil, recent.Write{}
	}
	wanted := t.wantedIn(req)
	if len(wanted) == 0 {
		return nil, recent.Write{}
	}
	last, kind := wanted[len(wanted)-1], lastSegment(req.URL)
	l := &listHold{Hold: *own}
	l.Match = func(_ Ref, doc *Document) bool {
		has, wanted := t.lists.idsOf(doc.Body, kind), t.wantedIn(req) // as of now
		l.shows = !slices.ContainsFunc(wanted, func(e entry) bool { return !has.ids[e.id] })
		return !slices.ContainsFunc(wanted, has.lacks)
	}
	return l, recent.Write{At: last.at, Class: uint8(last.class)}
}

// listing is what a document says of the entries of a list.
type listing struct {
	isList       bool            // there is one
	ids          map[uint64]bool // their hashes
	any          bool            // entry is in it
	byID, byName bool            // an entry has such an id
}

// lacks reports whether an entry is not in the list, as far as that can tell.
func (l *listing) lacks(e entry) bool {
	shows := !l.any || e.name && l.byName || !e.name && l.byID
	return l.isList && shows && !l.ids[e.id]
}

// idsOf returns the ids of the entries of a list, which is the document or the lists that
// are its members. Kind is the last segment of the list's path. One without entries may be
// null, or left out of a document in which nothing else could be one, or of one of HAL.
func (l *lists) idsOf(doc []byte, kind string) (has listing) {
	has.ids = make(map[uint64]bool)
	add := func(list []byte) {
		has.isList = true
		for rest := list[1:]; ; {
			value, after, ok := element(rest)
			if !ok {
				return
			}
			has.any = true
			if value[0] == '{' {
				for _, id := range namesIn(value, kind).ids {
					has.ids[l.hash(id.text)] = true
					has.byID, has.byName = has.byID || !id.name, has.byName || id.name
				}
			} else if id, ok := plainValue(value); ok {
				has.ids[l.hash(id)] = true
				has.byID, has.byName = true, true
			}
			rest = after
		}
	}
	if doc = space(doc); len(doc) > 0 && doc[0] == '[' {
		add(doc)
	}
	count, nulls, nested, hal := 0, 0, false, false
	members(doc, func(name string, value []byte) {
		switch count++; {
		case name == "links" && value[0] == '{':
			hal = true
		case name == embedded:
			hal = true
			members(value, func(_ string, value []byte) {
				if value[0] == '[' {
					add(value)
				}
			})
		case value[0] == '[':
			add(value)
		case string(value) == "null":
			nulls++
		case value[0] == '{':
			nested = nested || bytes.IndexByte(value, '[') >= 0
		}
	})
	switch {
	case has.isList || len(doc) == 0:
	case doc[0] == '{':
		has.isList = count == 0 || hal || nulls > 0 && !nested
	default:
		has.isList = bytes.Equal(bytes.TrimSpace(doc), []byte("null"))
	}
	return has
}
