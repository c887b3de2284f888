package readbackpgx

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// onPool returns the server of a pool of pgx; nil for a nil pool.
func onPool(pool *pgxpool.Pool) server[pgx.Tx] {
	if pool == nil {
		return nil
	}
	return func(ctx context.Context) (session[pgx.Tx], error) {
		conn, err := pool.Acquire(own(ctx))
		if err != nil {
			return nil, err
		}
		return &poolSession{conn: conn}, nil
	}
}

type poolSession struct {
	conn *pgxpool.Conn
	tx   pgx.Tx
}

func (s *poolSession) begin(ctx context.Context, reads bool) (pgx.Tx, error) {
	var options pgx.TxOptions
	if reads {
		options = pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadOnly}
	}
	tx, err := s.conn.BeginTx(ctx, options)
	s.tx = tx
	return guarded{tx}, err
}

func (s *poolSession) one(ctx context.Context, query string, args []any, dest ...any) error {
	return s.conn.QueryRow(ctx, query, args...).Scan(dest...)
}

func (s *poolSession) commit(ctx context.Context) error { return s.tx.Commit(ctx) }

func (s *poolSession) rollback() {
	ctx, cancel := context.WithTimeout(own(context.Background()), patience)
	defer cancel()
	_ = s.tx.Rollback(ctx) // if it fails, the connection is closed
}

func (s *poolSession) status() byte { return statusOf(s.conn.Conn()) }
func (s *poolSession) release()     { s.conn.Release() }

func statusOf(conn *pgx.Conn) byte {
	if conn.IsClosed() {
		return 0
	}
	return conn.PgConn().TxStatus()
}

// errNotYours is returned for a statement that would end the transaction.
var errNotYours = errors.New("readbackpgx: only this package ends the transaction: return nil to commit, and an error to roll back")

// guarded is a transaction that the caller's function cannot end by mistake.
type guarded struct{ pgx.Tx }

func (guarded) Commit(context.Context) error   { return errNotYours }
func (guarded) Rollback(context.Context) error { return errNotYours }

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
