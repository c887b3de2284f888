package readbackpgx

import (
	"context"
	"time"
)

// session is one connection, of pgx or of database/sql. T is the transaction that the
// caller's functions get.
type session[T any] interface {
	begin(ctx context.Context, reads bool) (T, error)
	one(ctx context.Context, query string, args []any, dest ...any) error // scans one row, in the transaction if there is one
	commit(ctx context.Context) error
	rollback()    // if it fails, the connection is closed
	status() byte // the server's: I idle, T in a transaction, E in a failed one; 0 if the connection is lost
	release()
}

// server opens sessions.
type server[T any] func(ctx context.Context) (session[T], error)

// patience bounds the statements that this package sends after the caller's own.
const patience = 5 * time.Second

// own marks the statements of this package, which [Tracer] does not count.
func own(ctx context.Context) context.Context { return context.WithValue(ctx, ownKey{}, true) }

type ownKey struct{}

func isOwn(ctx context.Context) bool { return ctx.Value(ownKey{}) != nil }
