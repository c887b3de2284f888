//go:build postgres

package readbackpgx_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackpgx"
)

// Whatever way a function finds to commit by itself and to go on in another transaction, a write
// that is there is not Failed.
func TestCreate_commitsInside(t *testing.T) {
	t.Parallel()
	shop := table(t, shared.primary)
	must(t, shared.primary, "CREATE PROCEDURE "+shop+"_commits() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$")
	primary := pool(t, shared.primary.DSN())
	const chain = "COMMIT AND CHAIN"
	for name, commit := range map[string]func(ctx context.Context, tx pgx.Tx) error{
		"Exec":     func(ctx context.Context, tx pgx.Tx) error { _, err := tx.Exec(ctx, chain); return err },
		"two":      func(ctx context.Context, tx pgx.Tx) error { _, err := tx.Exec(ctx, "COMMIT; BEGIN"); return err },
		"QueryRow": func(ctx context.Context, tx pgx.Tx) error { var n int; return tx.QueryRow(ctx, chain).Scan(&n) },
		"batch": func(ctx context.Context, tx pgx.Tx) error {
			b := &pgx.Batch{}
			b.Queue("SELECT 1")
			b.Queue(chain)
			return tx.SendBatch(ctx, b).Close()
		},
		"prepared": func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Prepare(ctx, "sly", chain); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "sly")
			return err
		},
		"a part": func(ctx context.Context, tx pgx.Tx) error {
			part, err := tx.Begin(ctx)
			if err != nil {
				return err
			}
			_, err = part.Exec(ctx, chain)
			return err
		},
		"a part of a part": func(ctx context.Context, tx pgx.Tx) error {
			return pgx.BeginFunc(ctx, tx, func(part pgx.Tx) error {
				return pgx.BeginFunc(ctx, part, func(part pgx.Tx) error {
					return part.SendBatch(ctx, func() *pgx.Batch { b := &pgx.Batch{}; b.Queue(chain); return b }()).Close()
				})
			})
		},
		"a procedure": func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "CALL "+shop+"_commits()")
			return err
		},
		"a block": func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "DO $$ BEGIN COMMIT; END $$")
			return err
		},
		"its own error": func(context.Context, pgx.Tx) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := consistency.Do(t.Context(), quick, readbackpgx.Create("note", primary, primary,
				func(ctx context.Context, tx pgx.Tx) (int64, error) {
					id, err := insert(shop, name)(ctx, tx)
					if err != nil {
						return id, err
					}
					_ = commit(ctx, tx)
					return id, errors.New("no funds")
				}, get(shop)))
			if rows(t, shared.primary, shop, name) != "0" {
				assert.NotEqual(t, consistency.Failed, res.Outcome, "%v", err)
			} else {
				assert.Equal(t, consistency.Failed, res.Outcome, "%v", err)
			}
		})
	}
}

func TestCreateSQL_commitsInside(t *testing.T) {
	t.Parallel()
	shop := table(t, shared.primary)
	db := stdlib.OpenDBFromPool(pool(t, shared.primary.DSN()))
	const chain = "COMMIT AND CHAIN"
	for name, commit := range map[string]func(ctx context.Context, tx readbackpgx.SQLTx) error{
		"Exec": func(ctx context.Context, tx readbackpgx.SQLTx) error {
			_, err := tx.ExecContext(ctx, chain)
			return err
		},
		"Query": func(ctx context.Context, tx readbackpgx.SQLTx) error {
			_, err := tx.QueryContext(ctx, chain)
			return err
		},
		"QueryRow": func(ctx context.Context, tx readbackpgx.SQLTx) error {
			var n int
			return tx.QueryRowContext(ctx, chain).Scan(&n)
		},
		"prepared": func(ctx context.Context, tx readbackpgx.SQLTx) error {
			statement, err := tx.PrepareContext(ctx, chain)
			if err != nil {
				return err
			}
			_, err = statement.ExecContext(ctx)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := consistency.Do(t.Context(), quick, readbackpgx.CreateSQL("note", db, db,
				func(ctx context.Context, tx readbackpgx.SQLTx) (int64, error) {
					var id int64
					if err := tx.QueryRowContext(ctx, "INSERT INTO "+shop+" (token) VALUES ($1) RETURNING id", name).Scan(&id); err != nil {
						return 0, err
					}
					assert.Error(t, commit(ctx, tx))
					return id, errors.New("no funds")
				}, func(context.Context, readbackpgx.SQLTx, int64) (*int, error) { return nil, nil }))
			assert.Equal(t, "0", rows(t, shared.primary, shop, name))
			assert.Equal(t, consistency.Failed, res.Outcome, "%v", err)
		})
	}
}

// A part of the transaction may be rolled back, and a batch may be sent.
func TestCreate_parts(t *testing.T) {
	t.Parallel()
	shop := table(t, shared.primary)
	primary := pool(t, shared.primary.DSN())
	res, err := consistency.Do(t.Context(), quick, readbackpgx.Create("note", primary, primary,
		func(ctx context.Context, tx pgx.Tx) (int64, error) {
			_ = pgx.BeginFunc(ctx, tx, func(part pgx.Tx) error {
				_, _ = insert(shop, "not this")(ctx, part)
				return errors.New("not this")
			})
			if err := pgx.BeginFunc(ctx, tx, func(part pgx.Tx) error {
				b := &pgx.Batch{}
				b.Queue("INSERT INTO "+shop+" (token) VALUES ($1)", "batched")
				return part.SendBatch(ctx, b).Close()
			}); err != nil {
				return 0, err
			}
			return insert(shop, "mine")(ctx, tx)
		}, get(shop)))
	assert.NoError(t, err)
	assert.Equal(t, consistency.Confirmed, res.Outcome)
	assert.Equal(t, "0", rows(t, shared.primary, shop, "not this"))
	assert.Equal(t, "1", rows(t, shared.primary, shop, "batched"))
}
