//go:build postgres

package pgstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/submit"
)

// service carries out what it is sent at once, and remembers how often.
type service struct {
	mu   sync.Mutex
	sent map[string]int
}

func (s *service) times(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent[key]
}

type submitter = submit.Submitter[order, string, *order]

type order struct{ Item string }

// on returns a submitter of jobs to the service.
func (s *service) on(t testing.TB, store submit.Store) *submitter {
	t.Helper()
	jobs, err := submit.New(submit.Options[order, string, *order]{
		Store: store,
		Lease: time.Second,
		Flow: func(key string, o order) consistency.Flow[string, *order] {
			flow := consistency.Create("order",
				func(context.Context) (string, error) {
					s.mu.Lock()
					defer s.mu.Unlock()
					if s.sent == nil {
						s.sent = make(map[string]int)
					}
					s.sent[key]++
					return key, nil
				},
				func(context.Context, string) (*order, error) { return &o, nil })
			flow.Find = func(context.Context) ([]string, error) {
				if s.times(key) == 0 {
					return nil, nil
				}
				return []string{key}, nil
			}
			flow.Mine = func(string) bool { return true }
			return flow
		},
	})
	require.NoError(t, err)
	return jobs
}

// bench is a store with jobs, and a table of orders beside it.
type bench struct {
	t       *testing.T
	pool    *pgxpool.Pool
	store   *pgstore.Store
	jobs    *submitter
	service *service
	schema  string
}

func newBench(t *testing.T, o pgstore.Options) *bench {
	t.Helper()
	o = own(t, o)
	b := &bench{t: t, pool: connect(t, asApp(shared.DSN())), service: &service{}, schema: o.Schema}
	b.store = open(t, b.pool, o)
	b.jobs = b.service.on(t, b.store)
	must(t, b.pool, "CREATE TABLE "+o.Schema+".orders (id text PRIMARY KEY)")
	return b
}

func (b *bench) begin(level pgx.TxIsoLevel) pgx.Tx {
	b.t.Helper()
	tx, err := b.pool.BeginTx(b.t.Context(), pgx.TxOptions{IsoLevel: level})
	require.NoError(b.t, err)
	b.t.Cleanup(func() { tx.Rollback(context.Background()) })
	return tx
}

func (b *bench) draft(key, item string) submit.Draft {
	b.t.Helper()
	d, err := b.jobs.Draft(b.t.Context(), key, order{item})
	require.NoError(b.t, err)
	return d
}

// order records an order and its job.
func (b *bench) order(tx pgx.Tx, key string) {
	b.t.Helper()
	_, err := tx.Exec(b.t.Context(), "INSERT INTO "+b.schema+".orders VALUES ($1)", key)
	require.NoError(b.t, err)
	require.NoError(b.t, b.store.EnqueueTx(b.t.Context(), tx, b.draft(key, "lamp")))
}

func (b *bench) gone(key string) {
	b.t.Helper()
	_, err := b.jobs.Lookup(b.t.Context(), key)
	require.ErrorIs(b.t, err, submit.ErrNotFound)
}

// runs runs jobs until the test ends.
func runs(t *testing.T, jobs *submitter) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { jobs.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// soon is how long a test waits for what comes, to say that it did not come.
const soon = time.Minute

func (b *bench) confirmed(key string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		res, err := b.jobs.Lookup(b.t.Context(), key)
		return err == nil && res.Outcome == consistency.Confirmed
	}, soon, 5*time.Millisecond, key)
	assert.Equal(b.t, 1, b.service.times(key))
}

func TestStore_EnqueueTx(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]pgstore.Options{
		"polls": {}, "notices": {Notify: true}, "polls alone": {NoListen: true, Notify: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, o)
			runs(t, b.jobs)
			runs(t, b.service.on(t, b.store)) // another process: one of them takes it in
			tx := b.begin(pgx.ReadCommitted)
			b.order(tx, "kept")
			undone := b.begin(pgx.ReadCommitted)
			b.order(undone, "undone")
			b.gone("kept")
			require.NoError(t, tx.Commit(t.Context()))
			b.confirmed("kept")
			require.NoError(t, undone.Rollback(t.Context()))
			b.gone("undone")

			// A transaction that began before others, and commits after them.
			early := b.begin(pgx.ReadCommitted)
			b.order(early, "early")
			for i := range 10 {
				tx := b.begin(pgx.ReadCommitted)
				b.order(tx, fmt.Sprint("late ", i))
				require.NoError(t, tx.Commit(t.Context()))
				b.confirmed(fmt.Sprint("late ", i))
			}
			require.NoError(t, early.Commit(t.Context()))
			b.confirmed("early")
			assert.Zero(t, b.service.times("undone"))
		})
	}
}

