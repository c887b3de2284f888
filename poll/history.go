package poll

import (
	"iter"
	"time"

	"github.com/readback-go/readback"
)

// Read is what a history keeps of one read. Its times count from the beginning
// of the run, see Options.Since.
type Read struct {
	N       int // 1 for the first
	Began   time.Duration
	Ended   time.Duration
	Verdict Verdict
	Reason  Reason
	Status  int    // HTTP status or its like; 0 if none is known
	Note    string // what else the judge had to say
	Err     error  // as returned by the read
}

// keptReads is how many of the first reads a History keeps, and how many of the
// last.
const keptReads = 16

// History is the reads of a run: the first 16, the last 16, and the number of
// those in between. Its zero value is an empty history.
type History struct {
	first   Read // apart from head, so that one read needs no allocation
	head    []Read
	tail    []Read // a ring once it is full
	oldest  int    // index of the oldest read in a full tail
	reads   int
	missed  time.Duration // begin of the last pending read
	shown   time.Duration // begin of the first read of the streak
	upTo    int           // reads up to it
	pending bool          // there was a pending read
	streak  bool          // the history ends in a streak
	spent   time.Duration // in reads that told something
	telling int           // how many those were
	before  int           // reads of earlier visits, which are not kept
}

// Reads returns how many reads there were.
func (h *History) Reads() int { return h.before + h.reads }

// Omitted returns how many reads are counted but not kept: those between the
// first and the last, and after a [Visit], those of earlier ones.
func (h *History) Omitted() int {
	return h.Reads() - min(h.reads, 1) - len(h.head) - len(h.tail)
}

// All returns the reads that are kept, in order. The number of a read tells
// where some are omitted.
func (h *History) All() iter.Seq[Read] {
	return func(yield func(Read) bool) {
		if h.reads > 0 && !yield(h.first) {
			return
		}
		for _, r := range h.head {
			if !yield(r) {
				return
			}
		}
		for i := range h.tail {
			if !yield(h.tail[(h.oldest+i)%len(h.tail)]) {
				return
			}
		}
	}
}

// Last returns the last read, and whether there was one.
func (h *History) Last() (Read, bool) {
	switch {
	case len(h.tail) > 0:
		return h.tail[(h.oldest+len(h.tail)-1)%len(h.tail)], true
	case len(h.head) > 0:
		return h.head[len(h.head)-1], true
	}
	return h.first, h.reads > 0
}

// Lag returns when the value became visible, as far as the reads tell. Its
// Deadline is not set.
func (h *History) Lag() readback.Lag {
	lag := readback.Lag{After: -1, By: -1, Reads: h.Reads()}
	if h.pending {
		lag.After = h.missed
	}
	if h.streak {
		lag.By, lag.Reads = h.shown, h.upTo
	}
	if h.telling > 0 {
		lag.ReadTime = h.spent / time.Duration(h.telling)
	}
	return lag
}

// Add adds a read that was made outside of a run, such as before it. Its number
// becomes the next one.
func (h *History) Add(r Read) {
	r.N = h.Reads() + 1
	h.add(&r)
}

func (h *History) add(r *Read) {
	h.reads++
	switch {
	case h.reads == 1:
		h.first = *r
	case len(h.head) < keptReads-1:
		h.head = append(h.head, *r)
	case len(h.tail) < keptReads:
		h.tail = append(h.tail, *r)
	default:
		h.tail[h.oldest] = *r
		h.oldest = (h.oldest + 1) % keptReads
	}
	switch r.Verdict {
	case Ready:
		if !h.streak {
			h.streak, h.shown, h.upTo = true, r.Began, h.Reads()
		}
	case Pending:
		h.pending, h.missed, h.streak = true, r.Began, false
	default:
		return
	}
	h.spent += r.Ended - r.Began
	h.telling++
}

// setback forgets the streak: the last read says that it proved nothing.
func (h *History) setback() { h.streak = false }
