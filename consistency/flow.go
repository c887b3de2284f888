package consistency

import (
	"context"
	"reflect"
	"unicode/utf8"

	"github.com/readback-go/readback/internal/exact"
)

// Flow is one write and how to read it back. Make it with [Create], [Update] or
// [Delete], set further fields as needed, and hand it to [Do]. W refers to what
// was written, such as an id or a URL; R is what a read returns.
//
// W is stored in [Pending] as JSON: no secret belongs in it, and everything does
// that Read needs and that differs between runs. A type that JSON cannot carry,
// such as a *http.Response, is refused before anything is sent; a value that it
// does not carry exactly is told, see [Pending.Missing].
type Flow[W, R any] struct {
	// Name says what the write is, for errors, logs and handles. Resume asks
	// for the same name.
	Name string

	// Instance says which of the writes of that name this is, such as the key of
	// an order: for events, logs and spans, where the name alone does not
	// distinguish a thousand of them. It is no part of the handle.
	Instance string

	// Write sends the write once. An empty string, a nil, or a reference whose
	// method IsZero() bool is true names nothing: then it is never read, but
	// looked for by Find. All else is read, also a struct whose id alone is empty,
	// a number that is 0 and a UUID of zeros: set Lacks where a client returns
	// such a one for an answer without an id.
	Write func(context.Context) (W, error)

	// Read reads what W refers to. It never gets a W that neither Write nor
	// Find returned.
	Read func(context.Context, W) (R, error)

	// Match reports whether a value read shows the write of w. An update needs
	// one. A creation may have one, for a thing that is created again under an old
	// name, or that is visible before it is complete; it does not prove whose the
	// thing is.
	Match func(w W, value R) bool

	// Find lists what may be this write's, if the answer to it was lost or names
	// nothing: by a natural key, or by [Known]. It is called like a read, again
	// and again, until Mine proves one of them. A candidate that is listed twice
	// is one. If it knows that the write was not carried out and never will be,
	// it returns [NotCarriedOut].
	Find func(context.Context) ([]W, error)

	// Mine reports whether w is this write's and nobody else's. A created
	// thing is confirmed after a lost answer only if Mine proves exactly one.
	// After a 409 or a 412 there is one look by it: what is provably this
	// write's was carried out. A service that says "already exists" by another
	// status, such as 400 or 422, needs a [WriteRule] that calls that answer
	// Ambiguous: otherwise it is a refusal, and nobody looks.
	Mine func(w W) bool

	// MineValue is Mine for what only the value tells: each candidate is read, and
	// this is asked of what is there. With both, both must prove it.
	MineValue func(w W, value R) bool

	// Gone reports whether a value is what a deleted thing looks like, where a
	// read finds an empty list or a tombstone and no 404. Only [Delete] has it.
	Gone func(value R) bool

	// Fault reports, by an error, that a value shows the write of w to have
	// failed: the state FAILED of what was created, say. It counts like a
	// reading that is ready, and then the flow is Failed with [ErrOperation].
	// The value must be tied to this write, by an identity, an operation or a
	// generation in it: the first reads after a PATCH may show an earlier
	// failure.
	Fault func(w W, value R) error

	// Monitor follows an operation that goes on after the write was answered
	// well: it is called like a read until it returns true, or an error that
	// wraps [ErrOperation]. It may put into w what only the end of the
	// operation tells. If its record is gone (410, or 404s that last), the
	// operation is over, and the reads decide.
	Monitor func(ctx context.Context, w *W) (done bool, err error)

	// Follows reports whether w names an operation to follow. If it does not, the
	// write is what its status says. Nil means that all do.
	Follows func(w W) bool

	// Lacks says why w names nothing that could be read, or nil, where that takes
	// more than to see whether it is empty, such as a look at the id in it.
	Lacks func(w W) error

	// NoChange reports, once the write was applied, that it changed nothing:
	// then there is nothing to wait for, and one good read is enough, which
	// Match accepts if there is one. It is not asked if another try may have
	// been carried out: then the last one may have changed nothing because the
	// other did.
	NoChange func(w W) bool

	// Behind reports whether an answer to a read means that a replica has not
	// yet reached the position that the read asked for, such as a 412.
	Behind func(Answer) bool

	// Started gets the handle of a write that is not failed before the first
	// read, so that a crash while reading loses nothing. Its error ends
	// nothing: it is told in [Result] and [Error].
	Started func(context.Context, Pending) error

	goal  Goal
	known *W // of Delete: what the write refers to, whatever it answers
}

