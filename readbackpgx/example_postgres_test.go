//go:build postgres

package readbackpgx_test

import (
	"context"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackpgx"
)

// The answer to COMMIT is lost; the primary knows what became of the transaction.
func ExampleCreate_answerLost() {
	ctx := context.Background()
	if _, err := shared.primary.SQL("CREATE TABLE IF NOT EXISTS orders (id bigserial PRIMARY KEY, token text); ALTER TABLE orders OWNER TO app"); err != nil {
		log.Fatal(err)
	}
	lossy, err := shared.primary.Proxy()
	if err != nil {
		log.Fatal(err)
	}
	defer lossy.Close()
	lossy.Rule(losesCommits)
	primary, err := pgxpool.New(ctx, asApp(lossy.DSN()))
	if err != nil {
		log.Fatal(err)
	}
	defer primary.Close()
	standby, err := pgxpool.New(ctx, asApp(shared.standbys[0].DSN()))
	if err != nil {
		log.Fatal(err)
	}
	defer standby.Close()

	flow := readbackpgx.Create("place order", primary, standby,
		func(ctx context.Context, tx pgx.Tx) (id int64, err error) {
			err = tx.QueryRow(ctx, "INSERT INTO orders (token) VALUES ('cart-17') RETURNING id").Scan(&id)
			return id, err
		},
		func(ctx context.Context, tx pgx.Tx, id int64) (token string, err error) {
			err = tx.QueryRow(ctx, "SELECT token FROM orders WHERE id = $1", id).Scan(&token)
			return token, err
		})
	res, err := consistency.Do(ctx, consistency.Policy{}, flow)
	fmt.Println(res.Outcome, res.Value, err)
	// Output: confirmed cart-17 <nil>
}
