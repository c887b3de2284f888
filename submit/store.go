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

	// ErrTooLarge is matched by the error of a change that a Store refuses for the
	// size of the record. Nothing was changed, and the same record is refused each
	// time.
	//
	// It is the cause of a job for which the store has no room. Before it is recorded
	// such a job is Failed: nothing was sent, and nothing is kept. A record that grows
	// too large later leaves out what it can: texts, then the reference or the payload.
	// If that is not enough, what was not sent ends Failed, and what may have been sent
	// is read back to its end all the same.
	ErrTooLarge = errors.New("submit: the record is too large")
)

// A Store keeps records that several processes share. [NewMemory] makes one for
// a single process; readbacktest.TestStore tests any implementation.
//
// A record is found by its kind and key, and changes by compare-and-set alone:
// of several changes to one revision exactly one succeeds. A change that was
// acknowledged is durable, and every call that begins later sees it, in any
// process. Answers that may be stale, as replicas give them, break that.
//
// An error of a change that matches none of [ErrExists], [ErrConflict], [ErrNotFound]
// and [ErrTooLarge] says nothing: the change may have been made, or may yet be made.
// Every method returns soon after ctx ended. Nobody changes a Value that was
// handed over. All methods may be called concurrently.
type Store interface {
	// Create adds a record and returns its revision, or ErrExists. R.Revision
	// is ignored.
	Create(ctx context.Context, r Record) (revision uint64, err error)

	// Update replaces the record of r.Kind and r.Key if its revision is
	// r.Revision, and returns the new revision, which is greater; otherwise it
	// returns ErrConflict.
	Update(ctx context.Context, r Record) (revision uint64, err error)

	// Delete removes the record of r.Kind and r.Key if its revision is
	// r.Revision; otherwise it returns ErrConflict. One with the same key that
	// is created later has a greater revision.
	Delete(ctx context.Context, r Record) error

	// Get returns a record, or ErrNotFound. Whether it is Done and its Keep are
	// part of it.
	Get(ctx context.Context, kind Kind, key string) (Record, error)

	// List yields each record of the kind that is not Done, in any order. A
	// change that was acknowledged before the call is seen; one that is made
	// meanwhile may be. An error is yielded once, with a zero Record, and ends
	// the list. The body of the loop may call the Store.
	List(ctx context.Context, kind Kind) iter.Seq2[Record, error]

	// Watch returns a record as soon as its revision is not after, which is at
	// once if it is another already: the latest revision, or ErrNotFound if the
	// record is gone. Revisions in between may be missed. It returns
	// context.Cause if ctx ends before.
	Watch(ctx context.Context, kind Kind, key string, after uint64) (Record, error)
}

// A BatchStore is a [Store] that can make many changes in one durable step, which is
// where jobs that are due together share its cost.
type BatchStore interface {
	Store

	// ChangeAll makes all the changes or none, and returns the revisions of the
	// records in their order. A record whose revision is zero is created, any
	// other is updated. There are up to [MaxBatch] of them, of up to 1 MiB of
	// values together, and no two of one kind and key.
	//
	// An error that matches [ErrExists], [ErrConflict], [ErrTooLarge] or
	// errors.ErrUnsupported says that none was made: a record is not as expected, or
	// is too large, or the store cannot make batches, now or ever. They are then made
	// one by one. Any other error says nothing of any of them.
	ChangeAll(ctx context.Context, records []Record) (revisions []uint64, err error)
}

// MaxBatch is how many changes a batch has at most.
const MaxBatch = 256

// A Journal is a [Store] whose revisions of all records of a kind grow in one order,
// and that can list what is Done: what an operator's view needs.
type Journal interface {
	Store

	// Since yields the records of the kind, Done or not, whose revision is
	// greater than after, as they stand, in the order of their revisions. If
	// there are labels, it leaves out those with a Label that is none of them.
	// It ends once it has yielded all that were acknowledged before the call; or,
	// if wait is set, goes on with what changes, until ctx ends. A record that
	// changes meanwhile may be yielded again. None is yielded after one of a
	// greater revision. An error is yielded once, with a zero Record, and ends
	// it; so does the end of ctx, with context.Cause.
	Since(ctx context.Context, kind Kind, after uint64, labels []string, wait bool) iter.Seq2[Record, error]
}

// Kind keeps the records of different purposes apart: the same key in another
// kind is another record. Its zero value is invalid.
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

	// Key has from 1 to 255 bytes, each a printable character of ASCII or a
	// space: upper and lower case differ, slashes and dots mean nothing.
	Key string

	// Value is any bytes. A Store keeps up to 512 KiB; what it does not keep it
	// refuses with ErrTooLarge.
	Value []byte

	// Revision is the store's: positive, and greater after each change of the
	// record.
	Revision uint64

	// Label is up to 32 lower-case letters, to select records by; a [Journal]
	// keeps it, other stores need not.
	Label string

	// Done records are not listed. Their number may be far greater than that
	// of the others.
	Done bool

	// Keep is how long a Done record must be kept after its last change; then
	// the store may forget it, as if it had been deleted. Zero means for ever.
	Keep time.Duration
}