// Create returns a flow that is confirmed when read finds something. Write
// returns the reference, such as the id, that read gets. A nil, a list, a map or a
// struct that is empty or all zero, and a bool that is false are nothing, unless a Match
// accepts them. Any number and any text is something: if read counts, or returns "" for
// what is not there, set a Match. Set Find and Mine: without them the run is unconfirmed
// after a lost answer, with [ErrNoFind] or [ErrNotProvablyMine].
//
// If R is an interface, a client may return its 404 as a value of it, with a nil
// error: then set a Match, or let the status be known, by Policy.Answer, by the
// value or by readbackhttp.Watch.
func Create[W, R any](name string, write func(context.Context) (W, error), read func(context.Context, W) (R, error)) Flow[W, R] {
	return Flow[W, R]{Name: name, Write: write, Read: read, goal: ToPresent}
}

// Update returns a flow that is confirmed when match accepts what read returns.
// A match is needed, since a successful read may still show the old value;
// [Field], [Version] and [Member] make common ones. Set Find, mostly by [Known]:
// without it a lost answer ends the run, unconfirmed, with [ErrNoFind].
func Update[W, R any](name string, write func(context.Context) (W, error), read func(context.Context, W) (R, error), match func(W, R) bool) Flow[W, R] {
	return Flow[W, R]{Name: name, Write: write, Read: read, Match: match, goal: ToMatch}
}

// Delete returns a flow that is confirmed when reads of w find nothing: 404, or
// nil without an error, twice in a row, unless Policy.Settle says otherwise, or
// one 410. What is empty, such as a list, does not count, unless Gone says so.
//
// After a lost answer w is read all the same: Find and Mine are not needed.
//
// What reads never showed cannot be confirmed gone: 404 may as well mean that
// its creation is not visible yet. Confirm that first.
func Delete[W, R any](name string, w W, write func(context.Context, W) error, read func(context.Context, W) (R, error)) Flow[W, R] {
	flow := Flow[W, R]{Name: name, Read: read, goal: ToAbsent, known: &w}
	if write != nil {
		flow.Write = func(ctx context.Context) (W, error) { return w, write(ctx, w) }
	}
	return flow
}

// Known returns a Find for a write whose reference is known beforehand, such as
// a PUT, a PATCH, or a POST with an id of the client's. A flow to create
// something needs a Mine all the same: that something is there does not prove
// whose it is.
func Known[W any](w W) func(context.Context) ([]W, error) {
	return func(context.Context) ([]W, error) { return []W{w}, nil }
}

func (f *Flow[W, R]) validate() error {
	switch {
	case f.goal == 0:
		return invalid("the flow has no operation: make it with Create, Update or Delete")
	case !utf8.ValidString(f.Name):
		return invalid("the flow's name is not UTF-8, and Resume would not find it in the handle: %q", f.Name)
	case f.Read == nil:
		return invalid("the flow has no Read")
	case f.goal == ToMatch && f.Match == nil && f.Behind == nil:
		return invalid("the update has no match, and a successful read alone proves nothing")
	case f.goal == ToAbsent && f.Match != nil:
		return invalid("a flow to %s has no use for a Match: set Gone", f.goal)
	case f.goal != ToAbsent && f.Gone != nil:
		return invalid("a flow to %s has no use for Gone: it is for Delete", f.goal)
	case (f.Mine != nil || f.MineValue != nil) && f.Find == nil:
		return invalid("the flow has a Mine but no Find")
	case f.known != nil && namesNothing(f.known):
		return invalid("the flow has an empty reference, which names nothing to delete")
	case f.Follows != nil && f.Monitor == nil:
		return invalid("the flow has Follows but no Monitor")
	}
	if err := exact.Type(reflect.TypeFor[W]()); err != nil {
		return invalid("the reference cannot be kept in a handle: %w", err)
	}
	return nil
}

// lacks returns why w names nothing to read, or nil.
func (f *Flow[W, R]) lacks(w *W) error {
	if namesNothing(w) {
		return ErrNoReference
	}
	if f.Lacks != nil {
		return f.Lacks(*w)
	}
	return nil
}

// namesNothing reports whether w is an empty string, a nil, a pointer to either, or
// says so itself.
func namesNothing[W any](w *W) bool {
	v := content(w)
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.String:
		if v.Len() == 0 {
			return true
		}
	case reflect.Map, reflect.Slice:
		if v.IsNil() {
			return true
		}
	}
	return saysZero(carrier(w))
}

// saysZero reports whether a value says that it is zero. One whose method panics, as
// that of a nil which is embedded in it, does not.
func saysZero(value any) (is bool) {
	defer func() {
		if recover() != nil {
			is = false
		}
	}()
	zero, ok := value.(interface{ IsZero() bool })
	return ok && zero.IsZero()
}

// proves reports whether the flow can prove a candidate to be this write's.
func (f *Flow[W, R]) proves() bool { return f.Mine != nil || f.MineValue != nil }
