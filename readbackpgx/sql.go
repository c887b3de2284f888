package readbackpgx

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/readback-go/readback/consistency"
)

// SQLTx is a transaction of database/sql for the functions of a flow: they may do anything in
// it except end it.
type SQLTx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// CreateSQL is [Create] through database/sql, whose driver must be pgx's stdlib. Each call
// holds one connection, on which database/sql sends nothing twice. If the context ends while
// COMMIT is under way, database/sql does not say whether it was sent: the fate of the
// transaction is then asked for, as after a lost answer.
func CreateSQL[K, R any](name string, primary, standby *sql.DB,
	write func(ctx context.Context, tx SQLTx) (K, error),
	read func(ctx context.Context, tx SQLTx, key K) (R, error),
) consistency.Flow[Written[K], R] {
	return create(name, onDB(primary), onDB(standby), write, read)
}

// UpdateSQL is [Update] through database/sql, see [CreateSQL].
func UpdateSQL[K, R any](name string, primary, standby *sql.DB,
	write func(ctx context.Context, tx SQLTx) (K, error),
	read func(ctx context.Context, tx SQLTx, key K) (R, error),
	match func(key K, value R) bool,
) consistency.Flow[Written[K], R] {
	return update(name, onDB(primary), onDB(standby), write, read, match)
}

// DeleteSQL is [Delete] through database/sql, see [CreateSQL].
func DeleteSQL[K, R any](name string, primary, standby *sql.DB, key K,
	write func(ctx context.Context, tx SQLTx, key K) error,
	read func(ctx context.Context, tx SQLTx, key K) (R, error),
) consistency.Flow[Written[K], R] {
	return remove(name, onDB(primary), onDB(standby), key, write, read)
}

// onDB returns the server of a database/sql pool; nil for a nil one.
func onDB(db *sql.DB) server[SQLTx] {
	if db == nil {
		return nil
	}
	return func(ctx context.Context) (session[SQLTx], error) {
		conn, err := db.Conn(own(ctx))
		if err != nil {
			return nil, err
		}
		s := &sqlSession{conn: conn}
		if err := s.with(func(*pgx.Conn) {}); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return s, nil
	}
}

// held is a connection of database/sql.
type sqlSession struct {
	conn *sql.Conn
	tx   *sql.Tx
}

var errNotPgx = errors.New("readbackpgx: the driver of the database is not pgx's stdlib: open it by sql.Open(\"pgx\", …) or stdlib.OpenDB")

// with calls f with the connection of pgx.
func (s *sqlSession) with(f func(*pgx.Conn)) error {
	return s.conn.Raw(func(conn any) error {
		for {
			switch c := conn.(type) {
			case interface{ Conn() *pgx.Conn }:
				f(c.Conn())
				return nil
			case interface{ Raw() driver.Conn }: // a wrapper around the driver, such as for tracing
				conn = c.Raw()
			default:
				return errNotPgx
			}
		}
	})
}

func (s *sqlSession) begin(ctx context.Context, reads bool) (SQLTx, error) {
	var options *sql.TxOptions
	if reads {
		options = &sql.TxOptions{Isolation: sql.LevelReadCommitted, ReadOnly: true}
	}
	var err error
	s.tx, err = s.conn.BeginTx(ctx, options)
	return guardedSQL{s.tx}, err
}

func (s *sqlSession) one(ctx context.Context, query string, args []any, dest ...any) error {
	if s.tx != nil {
		return s.tx.QueryRowContext(ctx, query, args...).Scan(dest...)
	}
	return s.conn.QueryRowContext(ctx, query, args...).Scan(dest...)
}

func (s *sqlSession) commit(context.Context) error {
	tx := s.tx
	s.tx = nil
	return tx.Commit()
}

func (s *sqlSession) rollback() {
	if s.tx != nil {
		_ = s.tx.Rollback() // if it fails, the connection is closed
		s.tx = nil
	}
}

func (s *sqlSession) status() (status byte) {
	_ = s.with(func(conn *pgx.Conn) { status = statusOf(conn) }) // an error says that it is lost
	return status
}

// release gives the connection back. The transaction is open only if a function panicked.
func (s *sqlSession) release() {
	s.rollback()
	_ = s.conn.Close()
}

// guardedSQL is a transaction that the caller's function cannot end by mistake.
type guardedSQL struct{ *sql.Tx }

func (guardedSQL) Commit() error   { return errNotYours }
func (guardedSQL) Rollback() error { return errNotYours }

func (g guardedSQL) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if ends(query) {
		return nil, errNotYours
	}
	return g.Tx.ExecContext(ctx, query, args...)
}

func (g guardedSQL) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if ends(query) {
		return nil, errNotYours
	}
	return g.Tx.QueryContext(ctx, query, args...)
}

func (g guardedSQL) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if ends(query) {
		return nil, errNotYours
	}
	return g.Tx.PrepareContext(ctx, query)
}

// QueryRowContext has no way to return an error but that of a context which has ended.
func (g guardedSQL) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if ends(query) {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		ctx = ended
	}
	return g.Tx.QueryRowContext(ctx, query, args...)
}
