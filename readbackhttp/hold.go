package readbackhttp

import (
	"context"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/holding"
	"github.com/readback-go/readback/poll"
)

// Hold is how one read is held by a [Transport], where it differs from others.
// Put it into the request's context with [WithHold]. Its zero value changes
// nothing.
type Hold struct {
	// Off sends the request as it is, and hands on the first answer.
	Off bool

	// Within is how long after the write's answer this read is held, in place
	// of all windows of the policy, but no longer than
	// TransportOptions.Remember. Zero means those of the policy.
	Within time.Duration

	// Match accepts the answer that shows the write. It is asked of answers with
	// status 2xx: one that it does not accept is held too, as stale; one longer
	// than 64 KiB, or in a coding other than gzip, is handed on unasked. Its Ref is
	// zero. [HasETag], [AtLeast] and
	// [HasJSON] make common ones. Nil accepts all. Reads with a Match do not share
	// their waiting with others.
	Match func(Ref, *Document) bool

	// Report gets what happened to the read if it was held, before its answer
	// is handed on, and is left alone otherwise. It is one request's. Nil means
	// that nobody asks.
	Report *Report
}

// Report says how a read was held.
type Report struct {
	Reads   int                 // requests sent for it, the first one included
	Elapsed time.Duration       // from the first answer to the one handed on
	Outcome consistency.Outcome // Confirmed if that one shows the write, else Unconfirmed
	Err     error               // a [*consistency.Error] that says why it does not; nil if it does
	History *poll.History       // the reads, with times since the write's answer
}

// WithHold returns a context whose requests are held as h says. It replaces that
// of an outer WithHold.
func WithHold(ctx context.Context, h Hold) context.Context {
	return context.WithValue(ctx, holding.Key{}, &h)
}

// holdOf returns what WithHold put into ctx, or the zero value.
func holdOf(ctx context.Context) *Hold {
	if h, ok := ctx.Value(holding.Key{}).(*Hold); ok {
		return h
	}
	return &noHold
}

var noHold Hold