func TestStore_EnqueueTx_sameKey(t *testing.T) {
	t.Parallel()
	t.Run("the same job again", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, pgstore.Options{})
		tx := b.begin(pgx.ReadCommitted)
		require.NoError(t, b.store.EnqueueTx(t.Context(), tx, b.draft("a", "lamp")))
		require.NoError(t, b.store.EnqueueTx(t.Context(), tx, b.draft("a", "lamp")), "in one transaction")
		require.NoError(t, tx.Commit(t.Context()))
		runs(t, b.jobs)
		b.confirmed("a")
		tx = b.begin(pgx.ReadCommitted)
		require.NoError(t, b.store.EnqueueTx(t.Context(), tx, b.draft("a", "lamp")), "after its outcome")
		require.NoError(t, tx.Commit(t.Context()))
		b.confirmed("a")
	})
	t.Run("another job leaves the transaction usable", func(t *testing.T) {
		t.Parallel()
		for _, level := range []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.RepeatableRead, pgx.Serializable} {
			b := newBench(t, pgstore.Options{Notify: true})
			require.NoError(t, b.jobs.Enqueue(t.Context(), "a", order{"lamp"}))
			tx := b.begin(level)
			err := b.store.EnqueueTx(t.Context(), tx, b.draft("a", "chair"))
			require.ErrorIs(t, err, submit.ErrKeyReused)
			require.ErrorContains(t, err, `pgstore: enqueue "a"`)
			b.order(tx, "b")
			require.NoError(t, tx.Commit(t.Context()))
			_, err = b.jobs.Lookup(t.Context(), "b")
			require.NoError(t, err)
		}
	})
	t.Run("two transactions at once: one job", func(t *testing.T) {
		t.Parallel()
		for _, commits := range []bool{true, false} {
			b := newBench(t, pgstore.Options{})
			first, second := b.begin(pgx.ReadCommitted), b.begin(pgx.ReadCommitted)
			require.NoError(t, b.store.EnqueueTx(t.Context(), first, b.draft("a", "lamp")))
			waited := make(chan error, 1)
			go func() { waited <- b.store.EnqueueTx(t.Context(), second, b.draft("a", "lamp")) }()
			b.blocked(1)
			if commits {
				require.NoError(t, first.Commit(t.Context()))
			} else {
				require.NoError(t, first.Rollback(t.Context()))
			}
			require.NoError(t, <-waited)
			require.NoError(t, second.Commit(t.Context()))
			runs(t, b.jobs)
			b.confirmed("a")
		}
	})
	t.Run("serializable: the second begins anew", func(t *testing.T) {
		t.Parallel()
		for _, level := range []pgx.TxIsoLevel{pgx.RepeatableRead, pgx.Serializable} {
			b := newBench(t, pgstore.Options{})
			second := b.begin(level)
			_, err := second.Exec(t.Context(), "SELECT count(*) FROM "+b.schema+".orders") // its snapshot
			require.NoError(t, err)
			first := b.begin(level)
			require.NoError(t, b.store.EnqueueTx(t.Context(), first, b.draft("a", "lamp")))
			require.NoError(t, first.Commit(t.Context()))
			var refusal *pgconn.PgError
			require.ErrorAs(t, b.store.EnqueueTx(t.Context(), second, b.draft("a", "lamp")), &refusal)
			assert.Equal(t, "40001", refusal.Code)
			require.NoError(t, second.Rollback(t.Context()))
			second = b.begin(level)
			require.NoError(t, b.store.EnqueueTx(t.Context(), second, b.draft("a", "lamp")))
			require.NoError(t, second.Commit(t.Context()))
		}
	})
	t.Run("a key whose time is over is a new job", func(t *testing.T) {
		t.Parallel()
		for _, notify := range []bool{true, false} {
			b := newBench(t, pgstore.Options{Notify: notify})
			before, err := b.store.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "a", Value: []byte("old"), Done: true, Keep: time.Nanosecond})
			require.NoError(t, err)
			tx := b.begin(pgx.ReadCommitted)
			require.NoError(t, b.store.EnqueueTx(t.Context(), tx, b.draft("a", "lamp")))
			require.NoError(t, tx.Commit(t.Context()))
			r, err := b.store.Get(t.Context(), submit.KindJob, "a")
			require.NoError(t, err)
			assert.Greater(t, r.Revision, before)
			runs(t, b.jobs)
			b.confirmed("a")
		}
	})
}

