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

// keptReads is how many of the first reads a History keeps, and how many of the last.
const keptReads = 16

// History is the reads of a run: the first 16, the last 16, and the number of those in
// between. Its zero value is an empty history. It is not safe for concurrent use.
type History struct {
	carried time.Duration // the reserve of each read that follows a poll with Options.KeepReads

	first         Read   // not in rest, so that a single read needs no allocation
	rest          []Read // reads 2 to 16, and then a ring of the last 16
	reads         int
	lastPending   time.Duration // beginning of the last pending read
	streakBegan   time.Duration // beginning of the first read of the streak
	readsToStreak int           // number of that read
	pending       bool          // there was a pending read
	streak        bool          // the history ends in a streak
	readTime      time.Duration // total duration of pending and ready reads
	answered      int           // number of these reads
	before        int           // reads of earlier visits, which are not kept
}

// Reads returns how many reads there were.
func (h *History) Reads() int { return h.before + h.reads }

// Omitted returns how many reads are counted but not kept: those between the first 16 and
// the last 16, and after a [Stepper.Visit], the reads of earlier visits.
func (h *History) Omitted() int { return h.before + h.skipped() }

// skipped returns how many reads of this history itself are not kept.
func (h *History) skipped() int { return max(h.reads-2*keptReads, 0) }

// at returns the nth read of this history itself, which must be kept.
func (h *History) at(n int) *Read {
	switch {
	case n <= 1:
		return &h.first
	case n <= keptReads:
		return &h.rest[n-2]
	}
	return &h.rest[keptReads-1+(n-1)%keptReads]
}

// All returns the reads that are kept, in order. A gap in their numbers shows where reads are
// omitted.
func (h *History) All() iter.Seq[Read] {
	return func(yield func(Read) bool) {
		for n := 1; n <= h.reads; n++ {
			if n == keptReads+1 {
				n += h.skipped()
			}
			if !yield(*h.at(n)) {
				return
			}
		}
	}
}

// Last returns the last read, and whether there was one.
func (h *History) Last() (Read, bool) { return *h.at(h.reads), h.reads > 0 }

// Lag returns when the value became visible, as far as the reads tell. Its Deadline is zero.
func (h *History) Lag() readback.Lag {
	lag := readback.Lag{First: h.first.Began, After: -1, By: -1, Reads: h.Reads()}
	if h.before > 0 {
		lag.First = -1
	}
	if h.pending {
		lag.After = h.lastPending
	}
	if h.streak {
		lag.By, lag.Reads = h.streakBegan, h.readsToStreak
	}
	if h.answered > 0 {
		lag.ReadTime = h.readTime / time.Duration(h.answered)
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
	if h.reads > 1 && h.reads <= 2*keptReads {
		h.rest = append(h.rest, Read{})
	}
	*h.at(h.reads) = *r
	switch r.Verdict {
	case Ready:
		if !h.streak {
			h.streak, h.streakBegan, h.readsToStreak = true, r.Began, h.Reads()
		}
	case Pending:
		h.pending, h.lastPending, h.streak = true, r.Began, false
	default:
		return
	}
	h.readTime += r.Ended - r.Began
	h.answered++
}

// setback ends the streak, because of the last read.
func (h *History) setback() { h.streak = false }
