package readbackpgx

import (
	"context"
	"time"
)

// session is one connection that is held, whatever the driver is. T is the
// transaction that the caller's functions get.
type session[T any] interface {
	begin(ctx context.Context, reads bool) (T, error)
	one(ctx context.Context, query string, args []any, dest ...any) error // a row, in the transaction if there is one
	commit(ctx context.Context) error
	rollback()    // nothing is left of the transaction, or of the connection
	status() byte // the server's word: I idle, T in a transaction, E in a failed one; 0 if the connection is lost
	release()
}

// server opens sessions.
type server[T any] func(ctx context.Context) (session[T], error)

// patience bounds what is asked beside the caller's own statements.
const patience = 5 * time.Second

// own marks the statements of this package, which [Tracer] does not count.
func own(ctx context.Context) context.Context { return context.WithValue(ctx, ownKey{}, true) }

type ownKey struct{}

func isOwn(ctx context.Context) bool { return ctx.Value(ownKey{}) != nil }
