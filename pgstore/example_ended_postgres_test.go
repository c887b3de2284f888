//go:build postgres

package pgstore_test

import (
	"context"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/submit"
)

// A job's outcome, and a row of the application's, are there together.
func ExampleOptions_ended() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, asApp(shared.DSN()))
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	options := pgstore.Options{
		Schema: "example",
		Ended: func(ctx context.Context, tx pgx.Tx, r submit.Record) error {
			res, err := submit.ResultOf[string](r)
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, "INSERT INTO example.outcomes VALUES ($1, $2)", r.Key, res.Outcome.String())
			return err
		},
	}
	if err := pgstore.Migrate(ctx, pool, options); err != nil {
		log.Fatal(err)
	}
	if _, err := pool.Exec(ctx, "CREATE TABLE example.outcomes (key text, outcome text)"); err != nil {
		log.Fatal(err)
	}
	store, err := pgstore.Open(ctx, pool, options)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	jobs, err := submit.New(submit.Options[mail, string, string]{
		Store: store,
		Flow: func(key string, m mail) consistency.Flow[string, string] {
			return consistency.Create("send mail",
				func(context.Context) (string, error) { return key, nil },
				func(context.Context, string) (string, error) { return m.Text, nil })
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	res, err := jobs.Submit(ctx, "welcome ada", mail{To: "ada@example.org", Text: "Welcome!"})
	fmt.Println(res.Outcome, err)
	var outcome string
	err = pool.QueryRow(ctx, "SELECT outcome FROM example.outcomes WHERE key = 'welcome ada'").Scan(&outcome)
	fmt.Println(outcome, err)
	// Output:
	// confirmed <nil>
	// confirmed <nil>
}
