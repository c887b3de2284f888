package world

import (
	"slices"
	"time"
)

// Goal is what a write does.
type Goal uint8

const (
	Create Goal = iota + 1
	Update
	Delete
)

// String returns the goal in lower case.
func (g Goal) String() string { return [...]string{"nothing", "create", "update", "delete"}[g] }

// Spec says how one world behaves.
type Spec struct {
	Seed uint64
	Goal Goal

	// Fates are those of the requests to write, in order; the last one is also
	// that of all that follow.
	Fates []Fate

	// Unique names: a create that finds its own thing is answered with 409.
	Unique bool

	// KeyFor is how long an idempotency key is honoured. Zero means not at all.
	KeyFor time.Duration

	// Lags are how long after a run each replica shows it.
	Lags []time.Duration
	// Sticky clients always ask the first replica.
	Sticky bool
	// Denied is how long a replica answers 403 to what it has just got.
	Denied time.Duration
	// NeedsFresh makes that 403 last until the credentials are fresh.
	NeedsFresh bool
	// Tombstones make what is deleted answer 410.
	Tombstones bool
	// Ghost makes what was created answer 410 until it is seen.
	Ghost bool

	// Foreign is how many others have made a thing of the same name.
	Foreign int

	// Pace is how long a read takes, and Calm when the faults end; from then
	// on none takes longer than Pace.
	Pace   time.Duration
	Slow   time.Duration // at most, before Calm
	Calm   time.Duration
	Faults []Fault

	// Amnesia makes the first answer after an outage know of nothing.
	Amnesia bool

	// CacheFor is how long something in between keeps answers. Zero means that
	// there is nothing.
	CacheFor   time.Duration
	CacheObeys bool // no-cache

	// Token makes the write's answer carry a position.
	Token bool

	// OldErrors make clients return the error of a context that has ended, and
	// not its cause.
	OldErrors bool

	// Skew is how far the server's clock is ahead.
	Skew time.Duration

	// Odd worlds have some of what follows.
	Odd bool

	// Tells makes the answer to a write say whether that changed anything.
	Tells bool
	// Idle says that all was as the write wants it long before.
	Idle bool
	// Mute makes the write's answer lack the position that it should carry.
	Mute bool
	// Rivals write to the same thing, in the order of time.
	Rivals []Rival
	// Bodies say how the bodies of answers arrive.
	Bodies Bodies
	// Elsewhere is where that what was created is to be read: at another origin.
	Elsewhere bool
	// Writes and Reads are the dialects in which writes and reads are answered.
	// What is on record is what the answer means.
	Writes, Reads Dialect

	// Wide worlds have some of what follows.
	Wide bool

	// Empties are the bodies of the good answers that a read gets of what is not
	// there, in turn; none means 404.
	Empties []string
	// Shape is how the operation is shown, ByTemplate whether the answer to the
	// write names it in its body alone, LateRecord from when on there is a record
	// of it, KeptRecord how long after its end, and GoneRecord what is said then.
	Shape      Shape
	ByTemplate bool
	LateRecord time.Duration
	KeptRecord time.Duration
	GoneRecord int
	// Spoils makes what was written show that it failed, for as long as Heals
	// unless that is zero. Spoilt is an earlier failure that what is there shows.
	Spoils bool
	Heals  time.Duration
	Spoilt bool
	// Wrapped answers tell some statuses in the body of a 200.
	Wrapped bool
	// Nameless answers to a create do not say what was created.
	Nameless bool
	// AuthFails makes the second request for a token fail.
	AuthFails bool

	// Scene says which one it is. Ending is how an operation ends that is at the
	// Location of a 202, Tag what the ETag of a thing is made of, and Words which of
	// the ways to say something a scene of words has.
	Scene  Scene
	Ending Ending
	Tag    string
	Words  int
}

// Monitored reports whether an answer to a write may name an operation to follow.
func (s *Spec) Monitored() bool {
	return slices.ContainsFunc(s.Fates, func(f Fate) bool { return f.Monitor })
}

// Statuses that are none.
const (
	Lost      = -1 // the connection breaks
	Unreached = -2 // there never is one
	Hung      = -3 // there is no answer
)

// Fate is what becomes of one request to write.
type Fate struct {
	Took       time.Duration   // until it is answered
	Answer     int             // status, or Lost, Unreached, Hung
	Runs       []time.Duration // when it is carried out after it arrived; none is never
	Fails      time.Duration   // when an accepted operation ends as failed; 0 is never
	Monitor    bool            // the answer names an operation to follow
	SeeOther   bool            // the operation ends in a 303
	RetryAfter string
}

// Fault is what a read meets before the calm.
type Fault struct {
	Chance     float64
	Answer     int // status, or Lost, Hung
	Broken     bool
	RetryAfter time.Duration // 0 is none
	Date       bool          // as a date
	Limited    bool          // it says that a rate limit is used up
	Ages       bool          // for ages
	Page       string        // a good answer with nothing in it
}
