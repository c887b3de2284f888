package readbackpgx

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// errNotYours is returned for a statement that would end the transaction.
var errNotYours = errors.New("readbackpgx: only this package ends the transaction: return nil to commit, and an error to roll back")

// guarded is a transaction that the caller's function cannot end by mistake: after a COMMIT in
// it, an error of the function would not prove that nothing was carried out.
type guarded struct {
	pgx.Tx
	part bool // between savepoints, which the caller ends
}

func (g guarded) Commit(ctx context.Context) error {
	if g.part {
		return g.Tx.Commit(ctx)
	}
	return errNotYours
}

func (g guarded) Rollback(ctx context.Context) error {
	if g.part {
		return g.Tx.Rollback(ctx)
	}
	return errNotYours
}

func (g guarded) Begin(ctx context.Context) (pgx.Tx, error) {
	part, err := g.Tx.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return guarded{part, true}, nil
}

func (g guarded) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if ends(sql) {
		return pgconn.CommandTag{}, errNotYours
	}
	return g.Tx.Exec(ctx, sql, args...)
}

func (g guarded) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if ends(sql) {
		return nil, errNotYours
	}
	return g.Tx.Query(ctx, sql, args...)
}

func (g guarded) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if ends(sql) {
		return refused{}
	}
	return g.Tx.QueryRow(ctx, sql, args...)
}

func (g guarded) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	if ends(sql) {
		return nil, errNotYours
	}
	return g.Tx.Prepare(ctx, name, sql)
}

func (g guarded) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if slices.ContainsFunc(b.QueuedQueries, func(q *pgx.QueuedQuery) bool { return ends(q.SQL) }) {
		return pgx.FailedBatchResults(b, errNotYours)
	}
	return g.Tx.SendBatch(ctx, b)
}

// refused is the row of a query that was not sent.
type refused struct{}

func (refused) Scan(...any) error { return errNotYours }
