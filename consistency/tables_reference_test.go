package consistency_test

import (
	"slices"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// What follows is a second implementation of the two tables, written from their
// text alone, row by row, to hold the first against. It is slow, plain and
// shares nothing with it.

// silence is how an answer without a status came about.
type silence uint8

const (
	notLost    silence = iota
	untold             // an error, and no trace of a connection
	unsent             // a connection was asked for and never got
	afterwards         // a connection was got
)

// provesByTable is the table of what a write's answer proves.
func provesByTable(goal consistency.Goal, status int, how silence) consistency.Class {
	is := func(statuses ...int) bool { return slices.Contains(statuses, status) }
	switch {
	case how == unsent:
		return consistency.NotExecuted
	case how != notLost:
		return consistency.Ambiguous
	case status >= 200 && status <= 299 && status != 202:
		return consistency.Applied
	case is(202):
		return consistency.Accepted
	case is(301, 302, 303):
		return consistency.Accepted
	case is(307, 308):
		return consistency.NotExecuted
	case is(404, 410) && goal == consistency.ToAbsent:
		return consistency.Applied
	case is(400, 401, 402, 405, 406, 411, 413, 414, 415, 416, 417, 422, 426, 428, 431, 451, 501):
		return consistency.Refused
	case is(404, 403, 410):
		return consistency.Refused
	case is(409, 412):
		return consistency.Refused
	case is(429):
		return consistency.Refused
	}
	return consistency.Ambiguous
}

// told is what the other table says of an answer to a read.
type told struct {
	verdict poll.Verdict
	reason  poll.Reason // empty where the table names none
	settled bool
	setback bool
	failed  bool // ready, in that it shows that the write failed
}

// saysByTable is the table of what a read's answer says.
func saysByTable(goal consistency.Goal, a said) told {
	absent := goal == consistency.ToAbsent
	is := func(statuses ...int) bool { return slices.Contains(statuses, a.status) }
	unknown := told{verdict: poll.Unknown, setback: absent}
	switch {
	case a.how != notLost:
		return unknown
	case a.behind:
		return told{verdict: poll.Pending, reason: consistency.BehindToken}
	case a.status >= 200 && a.status <= 299 && a.status != 202:
		switch {
		case a.holds == aFault:
			return told{verdict: poll.Ready, failed: true}
		case a.holds == nothing && absent:
			return told{verdict: poll.Ready}
		case a.holds == empty && absent:
			return unknown
		case absent:
			return told{verdict: poll.Pending, reason: consistency.StillThere}
		case goal == consistency.ToPresent && (a.holds == nothing || a.holds == empty):
			return told{verdict: poll.Pending, reason: consistency.NotFound}
		case goal == consistency.ToMatch && (a.stale || a.holds == nothing || a.holds == empty):
			return told{verdict: poll.Pending, reason: consistency.Stale}
		}
		return told{verdict: poll.Ready}
	case is(202):
		return told{verdict: poll.Pending}
	case is(404):
		if absent {
			return told{verdict: poll.Ready}
		}
		return told{verdict: poll.Pending, reason: consistency.NotFound}
	case is(410):
		if absent {
			return told{verdict: poll.Ready, settled: true}
		}
		return told{verdict: poll.Pending}
	case is(403) && namesRole(a.body):
		if absent {
			return told{verdict: poll.Unknown}
		}
		return told{verdict: poll.Stop}
	case is(403) && a.after > 0: // of a rate limit
		return unknown
	case is(403):
		if absent {
			return told{verdict: poll.Unknown}
		}
		return told{verdict: poll.Pending, reason: consistency.Forbidden}
	case a.status >= 300 && a.status <= 399:
		return told{verdict: poll.Unknown}
	case is(408, 425, 429, 499):
		return unknown
	case a.status >= 400 && a.status <= 499:
		return told{verdict: poll.Stop}
	}
	return unknown
}

// The bodies of a 403, by whether they name a missing role.
var (
	roleBodies = []string{
		`{"code":403,"message":"Forbidden"}`,
		` {"message":"no such role","code":403}`,
	}
	otherBodies = []string{
		``,
		`{"status":403,"message":"Forbidden"}`,
		`{"status":403,"code":403}`,
		`{"message":"code 403"}`,
		`{"nested":{"code":403}}`,
		`<html>403 Forbidden "code":403</html>`,
		`["code",403]`,
		`{"code":403,`,
	}
)

func namesRole(body string) bool { return slices.Contains(roleBodies, body) }

// byTables follows one flow by the tables, from what its reads were told.
type byTables struct {
	goal    consistency.Goal
	settle  int
	within  time.Duration
	doubt   bool // some try may have been carried out
	looking bool // after a 409 or a 412: whose is it?

	streak    int
	failing   bool          // the streak is of failures
	distrust  bool          // the next 404 does not count
	forbidden time.Duration // the first 403 of an unbroken run; negative if there is none
	ends      time.Duration // when the flow ends, unless a read ends it
	outcome   consistency.Outcome
	byFault   bool // and a value told it
}

const forbiddenWindow = 10 * time.Second

func newByTables(goal consistency.Goal, settle int, class consistency.Class) *byTables {
	b := &byTables{goal: goal, settle: settle, forbidden: -1, within: 30 * time.Second}
	switch class {
	case consistency.Accepted:
		b.within = 10 * time.Minute
	case consistency.Ambiguous:
		b.within, b.doubt = 2*time.Minute, true
	}
	if b.settle == 0 {
		b.settle = 1
		if goal == consistency.ToAbsent {
			b.settle = 2
		}
	}
	b.ends = b.within
	if class == consistency.Refused || class == consistency.NotExecuted {
		b.outcome, b.ends = consistency.Failed, 0
	}
	return b
}

// conflicts says that the refusal was a 409 or a 412, and that there is a Mine.
func (b *byTables) conflicts() { b.looking, b.outcome, b.ends = true, 0, forbiddenWindow }

// look takes what a look was told, and when: of a creation the candidate that was
// found is proof, of an update only what is shown.
func (b *byTables) look(at time.Duration, says told) {
	switch {
	case b.goal == consistency.ToPresent, says.verdict == poll.Ready && !says.failed:
		b.looking, b.ends = false, b.within
	case says.verdict == poll.Unknown, says.reason == consistency.Forbidden:
		// Looked again.
	case says.verdict == poll.Stop:
		b.outcome, b.ends = consistency.Unconfirmed, at
	default:
		b.outcome, b.ends = consistency.Failed, at
	}
}

// read takes what one read was told, and when.
func (b *byTables) read(at time.Duration, says told) {
	switch says.verdict {
	case poll.Ready:
		b.forbidden, b.ends = -1, b.within
		if says.failed != b.failing {
			b.failing, b.streak = says.failed, 0
		}
		if b.distrust && !says.settled {
			b.distrust = false
			return
		}
		if b.streak++; b.streak < b.settle && !says.settled {
			return
		}
		b.outcome, b.ends, b.byFault = consistency.Confirmed, at, says.failed
		if says.failed {
			b.outcome = consistency.Failed
		}
		if says.failed && b.doubt {
			b.outcome = consistency.Unconfirmed
		}
	case poll.Pending:
		b.streak, b.distrust = 0, false
		if says.reason != consistency.Forbidden {
			b.forbidden, b.ends = -1, b.within
			return
		}
		if b.forbidden < 0 {
			b.forbidden = at
		}
		b.ends = min(b.within, b.forbidden+forbiddenWindow)
	case poll.Unknown:
		if says.setback {
			b.streak, b.distrust = 0, true
		}
	case poll.Stop:
		b.outcome, b.ends = consistency.Unconfirmed, at
	}
}

// end returns the outcome and the time of the end after the last read.
func (b *byTables) end() (consistency.Outcome, time.Duration) {
	if b.outcome == 0 {
		return consistency.Unconfirmed, b.ends
	}
	return b.outcome, b.ends
}

func (b *byTables) done() bool { return b.outcome != 0 }

// fits reports whether what a read was said to say is what the table says: a
// reason is compared where the table names one.
func (w told) fits(e consistency.Event) bool {
	return e.Verdict == w.verdict && (w.reason == "" || strings.EqualFold(string(e.Reason), string(w.reason)))
}
