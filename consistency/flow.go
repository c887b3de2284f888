package consistency

import "context"

// Flow is one write and how to read it back. Make it with [Create], [Update] or
// [Delete], set further fields as needed, and hand it to [Do]. W refers to what
// was written, such as an id or a URL; R is what a read returns.
//
// W is stored in [Pending] as JSON: no secret belongs in it, and everything does
// that Read needs and that differs between runs.
type Flow[W, R any] struct {
	// Name says what the write is, for errors, logs and handles. Resume asks
	// for the same name.
	Name string

	// Write sends the write once.
	Write func(context.Context) (W, error)

	// Read reads what W refers to. It never gets a W that neither Write nor
	// Find returned.
	Read func(context.Context, W) (R, error)

	// Match reports whether a value read shows the write of w. Create and
	// Delete have none.
	Match func(w W, value R) bool

	// Find lists what may be this write's, if the answer to it was lost: by a
	// natural key, or by [Known]. It is called like a read, again and again,
	// until Mine proves one of them.
	Find func(context.Context) ([]W, error)

	// Mine reports whether w is this write's and nobody else's. A created
	// thing is confirmed after a lost answer only if Mine proves exactly one.
	Mine func(w W) bool

	// Monitor follows an operation that goes on after the write was answered,
	// as with 202: it is called like a read until it returns true, or an error
	// that wraps [ErrOperation]. It may put into w what only the end of the
	// operation tells.
	Monitor func(ctx context.Context, w *W) (done bool, err error)

	// NoChange reports, once the write was applied, that it changed nothing:
	// then there is nothing to wait for, and one good read is enough. It is not
	// asked if another try may have been carried out: that the last one changed
	// nothing may then be the echo of that.
	NoChange func(w W) bool

	// Behind reports whether an answer to a read means that a replica has not
	// yet reached the position that the read asked for, such as a 412.
	Behind func(Answer) bool

	// Started gets the handle of a write that is not failed before the first
	// read, so that a crash while reading loses nothing.
	Started func(Pending)

	goal  Goal
	known *W // of Delete: what the write refers to, whatever it answers
}

// Create returns a flow that is confirmed when read finds something. Write
// returns the reference, such as the id, that read gets. A nil pointer and an
// empty slice or map are nothing. Set Find and Mine: without them the run is
// unconfirmed after a lost answer, with [ErrNoFind] or [ErrNotProvablyMine].
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

// Delete returns a flow that is confirmed when reads of w find nothing: 404
// twice in a row, unless Policy.Settle says otherwise, or one 410. A list that
// comes back empty does not count, since no status says so.
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
	case f.Read == nil:
		return invalid("the flow has no Read")
	case f.goal == ToMatch && f.Match == nil && f.Behind == nil:
		return invalid("the update has no match, and a successful read alone proves nothing")
	case f.goal != ToMatch && f.Match != nil:
		return invalid("a flow to %s has no use for a match: make it with Update", f.goal)
	case f.Mine != nil && f.Find == nil:
		return invalid("the flow has a Mine but no Find")
	}
	return nil
}
