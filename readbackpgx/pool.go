package readbackpgx

import (
	"context"

	"github.com/jackc/pgx/v5"
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
	return guarded{Tx: tx}, err
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
