package readbacktest

import (
	"net/http"
	"time"
)

// Script says how a server lags, and which faults it has. The zero value is a store without
// faults that is consistent at once.
//
// A replica shows an executed write when its lag is over. Until then it shows the state
// before: nothing, the old value, or the deleted thing. All times count from the execution,
// which may be at another time than the answer.
type Script struct {
	// Existing has the things that exist from the start, without a lag: a JSON object
	// for each path, such as "/workspaces/1".
	Existing map[string]string

	// Lag is how long reads do not show a write. Zero means no lag.
	Lag time.Duration

	// LagFrom draws the lag of each write, in place of Lag. Nil means Lag.
	LagFrom Draw

	// Replicas has a function for each replica that draws the lag of a write there, in
	// place of Lag and LagFrom. Nil means one replica.
	Replicas []Draw

	// Pick returns the replica that answers the nth read, both counted from 0. Reads
	// that a rule or the cache answers do not count. Nil means in turn. It is called by
	// one goroutine at a time.
	Pick func(n int) int

	// Seed changes the draws. The same requests in the same order, with the same seed,
	// always draw the same. Zero is a seed like any other.
	Seed uint64

	// Forbidden is how long a created thing answers 403 when its lag is over, with a
	// body as of the instance itself. Lists leave it out in that time.
	Forbidden time.Duration

	// Partial is how long, after that, a created thing shows only its id.
	Partial time.Duration

	// ListLag is how much longer lists lag than reads of a thing.
	ListLag time.Duration

	// Tombstone is what reads show of a deleted thing when the lag of its deletion is
	// over. Zero means 404.
	Tombstone Tombstone

	// NegativeCache is how long a cache in front of the replicas keeps a 404, whatever
	// the headers of a request say. Its answers have an Age and X-Cache: HIT. Rules
	// come before the cache. Zero means that there is no cache.
	NegativeCache time.Duration

	// Unique is the name of a member that no two things in a collection may share: a
	// POST that would be the second is answered with 409. Empty means that only the id
	// must be unique.
	Unique string

	// IdempotencyKeys makes the server honour the header Idempotency-Key: a write with
	// a key that was executed before is not executed again, and gets the first answer.
	// If the first write is not executed yet, the answer is 409; if the bodies differ,
	// it is 422.
	IdempotencyKeys bool

	// Token is the kind of consistency token that answers to writes carry and reads
	// can ask for. Zero means none.
	Token Token

	// Skew is how far the clock of the server is ahead, in its header Date and in the
	// dates of Retry-After. Negative means behind.
	Skew time.Duration

	// Rules are the exceptions, for some requests. The first rule that matches a
	// request decides.
	Rules []Rule
}

// Tombstone is what reads show of a deleted thing.
type Tombstone uint8

const (
	Absent    Tombstone = iota // 404
	Gone                       // 410
	DeletedAt                  // 200, with a member deleted_at
)

// Rule is an exception for some requests: how they are carried out and answered. Fields that
// are not set leave the usual behaviour as it is.
//
//	{On: "GET /workspaces/{id}", Skip: 1, Times: 2, Status: 429, RetryAfter: time.Second}
//	{On: "PATCH", Status: 504, Execute: readbacktest.Later(3 * time.Second)}
//	{On: "POST /exports", Operation: &readbacktest.Operation{Takes: 5 * time.Second}}
//	{On: "PUT /workspaces/{id}", Times: 1, Cut: readbacktest.CutAnswer, Execute: readbacktest.AtOnce()}
type Rule struct {
	// On selects requests by a method, a path or both, such as "GET /workspaces/{id}". A
	// segment in braces matches any one, and {rest...} at the end matches any number.
	// Empty means all requests.
	On string

	// Skip is how many requests the rule lets pass first, and Times how many it applies
	// to then. Requests that an earlier rule has taken do not count. Zero Times means
	// all.
	Skip, Times int

	// From and Until are when the rule applies, measured from when the server was made.
	// Zero Until means to the end.
	From, Until time.Duration

	// Execute says when a write is carried out. Zero means at once if Status is zero or
	// below 400, and not at all if it is 400 or above, or the connection is cut.
	Execute Execution

	// Lag draws the lag of such a write on each replica. Forbidden draws how long the
	// thing that it created answers 403. Nil means as in the script.
	Lag, Forbidden Draw

	// Operation answers a write with 202 and a status monitor. Nil means no operation.
	Operation *Operation

	// Status is the status of the answer. Below 300, the rest of the answer is as usual.
	// From 300 on, the answer has only the headers of the rule, and as its body that of
	// the rule or a JSON object with the status and its text. Zero means the usual
	// status.
	Status int

	// Header has headers of the answer, which replace the usual ones. A header without
	// values is removed from the answer.
	Header http.Header

	// Body replaces the body of the answer. Empty means the usual body.
	Body string

	// RetryAfter adds a Retry-After to the answer, in whole seconds or, if RetryAfterAs
	// is a layout of time.Format, as a date. HTTP allows http.TimeFormat, time.RFC850 and
	// time.ANSIC; set any other value as a Header. Zero means none.
	RetryAfter   time.Duration
	RetryAfterAs string

	// Cut cuts the connection. Zero means that it is not cut.
	Cut Cut

	// Delay is how long the answer, or the end of the connection, is delayed. The
	// content of the answer and the execution of a write do not wait for it.
	Delay time.Duration

	// Slow is how long the body takes after that, in ten pieces.
	Slow time.Duration

	// Truncated breaks the body off in the middle. Endless goes on with spaces for
	// ever, 4 KiB in a millisecond.
	Truncated, Endless bool
}

// Cut says where a connection is cut.
type Cut uint8

const (
	// CutRequest cuts before the body of the request was read.
	CutRequest Cut = iota + 1

	// CutAnswer cuts after the request was read, in place of an answer.
	CutAnswer

	// Unreachable refuses the connection, so that nothing is sent. Only a [Handler] that
	// is the transport of its client can do that.
	Unreachable
)
