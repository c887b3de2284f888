package play

import (
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/world"
)

// telling is what one read told whoever made it, by the design's table.
type telling uint8

const (
	nothing telling = iota // neither counts nor resets
	shown                  // the write, and truly so
	denied                 // resets
	setback                // resets, and the next one does not count
	settled                // shown, and enough
	halted                 // no later read can tell
	lie                    // seems to show the write
)

// tells reads the design's table "What a read's answer says".
func tells(goal world.Goal, l *world.Look) (what telling, reason string) {
	gone := goal == world.Delete
	switch s := l.Status; {
	case s == 0 && gone && l.Lost:
		return setback, ""
	case s == 0: // cut short
		return nothing, ""
	case s == 202 && gone:
		return denied, "still there"
	case s == 202:
		return denied, "stale"
	case s >= 200 && s < 300 && gone:
		return denied, "still there"
	case s >= 200 && s < 300 && l.Broken:
		return nothing, ""
	case s >= 200 && s < 300 && l.Shows:
		return shown, ""
	case s >= 200 && s < 300:
		return denied, "stale"
	case s >= 300 && s < 400:
		return nothing, ""
	case s == 404 && gone && l.Shows:
		return shown, ""
	case s == 404 && gone:
		return lie, ""
	case s == 404:
		return denied, "not found"
	case s == 410 && gone:
		return settled, ""
	case s == 410:
		return denied, "not found"
	case s == 403 && gone:
		return nothing, ""
	case s == 403 && l.Role:
		return halted, ""
	case s == 403:
		return denied, "forbidden"
	case s == 412 && l.Token:
		return denied, "behind token"
	case s == 408 || s == 425 || s == 429 || s < 400 || s > 499:
		if gone {
			return setback, ""
		}
		return nothing, ""
	}
	return halted, ""
}

// proof reads the design's table "What a write's answer proves".
func proof(goal world.Goal, status int) consistency.Class {
	switch status {
	case 202, 301, 302, 303:
		return consistency.Accepted
	case 307, 308:
		return consistency.NotExecuted
	case 404, 410:
		if goal == world.Delete {
			return consistency.Applied
		}
		return consistency.Refused
	case 400, 401, 402, 405, 406, 411, 413, 414, 415, 416, 417, 422, 426, 428, 431, 451, 501,
		403, 409, 412, 429:
		return consistency.Refused
	}
	if status >= 200 && status < 300 {
		return consistency.Applied
	}
	return consistency.Ambiguous
}

// streak counts the reads in a row that show the write.
type streak struct {
	n      int  // -1 after a setback
	enough bool // one of them is, by itself

	first, last time.Time // the end of the first, and the beginning of the last
}

func (k *streak) see(goal world.Goal, l *world.Look) {
	if l.Kind != world.Thing {
		return
	}
	switch what, _ := tells(goal, l); what {
	case shown:
		k.add(l)
		k.enough = false
	case settled: // which an outage does not look like
		k.n = max(k.n, 0)
		k.add(l)
		k.enough = true
	case denied, halted:
		*k = streak{}
	case setback:
		*k = streak{n: -1}
	case lie: // the one that does not count may be this one
		k.n = max(k.n, 0)
	}
}

func (k *streak) add(l *world.Look) {
	if k.n++; k.n == 1 {
		k.first = l.Ended
	}
	k.last = l.Began
}

// within is how long a flow of a class may take, by the design.
func within(p *consistency.Policy, class consistency.Class) time.Duration {
	switch {
	case p.Within > 0:
		return p.Within
	case class == consistency.Accepted:
		return 10 * time.Minute
	case class == consistency.Ambiguous:
		return 2 * time.Minute
	}
	return 30 * time.Second
}

func settleOf(p *consistency.Policy, goal world.Goal) int {
	switch {
	case p.Settle > 0:
		return p.Settle
	case goal == world.Delete:
		return 2
	}
	return 1
}
