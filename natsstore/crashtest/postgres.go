package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/readback-go/readback/internal/testing/pgtest"
	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/submit"
)

const (
	// serverKills is how many kills of workers there are to one of the server.
	serverKills = 40

	// awaitServer is how long a worker tries to reach a server that is down.
	awaitServer = 30 * time.Second
)

// overPostgres kills three workers on one PostgreSQL server in turn, and the server
// too. Half of the jobs are recorded in a transaction with a row of another table,
// and a third of those transactions are rolled back.
func (s settings) overPostgres(ctx context.Context, out io.Writer, w *world) error {
	if s.lease == 0 {
		s.lease = folderLease
	}
	primary, err := pgtest.Start(pgtest.Options{})
	if err != nil {
		return err
	}
	defer primary.Close()
	pool, store, err := openPostgres(ctx, primary.DSN())
	if err != nil {
		return err
	}
	defer pool.Close()
	defer store.Close()
	if _, err := pool.Exec(ctx, "CREATE TABLE orders (key text PRIMARY KEY)"); err != nil {
		return err
	}
	c := &crowd{settings: s, world: w, out: out, primary: primary, began: time.Now(), draw: rand.New(rand.NewPCG(s.seed, 0))}
	defer c.killAll()
	if err := c.run(ctx); err != nil {
		return err
	}
	return c.audit(ctx, pool, store)
}

// crowd is the workers and the server that they share.
type crowd struct {
	settings
	world   *world
	out     io.Writer
	primary *pgtest.Cluster
	began   time.Time
	draw    *rand.Rand

	children [3]*child
	given    [3][]int // jobs of each worker that are not known to be stored
	jobs     int
	kills    int // of the server
	faults   faults
}

func (c *crowd) run(ctx context.Context) (err error) {
	fmt.Fprintf(c.out, "seed %d\n", c.seed)
	for i := range c.children {
		if err := c.start(ctx, i, c.faults.deploy(c.draw)...); err != nil {
			return err
		}
	}
	for round := range c.rounds {
		for range c.settings.jobs {
			c.give(c.draw.IntN(len(c.children)), c.jobs)
			c.jobs++
		}
		life := shortLife
		if round%8 == 7 {
			life = longLife
		}
		time.Sleep(time.Duration(c.draw.Int64N(int64(life))))
		if err := c.replace(ctx, c.draw.IntN(len(c.children)), c.faults.deploy(c.draw)...); err != nil {
			return err
		}
		if round%serverKills == serverKills/2 {
			if err := errors.Join(c.primary.Kill(), c.primary.Up()); err != nil {
				return err
			}
			c.kills++
		}
		if (round+1)%50 == 0 {
			fmt.Fprintf(c.out, "%d rounds, %d jobs, %v\n", round+1, c.jobs, time.Since(c.began).Round(time.Second))
		}
	}
	for i := range c.children { // the last ones are of the later version, without bugs
		if err := c.replace(ctx, i); err != nil {
			return err
		}
	}
	for i, child := range c.children {
		if err := child.finish(); err != nil {
			return fmt.Errorf("worker %d: %w", i, err)
		}
		c.faults.heard(child)
	}
	return nil
}

// replace kills a worker and starts another in its place. Its jobs that are not known to be
// stored are given to the next worker, as callers would that got no answer.
func (c *crowd) replace(ctx context.Context, victim int, program ...string) error {
	c.children[victim].kill()
	c.faults.heard(c.children[victim])
	left := c.children[victim].left(c.given[victim])
	c.given[victim] = nil
	c.give((victim+1)%len(c.children), left...)
	return c.start(ctx, victim, program...)
}

func (c *crowd) start(ctx context.Context, i int, program ...string) (err error) {
	flags := append(program, "-service", c.world.url, "-lease", c.lease.String(), "-dsn", c.primary.DSN())
	c.children[i], err = start(ctx, flags...)
	return err
}

func (c *crowd) give(i int, jobs ...int) {
	c.given[i] = append(c.children[i].left(c.given[i]), jobs...)
	c.children[i].give(jobs...)
}

