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

// mail is a job: a message that a service is to send.
type mail struct{ To, Text string }

// mailer is the client of that service.
type mailer interface {
	Send(ctx context.Context, key string, m mail) (id string, err error)
	Get(ctx context.Context, id string) (*mail, error)
	Find(ctx context.Context, key string) (ids []string, err error)
}

// A user and the job to welcome her are recorded in one transaction.
func ExampleStore_EnqueueTx() {
	var api mailer // of a service

	ctx := context.Background()
	pool, err := pgxpool.New(ctx, "postgres://localhost/shop")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	if err := pgstore.Migrate(ctx, pool, pgstore.Options{}); err != nil {
		log.Fatal(err)
	}
	store, err := pgstore.Open(ctx, pool, pgstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	jobs, err := submit.New(submit.Options[mail, string, *mail]{
		Store: store,
		Flow: func(key string, m mail) consistency.Flow[string, *mail] {
			flow := consistency.Create("send mail",
				func(ctx context.Context) (string, error) { return api.Send(ctx, key, m) }, api.Get)
			flow.Find = func(ctx context.Context) ([]string, error) { return api.Find(ctx, key) }
			flow.Mine = func(string) bool { return true } // it was found by the key
			return flow
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	go jobs.Run(ctx) // in this process, in others, or both

	job, err := jobs.Draft(ctx, "welcome ada", mail{To: "ada@example.org", Text: "Welcome!"})
	if err != nil {
		log.Fatal(err)
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO users (name) VALUES ('ada')"); err != nil {
			return err
		}
		return store.EnqueueTx(ctx, tx, job)
	})
	fmt.Println(err)
}
