package submit

import (
	"context"
	"errors"
	"iter"
	"time"
)

var (
	// ErrExists is returned by Store.Create if there is a record with the key.
	ErrExists = errors.New("submit: the record exists")

	// ErrConflict is returned by Store.Update and Store.Delete if the record is
	// not of the revision that was expected, or is gone.
	ErrConflict = errors.New("submit: the record has changed")

	// ErrNotFound is returned by Store.Get and Store.Watch if there is no record
	// with the key.
	ErrNotFound = errors.New("submit: there is no such record")

	// ErrAhead is matched by the error of Journal.Since, and so of a [Submitter.Feed],
	// that is to begin after a revision which the store has not reached.
	ErrAhead = errors.New("submit: the store has not reached that revision: it is an older copy, or another one")

	// ErrTooLarge is matched by the error of a change that a Store refuses because the
	// record is too large. Nothing was changed, and the same record is refused each
	// time.
	//
	// It is also the cause of a job for which the store has no room. If the job was not
	// recorded yet, it is Failed: nothing was sent, and nothing is kept. If its record
	// grows too large later, the record leaves out texts first, then the reference or
	// the payload. If that is not enough, a job that was not sent is Failed, and one
	// that may have been sent is read back until it has an outcome.
	ErrTooLarge = errors.New("submit: the record is too large")
)

// A Store keeps records that several processes share. [NewMemory] makes one for
// a single process; readbacktest.TestStore tests any implementation.
//
// A record has a kind and a key, and changes only by compare-and-set: of several changes
// to one revision exactly one succeeds. An acknowledged change is durable, and every call
// that begins later sees it, in any process; a replica that may give stale answers is
// therefore no Store.
//
// If the error of a change matches none of [ErrExists], [ErrConflict], [ErrNotFound] and
// [ErrTooLarge], the change may have been made, or may still be made later. Every method
// returns soon after ctx ended. A Value that was handed over is never modified. All
// methods may be called concurrently.
type Store interface {
	// Create adds a record and returns its revision, or ErrExists if there is one
	// with its kind and key. R.Revision is ignored.
	Create(ctx context.Context, r Record) (revision uint64, err error)

	// Update replaces the record of r.Kind and r.Key if its revision is
	// r.Revision, and returns the new revision, which is greater; otherwise it
	// returns ErrConflict.
	Update(ctx context.Context, r Record) (revision uint64, err error)

	// Delete removes the record of r.Kind and r.Key if its revision is
	// r.Revision; otherwise it returns ErrConflict. One with the same key that
	// is created later has a greater revision.
	Delete(ctx context.Context, r Record) error

	// Get returns a record with all its fields, or ErrNotFound.
	Get(ctx context.Context, kind Kind, key string) (Record, error)

	// List yields each record of the kind that is not Done, in any order. It shows
	// all changes that were acknowledged before the call; it may show changes that
	// are made meanwhile. An error is yielded once, with a zero Record, and ends the
	// loop. The body of the loop may call the Store.
	List(ctx context.Context, kind Kind) iter.Seq2[Record, error]

	// Watch waits until the revision of a record is no longer after, and returns the
	// latest one, or ErrNotFound if the record is gone. It returns at once if the
	// revision differs already. Revisions in between may be missed. If ctx ends
	// first, it returns context.Cause.
	Watch(ctx context.Context, kind Kind, key string, after uint64) (Record, error)
}

// A BatchStore is a [Store] that can make many changes in one durable step, so that jobs
// that are due together share its cost.
type BatchStore interface {
	Store

	// ChangeAll makes all the changes or none, and returns the revisions of the
	// records in their order. A record whose revision is zero is created, any
	// other is updated. There are up to [MaxBatch] of them, of up to 1 MiB of
	// values together, and no two of one kind and key.
	//
	// An error that matches [ErrExists], [ErrConflict], [ErrTooLarge] or
	// errors.ErrUnsupported says that none was made: a record is not as expected or is
	// too large, or the store makes no batch of this size at present. The changes are
	// then made one by one. After any other error, all or none may have been made.
	ChangeAll(ctx context.Context, records []Record) (revisions []uint64, err error)
}

// MaxBatch is how many changes a batch has at most.
const MaxBatch = 256

// A Journal is a [Store] that can list records that are Done, and in which the revisions of
// all records of a kind grow in one order. Views for operators need it.
type Journal interface {
	Store

	// Since yields the records of the kind, Done or not, whose revision is greater
	// than after, in the order of their revisions. If there are labels, it leaves out
	// records that have a Label which is not among them. It ends when it has yielded
	// all changes that were acknowledged before the call; if wait is set, it goes on
	// with new changes until ctx ends. A record that changes meanwhile may be yielded
	// again; revisions never decrease. An error is yielded once, with a zero Record,
	// and ends the loop; so does the end of ctx, with context.Cause. The error matches
	// ErrAhead if the store has given no revision that is after or greater.
	Since(ctx context.Context, kind Kind, after uint64, labels []string, wait bool) iter.Seq2[Record, error]
}

// Kind separates records of different purposes: the same key in another kind is another
// record. Its zero value is invalid.
type Kind uint8

const (
	KindJob   Kind = iota + 1 // a job that was submitted
	KindLease                 // a process that holds jobs
)

// String returns the kind in lower case.
func (k Kind) String() string {
	switch k {
	case KindJob:
		return "job"
	case KindLease:
		return "lease"
	}
	return "invalid kind"
}

// Record is what a [Store] keeps.
type Record struct {
	Kind Kind

	// Key has from 1 to 255 bytes, each a printable ASCII character or a space. Upper
	// and lower case differ; slashes and dots have no special meaning.
	Key string

	// Value may have any bytes. A Store should keep 512 KiB; a Value that is too long
	// for it, it refuses with ErrTooLarge.
	Value []byte

	// Revision is the store's: positive, and greater after each change of the
	// record.
	Revision uint64

	// Label has up to 32 lower-case letters. A [Journal] keeps it, and selects records
	// by it; other stores need not.
	Label string

	// Done records are not listed by List. There may be many more of them than of
	// others.
	Done bool

	// Keep is how long a Done record must be kept after its last change; then
	// the store may forget it, as if it had been deleted. Zero means for ever.
	Keep time.Duration
}
