package main

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/examples/internal/api"
	"github.com/readback-go/readback/examples/workspaces"
	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/submit"
)

// shop is a process that takes orders, and works on their jobs.
type shop struct {
	dsn, service  string
	from, to      int
	before, after int // the order at whose commit it dies; -1 is none
}

type jobs = submit.Submitter[order, string, *workspaces.Workspace]

// submitter says how the job of an order is written, read and found.
func (s *shop) submitter(store submit.Store) (*jobs, error) {
	c := api.Client{URL: s.service}
	return submit.New(submit.Options[order, string, *workspaces.Workspace]{
		Store:  store,
		Lease:  time.Second, // so that the example is soon over
		Policy: consistency.Policy{Within: 5 * time.Second},
		Flow: func(key string, o order) consistency.Flow[string, *workspaces.Workspace] {
			flow := consistency.Create("workspace",
				func(ctx context.Context) (string, error) { return c.Create(ctx, key, o.Name, o.Fault) }, c.Get)
			flow.Find = func(ctx context.Context) ([]string, error) { return c.Find(ctx, key) }
			flow.Mine = func(string) bool { return true } // it was found by the key
			return flow
		},
	})
}

// take records an order and its job: both or neither.
func (s *shop) take(ctx context.Context, pool *pgxpool.Pool, store *pgstore.Store, jobs *jobs, n int) error {
	o := orderOf(n)
	job, err := jobs.Draft(ctx, o.ID, o)
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO orders (id, state) VALUES ($1, 'ordered')", o.ID); err != nil {
			return err
		}
		if err := store.EnqueueTx(ctx, tx, job); err != nil {
			return err
		}
		if n == s.before {
			die()
		}
		if o.Declined {
			return errDeclined
		}
		return nil
	})
	if n == s.after {
		die()
	}
	if errors.Is(err, errDeclined) {
		return nil // it was rolled back
	}
	return err
}

var errDeclined = errors.New("the card was declined")

// ended writes the outcome of a job to its order, in the transaction that records
// the outcome.
func ended(ctx context.Context, tx pgx.Tx, r submit.Record) error {
	res, err := submit.ResultOf[string](r)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE orders SET state = $1, workspace = $2 WHERE id = $3", res.Outcome.String(), res.Written, r.Key)
	return err
}

// run takes all orders, and ends when no job is pending.
func (s *shop) run(ctx context.Context) error {
	pool, err := pgxpool.New(ctx, s.dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	options := pgstore.Options{Notify: true, Ended: ended}
	if err := pgstore.Migrate(ctx, pool, options); err != nil {
		return err
	}
	store, err := pgstore.Open(ctx, pool, options)
	if err != nil {
		return err
	}
	defer store.Close()
	jobs, err := s.submitter(store)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { jobs.Run(ctx) })
	defer running.Wait()
	defer cancel()
	for n := s.from; n < s.to; n++ {
		if err := s.take(ctx, pool, store, jobs, n); err != nil {
			return err
		}
	}
	return drain(ctx, store)
}

// drain returns when no job is pending.
func drain(ctx context.Context, store submit.Store) error {
	for {
		pending := 0
		for _, err := range store.List(ctx, submit.KindJob) {
			if err != nil {
				return err
			}
			pending++
		}
		if pending == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// die ends this process at once, as kill -9 does.
func die() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}
