package holding

import "sync"

// Waiting lets callers that wait for the same read share the waiting: one leads, and only it
// polls. What it reads is its own; the others read once for themselves when it was answered.
// P is what one leader leaves to the next. The zero value is ready for use, and safe for
// concurrent use.
type Waiting[P any] struct {
	mu     sync.Mutex
	groups map[uint64]*Group[P]
}

// Group is the callers that wait for one read.
type Group[P any] struct {
	Lead  chan struct{} // holds a value while nobody leads
	Shown chan struct{} // closed when the leader's read was answered
	Pace  P             // of whoever leads

	key     uint64
	members int
}

// Alone returns a group that nobody else joins.
func Alone[P any](pace P) *Group[P] {
	g := &Group[P]{Lead: make(chan struct{}, 1), Shown: make(chan struct{}), Pace: pace, members: 1}
	g.Lead <- struct{}{}
	return g
}

// Join adds the caller to the group of that key. Whoever is first makes it, with a pace of
// its own.
func (w *Waiting[P]) Join(key uint64, first P) *Group[P] {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.groups[key]
	if g == nil {
		g = Alone(first)
		g.key, g.members = key, 0
		if w.groups == nil {
			w.groups = make(map[uint64]*Group[P])
		}
		w.groups[key] = g
	}
	g.members++
	return g
}

// Leave is what every member does in the end.
func (w *Waiting[P]) Leave(g *Group[P]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g.members--
	if g.members == 0 && w.groups[g.key] == g {
		delete(w.groups, g.key)
	}
}

// HandOver ends the leadership. If the read was answered, all members go and see for
// themselves, and whoever comes later begins anew.
func (w *Waiting[P]) HandOver(g *Group[P], answered bool) {
	if !answered {
		g.Lead <- struct{}{}
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.groups[g.key] == g {
		delete(w.groups, g.key)
	}
	close(g.Shown)
}
