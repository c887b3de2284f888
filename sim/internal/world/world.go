// Package world is the service that the simulator's flows write to, and the
// truth about it: what was carried out, when, and what each read was shown.
//
// It knows nothing of the library. A [Spec] says how one world behaves; [Draw]
// makes one of a seed. All times are those of the bubble that the world lives in.
package world

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// World is one service with the one thing that a flow writes. It is safe for
// concurrent use; its records are to be read when all is quiet.
type World struct {
	Spec

	Start time.Time
	Runs  []Run  // when the write was, or will be, carried out
	Tries []Try  // requests to write
	Looks []Look // requests to read
	Fresh time.Time

	// Bodies that were handed out, and those that were closed.
	Opened, Closed int
	// Requests under way, and those that came after the end.
	Busy, Late int
	// Strays are things of one user in another's requests.
	Strays []string

	plans    sync.Map       // of requests over sockets
	handlers sync.WaitGroup // of those

	mu    sync.Mutex
	dice  []Dice // of each client
	cache map[string]cached
	stale []span
	empty bool // the next answer knows of nothing
	ended bool

	endedAt time.Time // when the operation was seen to have ended
	auths   int       // requests for tokens
}

// New returns the world of s, which begins now.
func New(s Spec) *World {
	return &World{Spec: s, Start: time.Now()}
}

// End says that nobody has a reason to ask any more.
func (w *World) End() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}

// diceOf returns the dice of a client. Each has its own, so that it makes no
// difference which of two that ask at the same time comes first.
func (w *World) diceOf(client int) Dice {
	for len(w.dice) <= client {
		w.dice = append(w.dice, NewDice(w.Seed, 100+uint64(len(w.dice))))
	}
	return w.dice[client]
}

// Recover says that whoever comes now does not meet the end of an outage that
// another has seen.
func (w *World) Recover() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.empty = false
}

// Refresh notes that a client has got fresh credentials.
func (w *World) Refresh() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Fresh.IsZero() {
		w.Fresh = time.Now()
	}
}

// Run is one time that the write is carried out.
type Run struct {
	ID   string
	At   time.Time
	Seen []time.Time // by each replica
}

// Try is one request to write.
type Try struct {
	Client   int
	Began    time.Time
	Answered time.Time // zero if never
	Fate     int       // index into Spec.Fates
	Status   int       // 0 if it got no answer
	Sent     bool      // a connection was got
	Key      string
}

// Kind is what a read asks for.
type Kind uint8

const (
	Thing Kind = iota + 1
	List
	Operation
)

// Look is one request to read, and what it was shown.
type Look struct {
	Client   int
	Kind     Kind
	ID       string
	Began    time.Time
	Ended    time.Time
	Answered time.Time // to the end of its body; zero if never
	Headed   time.Time // when the answer came, but for its body
	Status   int       // 0 if it got no answer
	Shows    bool      // the answer truly shows the write
	Lost     bool      // the connection broke
	Broken   bool      // its body cannot be read
	Cut      bool      // its body was cut short by the end of the context
	How      Arrival   // of its body
	Role     bool      // a 403 for good
	Token    bool      // it asked for a position
	Cached   bool
	Limited  bool      // a 403 of a rate limit
	Empty    Emptiness // of a good answer
	Spoilt   bool      // it shows that the write failed
	Failing  bool      // it shows that the operation failed
	Over     bool      // it shows that the operation has ended
	Note     string

	replica int // that answers
}

// Mine reports whether id is the flow's own, whichever run made it.
func Mine(id string) bool { return len(id) > 5 && id[:5] == "ours-" }

// The thing that is updated or deleted, and that was there before.
const Standing = "ours-0"

// Foreign returns the id of a thing of the same name that somebody else made.
func Foreign(n int) string { return fmt.Sprintf("theirs-%d", n) }

// Timeline returns what happened, a line each, times since the start.
func (w *World) Timeline() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var lines []string
	since := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.Sub(w.Start).String()
	}
	for _, t := range w.Tries {
		lines = append(lines, fmt.Sprintf("write  %s – %s client %d: fate %d, status %d, sent %v",
			since(t.Began), since(t.Answered), t.Client, t.Fate, t.Status, t.Sent))
	}
	for _, r := range w.Runs {
		line := fmt.Sprintf("run    %s %s seen", since(r.At), r.ID)
		for _, s := range r.Seen {
			line += " " + since(s)
		}
		lines = append(lines, line)
	}
	kinds := [...]string{Thing: "read", List: "list", Operation: "operation"}
	looks := slices.Clone(w.Looks)
	slices.SortStableFunc(looks, func(a, b Look) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.Client, b.Client))
	})
	for _, l := range looks {
		lines = append(lines, fmt.Sprintf("%-6s %s – %s client %d %s: status %d, shows %v, body %v %s",
			kinds[l.Kind], since(l.Began), since(l.Ended), l.Client, l.ID, l.Status, l.Shows, l.How, l.Note))
	}
	return lines
}