// A key is free again once its job is known to have never been sent: then another job
// takes its place.
func TestStore_EnqueueTx_freeKey(t *testing.T) {
	t.Parallel()
	for _, notify := range []bool{true, false} {
		b := newBench(t, pgstore.Options{Notify: notify})
		never, err := submit.New(submit.Options[order, string, *order]{
			Store: b.store,
			Flow: func(string, order) consistency.Flow[string, *order] {
				return consistency.Create("order",
					func(context.Context) (string, error) {
						return "", consistency.As(consistency.NotExecuted, errors.New("there is no service"))
					},
					func(context.Context, string) (*order, error) { return nil, nil })
			},
			GiveUpAfter: time.Nanosecond,
		})
		require.NoError(t, err)
		res, err := never.Submit(t.Context(), "a", order{"lamp"})
		require.Error(t, err)
		require.Equal(t, consistency.Failed, res.Outcome)
		tx := b.begin(pgx.ReadCommitted)
		require.NoError(t, b.store.EnqueueTx(t.Context(), tx, b.draft("a", "chair")))
		require.NoError(t, tx.Commit(t.Context()))
		runs(t, b.jobs)
		b.confirmed("a")
	}
}

// blocked waits until so many clients wait for others in the database.
func (b *bench) blocked(n int) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		var waiting int
		err := b.pool.QueryRow(b.t.Context(), "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT granted AND query LIKE '%'||$1||'%'", b.schema).Scan(&waiting)
		return err == nil && waiting >= n
	}, soon, 5*time.Millisecond)
}

func TestStore_EnqueueSQL(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]pgstore.Options{"polls": {}, "notices": {Notify: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, o)
			db, err := sql.Open("pgx", asApp(shared.DSN()))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			tx, err := db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			require.NoError(t, b.store.EnqueueSQL(t.Context(), tx, b.draft("a", "lamp")))
			require.NoError(t, b.store.EnqueueSQL(t.Context(), tx, b.draft("a", "lamp")))
			require.ErrorIs(t, b.store.EnqueueSQL(t.Context(), tx, b.draft("a", "chair")), submit.ErrKeyReused)
			b.gone("a")
			require.NoError(t, tx.Commit())
			tx, err = db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			require.NoError(t, b.store.EnqueueSQL(t.Context(), tx, b.draft("b", "lamp")))
			require.NoError(t, tx.Rollback())
			runs(t, b.jobs)
			b.confirmed("a")
			b.gone("b")
		})
	}
}

// A job goes the way of the part of the transaction that it was recorded in.
func TestStore_EnqueueTx_parts(t *testing.T) {
	t.Parallel()
	b := newBench(t, pgstore.Options{Notify: true})
	tx := b.begin(pgx.ReadCommitted)
	b.order(tx, "first")
	part, err := tx.Begin(t.Context())
	require.NoError(t, err)
	b.order(part, "undone")
	require.NoError(t, part.Rollback(t.Context()))
	part, err = tx.Begin(t.Context())
	require.NoError(t, err)
	b.order(part, "second")
	require.NoError(t, part.Commit(t.Context()))
	part, err = tx.Begin(t.Context())
	require.NoError(t, err)
	_, err = part.Exec(t.Context(), "SELECT 1/0")
	require.Error(t, err)
	var refusal *pgconn.PgError
	require.ErrorAs(t, b.store.EnqueueTx(t.Context(), part, b.draft("too late", "lamp")), &refusal)
	assert.Equal(t, "25P02", refusal.Code)
	require.NoError(t, part.Rollback(t.Context()))
	require.NoError(t, tx.Commit(t.Context()))
	runs(t, b.jobs)
	b.confirmed("first")
	b.confirmed("second")
	for _, key := range []string{"undone", "too late"} {
		b.gone(key)
		assert.Zero(t, b.service.times(key))
	}
}

func TestStore_EnqueueTx_refuses(t *testing.T) {
	t.Parallel()
	b := newBench(t, pgstore.Options{})
	tx := b.begin(pgx.ReadCommitted)
	require.ErrorContains(t, b.store.EnqueueTx(t.Context(), tx, submit.Draft{}), "the draft is empty")
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("over")
	cancel(over)
	require.ErrorIs(t, b.store.EnqueueTx(ctx, tx, b.draft("a", "lamp")), over)
	require.NoError(t, tx.Commit(t.Context()), "nothing was sent")
	closed, err := pgstore.Open(t.Context(), b.pool, pgstore.Options{Schema: b.schema})
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	require.ErrorIs(t, closed.EnqueueTx(t.Context(), b.begin(pgx.ReadCommitted), b.draft("a", "lamp")), pgstore.ErrClosed)
}
