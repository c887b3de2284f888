package pgstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/submit"
)

// A table of one's own name, notices instead of polling, and a row of the
// application's that is there if and only if the outcome is.
func ExampleOptions() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, "postgres://localhost/shop")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	options := pgstore.Options{
		Schema: "shop",
		Table:  "mail_jobs",
		Notify: true,            // the same in all processes
		Poll:   2 * time.Second, // for notices that were lost
		Ended: func(ctx context.Context, tx pgx.Tx, r submit.Record) error {
			res, err := submit.ResultOf[string](r)
			if err != nil || res.Outcome != consistency.Failed {
				return err
			}
			_, err = tx.Exec(ctx, "UPDATE users SET bounced = true WHERE welcome_key = $1", r.Key)
			return err
		},
		Logger: zap.NewExample(),
	}
	if err := pgstore.Migrate(ctx, pool, options); err != nil {
		log.Fatal(err)
	}
	store, err := pgstore.Open(ctx, pool, options)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
}

// Behind PgBouncer in transaction mode nobody can listen, and a database of tests
// need not wait for its disk.
func ExampleOptions_pooler() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, "postgres://bouncer:6432/shop?default_query_exec_mode=exec")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	store, err := pgstore.Open(ctx, pool, pgstore.Options{NoListen: true, NoSync: true})
	if errors.Is(err, pgstore.ErrUnavailable) {
		log.Fatal("the server does not answer: ", err)
	}
	if err != nil {
		log.Fatal(err) // no table yet, or a standby
	}
	defer store.Close()
}

// The statements for a migration tool of one's own.
func ExampleMigrations() {
	steps, err := pgstore.Migrations(pgstore.Options{Schema: "shop", Table: "mail_jobs"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range steps[:1] { // run all of them: in order, and each in one transaction
		fmt.Println("version", step.Version, strings.Contains(step.SQL, `"shop"."mail_jobs"`))
	}
	// Output: version 1 true
}

// A user and the job to welcome her, in one transaction of database/sql.
func ExampleStore_EnqueueSQL() {
	var (
		ctx   = context.Background()
		db    *sql.DB                                // with the driver github.com/jackc/pgx/v5/stdlib
		store *pgstore.Store                         // see Open
		jobs  *submit.Submitter[mail, string, *mail] // on that store
	)
	job, err := jobs.Draft(ctx, "welcome ada", mail{To: "ada@example.org", Text: "Welcome!"})
	if err != nil {
		log.Fatal(err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "INSERT INTO users (name) VALUES ('ada')"); err != nil {
		log.Fatal(err)
	}
	if err := store.EnqueueSQL(ctx, tx, job); errors.Is(err, submit.ErrKeyReused) {
		log.Fatal("this key is another mail's: ", err)
	} else if err != nil {
		log.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		log.Fatal(err)
	}
}
