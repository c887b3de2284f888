//go:build postgres

package readbackpgx_test

import (
	"context"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackpgx"
)

// An order is placed, renamed and deleted by database/sql, and seen each time on a
// standby.
func ExampleUpdateSQL() {
	ctx := context.Background()
	if _, err := shared.primary.SQL("CREATE TABLE carts (id bigserial PRIMARY KEY, token text); ALTER TABLE carts OWNER TO app"); err != nil {
		log.Fatal(err)
	}
	pool := func(dsn string) *pgxpool.Pool {
		p, err := pgxpool.New(ctx, asApp(dsn))
		if err != nil {
			log.Fatal(err)
		}
		return p
	}
	onPrimary, onStandby := pool(shared.primary.DSN()), pool(shared.standbys[0].DSN())
	defer onPrimary.Close()
	defer onStandby.Close()
	primary, standby := stdlib.OpenDBFromPool(onPrimary), stdlib.OpenDBFromPool(onStandby)
	defer primary.Close()
	defer standby.Close()

	get := func(ctx context.Context, tx readbackpgx.SQLTx, id int64) (token string, err error) {
		err = tx.QueryRowContext(ctx, "SELECT token FROM carts WHERE id = $1", id).Scan(&token)
		return token, err
	}
	made, err := consistency.Do(ctx, consistency.Policy{}, readbackpgx.CreateSQL("place", primary, standby,
		func(ctx context.Context, tx readbackpgx.SQLTx) (id int64, err error) {
			err = tx.QueryRowContext(ctx, "INSERT INTO carts (token) VALUES ('cart-17') RETURNING id").Scan(&id)
			return id, err
		}, get))
	fmt.Println(made.Outcome, made.Value, err)

	id := made.Written.Key
	renamed, err := consistency.Do(ctx, consistency.Policy{}, readbackpgx.UpdateSQL("rename", primary, standby,
		func(ctx context.Context, tx readbackpgx.SQLTx) (int64, error) {
			_, err := tx.ExecContext(ctx, "UPDATE carts SET token = 'cart-18' WHERE id = $1", id)
			return id, err
		}, get, nil))
	fmt.Println(renamed.Outcome, renamed.Value, err)

	// The report's pool has come so far, too.
	report := consistency.Update("in the report",
		func(context.Context) (readbackpgx.Written[int64], error) { return renamed.Written, nil },
		readbackpgx.AtLSN(onStandby, func(ctx context.Context, tx pgx.Tx, id int64) (token string, err error) {
			err = tx.QueryRow(ctx, "SELECT token FROM carts WHERE id = $1", id).Scan(&token)
			return token, err
		}),
		func(_ readbackpgx.Written[int64], token string) bool { return token == "cart-18" })
	report.Behind = readbackpgx.Behind
	seen, err := consistency.Do(ctx, consistency.Policy{}, report)
	fmt.Println(seen.Outcome, seen.Value, err)

	deleted, err := consistency.Do(ctx, consistency.Policy{}, readbackpgx.DeleteSQL("delete", primary, standby, id,
		func(ctx context.Context, tx readbackpgx.SQLTx, id int64) error {
			_, err := tx.ExecContext(ctx, "DELETE FROM carts WHERE id = $1", id)
			return err
		}, get))
	fmt.Println(deleted.Outcome, err)
	// Output:
	// confirmed cart-17 <nil>
	// confirmed cart-18 <nil>
	// confirmed cart-18 <nil>
	// confirmed <nil>
}
