package world

import (
	"slices"
	"time"
)

// oddShare is how many worlds have anything that is drawn here. The others are
// what they were before it was thought of: the seeds of old defects lead back to
// them.
const oddShare = 0.25

// drawOdd draws what few worlds have, with dice of its own.
func drawOdd(s *Spec, shrink int) {
	d := NewDice(s.Seed, oddStream).Shrunk(shrink)
	if s.Odd = d.Chance(oddShare); !s.Odd {
		return
	}
	s.Tells = d.Chance(0.4)
	s.Idle = s.Goal != Create && d.Chance(0.15)
	if !s.Idle && d.Chance(0.35) {
		s.Rivals = drawRivals(d, s)
	}
	if d.Chance(0.35) {
		s.Bodies = drawBodies(d)
	}
	if d.Chance(0.4) {
		s.Writes = drawDialect(d, []int{400, 405, 409, 422, 451, 501}, []int{408, 500, 502, 503, 504, 418, 520})
	}
	if d.Chance(0.4) {
		s.Reads = drawDialect(d, []int{400, 401, 404, 403, 422}, []int{408, 500, 503, 504, 418, 410, 429})
	}
	s.Mute = s.Token && d.Chance(0.3)
}

// oddStream is the stream of dice that odd worlds are drawn with.
const oddStream = 4

// Plain makes a world what it would be were it not odd.
func (s *Spec) Plain() {
	s.Odd, s.Tells, s.Idle, s.Mute, s.Rivals, s.Elsewhere, s.Writes, s.Reads = false, false, false, false, nil, false, nil, nil
	s.Bodies = Bodies{}
}

// elsewhere is the host of another origin.
const elsewhere = "elsewhere.test"

// Swap is two statuses of which the service says one where others say the other.
type Swap struct{ A, B int }

// Dialect is the swaps of a service. No status is in two of them.
type Dialect []Swap

// Said returns the status that the service answers with where others would answer
// with status, and the reverse.
func (d Dialect) Said(status int) int {
	for _, swap := range d {
		switch status {
		case swap.A:
			return swap.B
		case swap.B:
			return swap.A
		}
	}
	return status
}

// drawDialect returns one or two swaps of statuses that mean different things.
func drawDialect(d Dice, these, those []int) (all Dialect) {
	for range 1 + d.IntN(2) {
		swap := Swap{these[d.IntN(len(these))], those[d.IntN(len(those))]}
		if all.Said(swap.A) == swap.A && all.Said(swap.B) == swap.B {
			all = append(all, swap)
		}
	}
	return all
}

// Deed is what a rival does.
type Deed uint8

const (
	none       Deed = iota
	Ours            // the write that is played, and no rival's
	Overwrites      // gives it another value
	Agrees          // does what the write does
	Removes         // deletes it
	Restores        // makes anew what was deleted
	Doubles         // makes another thing of the name
)

// String returns the deed in lower case.
func (d Deed) String() string {
	return [...]string{"nothing", "ours", "overwrites", "agrees", "removes", "restores", "doubles"}[d]
}

// Rival is somebody else who writes to the same thing, once.
type Rival struct {
	After time.Duration // the start
	Does  Deed
}

func drawRivals(d Dice, s *Spec) (rivals []Rival) {
	for range OneOf(d, 1, 1, 2, 3) {
		r := Rival{After: d.Between(time.Millisecond, 40*time.Second)}
		switch s.Goal {
		case Create:
			r.Does = OneOf(d, Overwrites, Removes, Doubles)
		case Update:
			r.Does = OneOf(d, Overwrites, Overwrites, Agrees, Removes)
		case Delete:
			r.Does = OneOf(d, Restores, Restores, Agrees)
		}
		rivals = append(rivals, r)
	}
	slices.SortFunc(rivals, func(a, b Rival) int { return int(a.After - b.After) })
	return rivals
}

// primary is the replica that has no lag: where writes are carried out.
const primary = -1

// shownAt returns when a replica shows what was done at that time.
func (w *World) shownAt(replica int, at time.Time) time.Time {
	if replica == primary {
		return at
	}
	return at.Add(w.Lags[replica])
}

// stands returns what was done last to id, as a replica shows it then, and since
// when it shows that.
func (w *World) stands(replica int, id string, at time.Time) (last Deed, since time.Time) {
	if w.Idle {
		return Ours, time.Time{}
	}
	if w.Goal == Create && !w.reached(replica, id, at) {
		return none, since
	}
	var done time.Time // by the last rival
	for _, r := range w.Rivals {
		began := w.Start.Add(r.After)
		if shown := w.shownAt(replica, began); r.Does != Doubles && !shown.After(at) {
			last, since, done = r.Does, shown, began
		}
	}
	for _, run := range w.Runs {
		shown := w.shownAt(replica, run.At)
		if w.Goal == Create && run.ID != id || shown.After(at) || !run.At.After(done) {
			continue
		}
		if last != Ours || shown.Before(since) {
			last, since = Ours, shown
		}
	}
	return last, since
}

// reached reports whether a replica has got the write as far as it concerns id,
// whatever came after it.
func (w *World) reached(replica int, id string, at time.Time) bool {
	return w.Idle || slices.ContainsFunc(w.Runs, func(run Run) bool {
		return (w.Goal != Create || run.ID == id) && !w.shownAt(replica, run.At).After(at)
	})
}

// hides reports whether a deed makes reads show something else than the write.
func (w *World) hides(deed Deed) bool {
	return deed == Removes || deed == Restores || deed == Overwrites && w.Goal == Update
}

// doubled returns how many more things of the name rivals have made, as a replica
// shows it.
func (w *World) doubled(replica int, at time.Time) (n int) {
	for _, r := range w.Rivals {
		if r.Does == Doubles && !w.shownAt(replica, w.Start.Add(r.After)).After(at) {
			n++
		}
	}
	return n
}
