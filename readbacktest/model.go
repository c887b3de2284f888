package readbacktest

import (
	"math"
	"time"
)

// This is the read model: what a replica shows of a thing, as a function of the
// writes executed so far and the time. Times count from when the server was
// made.

// version is what one executed write made of a thing.
type version struct {
	made      time.Duration   // when it was executed
	lags      []time.Duration // until each replica knows of it
	forbidden time.Duration   // for how long a creation answers 403 then
	partial   time.Duration   // and for how long it is shown in part after that
	created   bool            // nothing was there before
	gone      bool            // it is a deletion
	doc       map[string]any  // what is shown
	body      []byte          // the same, as JSON
	stub      []byte          // as it is shown in part, or when gone
	etag      string
}

// always is before any time that can be asked for, however much more lists lag.
const always = time.Duration(math.MinInt64 / 2)

// sight is what a replica shows of a thing.
type sight uint8

const (
	sightNothing sight = iota
	sightForbidden
	sightPart
	sightWhole
	sightDeleted
)

// look returns what a replica shows at a time of the thing with that history,
// and of which version; nil for nothing. What a replica has shown once it never
// takes back but for what is newer: of two versions whose order the lags turn
// round, it keeps the newer.
func look(history []*version, replica int, at time.Duration) (*version, sight) {
	n := len(history) - 1
	for n >= 0 && history[n].made+history[n].lags[replica] > at {
		n--
	}
	if n < 0 {
		return nil, sightNothing
	}
	v := history[n]
	if v.gone {
		return v, sightDeleted
	}
	born := birth(history, n)
	since := max(0, at-born.made-born.lags[replica])
	switch {
	case since < born.forbidden:
		return v, sightForbidden
	case since < born.forbidden+born.partial:
		return v, sightPart
	}
	return v, sightWhole
}

// birth returns the version that created the thing that the nth belongs to.
func birth(history []*version, n int) *version {
	for !history[n].created {
		n--
	}
	return history[n]
}

// shownAt returns from when on a replica shows the newest version as it is.
func shownAt(history []*version, replica int) time.Duration {
	v := history[len(history)-1]
	at := v.made + v.lags[replica]
	if !v.gone {
		born := birth(history, len(history)-1)
		if whole := born.forbidden + born.partial; whole > 0 {
			at = max(at, born.made+born.lags[replica]+whole)
		}
	}
	return at
}
