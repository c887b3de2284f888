package readbacktest

import (
	"math"
	"time"
)

// This file is the read model: what a replica shows of a thing, as a function of the executed
// writes and the time. Times count from when the server was made.

// version is the state of a thing after one executed write.
type version struct {
	made      time.Duration   // when it was executed
	lags      []time.Duration // of each replica
	forbidden time.Duration   // how long a creation answers 403 after the lag
	partial   time.Duration   // how long it is shown in part after that
	created   bool            // the thing did not exist before
	gone      bool            // it is a deletion
	doc       map[string]any  // what is shown
	body      []byte          // the same, as JSON
	stub      []byte          // what is shown in part, or when gone
	etag      string
}

// always is before any time of a read, also if lists lag.
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

// look returns what a replica shows of a thing at a time, and the version that it shows; nil
// if nothing. A replica that has shown a version never goes back to an older one, even if the
// older one has the longer lag.
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

// birth returns the creation that the nth version belongs to.
func birth(history []*version, n int) *version {
	for !history[n].created {
		n--
	}
	return history[n]
}

// shownAt returns from when a replica shows the newest version whole.
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
