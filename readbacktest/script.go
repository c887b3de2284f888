package readbacktest

import (
	"net/http"
	"time"
)

// Script says how a server lags and misbehaves. The zero value is an honest
// store that is consistent at once.
//
// An executed write is shown by a replica from its lag on; until then the
// replica shows what was before: nothing, the old value, or what is deleted by
// now. All times count from the execution, which is not always when the write
// was answered.
type Script struct {
	// Existing is what is there from the start, for all to see: a JSON object
	// for each path, such as "/workspaces/1".
	Existing map[string]string

	// Lag is how long reads do not show what was written. Zero means not at
	// all.
	Lag time.Duration

	// LagFrom draws the lag of each write, in place of Lag.
	LagFrom Draw

	// Replicas draw the lag of each write on one replica each, in place of Lag
	// and LagFrom. Nil means one replica.
	Replicas []Draw

	// Pick returns which replica answers the nth read, both counted from 0;
	// only reads that get as far as a replica count. Nil means in turn. It is
	// called by one goroutine at a time.
	Pick func(n int) int

	// Seed makes other draws. Zero is a seed like any other: the same requests
	// in the same order always draw the same.
	Seed uint64

	// Forbidden is how long what was created answers 403 once its lag is over,
	// with a body that speaks of this instance; lists leave it out. It is shown
	// after the sum of both.
	Forbidden time.Duration

	// Partial is how long, after that, what was created is shown with nothing
	// but its id.
	Partial time.Duration

	// ListLag is how much longer lists lag.
	ListLag time.Duration

	// Tombstone is what is shown of a thing once its deletion is. Zero means
	// that it is not found.
	Tombstone Tombstone

	// NegativeCache is how long a cache in front of the replicas keeps a 404,
	// whatever a request says of caches. Its answers have an Age and X-Cache:
	// HIT. Rules are asked before it. Zero means that there is no cache.
	NegativeCache time.Duration

	// Unique is the name of the member that no two things in a collection may
	// share: a POST that would be the second is answered with 409. Empty means
	// that there is none, and that only a POST with an id that is taken is
	// answered so.
	Unique string

	// IdempotencyKeys makes the server honour the header Idempotency-Key: a
	// write with a key that was executed before is not executed again and gets
	// the first answer. While the first is still to be executed the answer is
	// 409, and if the bodies differ 422.
	IdempotencyKeys bool

	// Token is the kind of consistency token that writes are answered with and
	// reads can ask for. Zero means none.
	Token Token

	// Skew is how far the clock of the server is ahead, in its Date and its
	// dates of Retry-After.
	Skew time.Duration

	// Rules are the exceptions, for some requests. The first rule that fits a
	// request decides.
	Rules []Rule
}

// Tombstone is what is shown of a thing once its deletion is.
type Tombstone uint8

const (
	Absent    Tombstone = iota // 404
	Gone                       // 410
	DeletedAt                  // 200, with a member deleted_at
)

// Rule is an exception: what becomes of some requests, and how they are
// answered. What it does not say stays as it is without it.
//
//	{On: "GET /workspaces/{id}", Skip: 1, Times: 2, Status: 429, RetryAfter: time.Second}
//	{On: "PATCH", Status: 504, Execute: readbacktest.Later(3 * time.Second)}
//	{On: "POST /exports", Operation: &readbacktest.Operation{Takes: 5 * time.Second}}
//	{On: "PUT /workspaces/{id}", Times: 1, Cut: readbacktest.CutAnswer, Execute: readbacktest.AtOnce()}
type Rule struct {
	// On says which requests are meant: a method, a path or both, as in
	// "GET /workspaces/{id}". A segment in braces is any one, and {rest...} at
	// the end any number. Empty means all requests.
	On string

	// Skip is how many requests pass by first, and Times how many are meant
	// then. Only requests count that no earlier rule has taken. Zero Times
	// means all.
	Skip, Times int

	// From and Until are when the rule is in force, since the server was made.
	// Zero Until means to the end.
	From, Until time.Duration

	// Execute says when a write is carried out. Zero means at once if Status is
	// below 400, and not at all if it is another or the connection is cut.
	Execute Execution

	// Lag draws the lag of such a write on each replica, and Forbidden for how
	// long what it created answers 403. Nil means as the script says.
	Lag, Forbidden Draw

	// Operation answers a write with 202 and a status monitor. Nil means no.
	Operation *Operation

	// Status is what the answer says. With one below 300 all else is as usual;
	// another has no header and no body but those of the rule and a JSON object
	// with the status and its text. Zero means as usual.
	Status int

	// Header goes into the answer, and replaces what is there. A header of no
	// values is left out of the answer.
	Header http.Header

	// Body replaces the body of the answer. Empty means as usual.
	Body string

	// RetryAfter asks the client to wait so long, in whole seconds or, if
	// RetryAfterAs is a layout of time.Format, as a date: http.TimeFormat,
	// time.RFC850 and time.ANSIC are the forms that HTTP knows. What else a
	// Retry-After may hold can be set as a Header. Zero means none.
	RetryAfter   time.Duration
	RetryAfterAs string

	// Cut cuts the connection. Zero means no.
	Cut Cut

	// Delay is how long the answer, or the end of the connection, takes. What
	// it says was decided before, and the lag of a write counts from there.
	Delay time.Duration

	// Slow is how long the body takes after that, in pieces.
	Slow time.Duration

	// Truncated breaks the body off in the middle, and Endless goes on with
	// spaces for ever, 4 KiB a millisecond.
	Truncated, Endless bool
}

// Cut says where a connection is cut.
type Cut uint8

const (
	// CutRequest cuts before the body of the request was read.
	CutRequest Cut = iota + 1

	// CutAnswer cuts after the request was read, in place of an answer.
	CutAnswer

	// Unreachable makes no connection: nothing was sent. Only a [Handler] that
	// is the transport of its client can do that.
	Unreachable
)