func (c *crowd) killAll() {
	for _, child := range c.children {
		if child != nil {
			child.kill()
		}
	}
}

// audit checks every job and every order: each transaction must have left both or neither.
func (c *crowd) audit(ctx context.Context, pool *pgxpool.Pool, store submit.Store) error {
	rows, err := pool.Query(ctx, "SELECT key FROM orders ORDER BY key")
	if err != nil {
		return err
	}
	orders, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	var jobs []int
	var transactions, commits, torn int
	var details []string
	for n := range c.jobs {
		_, ordered := slices.BinarySearch(orders, keyOf(n))
		want := !inTransaction(n) || !undone(n)
		if want {
			jobs = append(jobs, n)
		}
		if !inTransaction(n) {
			continue
		}
		transactions++
		if want {
			commits++
		}
		_, err := store.Get(ctx, submit.KindJob, keyOf(n))
		if err != nil && !errors.Is(err, submit.ErrNotFound) {
			return err
		}
		if there := err == nil; there != want || ordered != want {
			torn++
			details = append(details, fmt.Sprintf("%s: committed %t, there is an order %t, a job %t", keyOf(n), want, ordered, there))
		}
	}
	found, err := audit(ctx, c.world, store, jobs)
	if err != nil {
		return err
	}
	found.details = append(found.details, details...)
	err = found.report(c.out, fmt.Sprintf("rounds=%d processes=3 server-kills=%d %v transactions=%d commits=%d torn=%d",
		c.rounds, c.kills, &c.faults, transactions, commits, torn), c.began)
	if torn > 0 {
		err = errors.Join(err, errors.New("transactions left a job without its order, or an order without its job"))
	}
	return errors.Join(err, c.faults.missing(c.settings))
}

// inTransaction reports whether a job is recorded in a transaction of its caller, and undone
// whether that transaction is rolled back.
func inTransaction(n int) bool { return n%4 >= 2 }
func undone(n int) bool        { return n/4%3 == 0 }

// openPostgres opens a store, and makes its table if it is missing. The server may be down
// for up to awaitServer.
func openPostgres(ctx context.Context, dsn string) (*pgxpool.Pool, *pgstore.Store, error) {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return nil, nil, err
	}
	for end := time.Now().Add(awaitServer); ; time.Sleep(50 * time.Millisecond) {
		err := pgstore.Migrate(ctx, pool, pgstore.Options{})
		if err == nil {
			var store *pgstore.Store
			if store, err = pgstore.Open(ctx, pool, pgstore.Options{}); err == nil {
				return pool, store, nil
			}
		}
		if ctx.Err() != nil || time.Now().After(end) {
			pool.Close()
			return nil, nil, err
		}
	}
}

// outbox records jobs in transactions.
type outbox struct {
	pool  *pgxpool.Pool
	store *pgstore.Store
}

// keepOr records a job in a transaction if it is one for that and there is an outbox;
// otherwise as the function keep does.
func (o *outbox) keepOr(ctx context.Context, jobs desk, n int) error {
	if o == nil || !inTransaction(n) {
		return keep(ctx, jobs, n)
	}
	return o.keep(ctx, jobs, n)
}

// keep runs the transaction of a job until it succeeds or ctx ends.
func (o *outbox) keep(ctx context.Context, jobs desk, n int) error {
	job, err := jobs.draft(ctx, n)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		if o.transact(ctx, job, undone(n)) == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return context.Cause(ctx)
}

var errUndone = errors.New("the transaction is rolled back on purpose")

func (o *outbox) transact(ctx context.Context, job submit.Draft, undo bool) error {
	err := pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO orders VALUES ($1) ON CONFLICT DO NOTHING", job.Record().Key); err != nil {
			return err
		}
		if err := o.store.EnqueueTx(ctx, tx, job); err != nil {
			return err
		}
		if undo {
			return errUndone
		}
		return nil
	})
	if undo && errors.Is(err, errUndone) {
		return nil
	}
	return err
}
