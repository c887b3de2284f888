//go:build postgres

package pgstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/readbacktest"
	"github.com/readback-go/readback/submit"
)

// Whatever a role or a database sets for its sessions, the store keeps its promises.
func TestStore_settings(t *testing.T) {
	t.Parallel()
	settings := `-c search_path=pg_temp -c TimeZone=Pacific/Chatham -c IntervalStyle=sql_standard -c DateStyle=German -c extra_float_digits=-15 -c lock_timeout=1ms -c transform_null_equals=on -c default_transaction_deferrable=on -c enable_indexscan=off`
	for mode, more := range map[string]string{
		"cache_statement": " -c bytea_output=escape -c standard_conforming_strings=off -c statement_timeout=20s",
		"exec":            " -c idle_in_transaction_session_timeout=1s",
		"simple_protocol": "",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			readbacktest.TestStore(t, func(t *testing.T) (here, there submit.Store) {
				o := own(t, pgstore.Options{Table: "user"})
				dsn := asApp(shared.DSN()) + " default_query_exec_mode=" + mode + fmt.Sprintf(" options='%s'", settings+more)
				return open(t, connect(t, dsn), o), open(t, connect(t, dsn), o)
			})
		})
	}
}

// What pgx cannot read is told when the store is opened.
func TestOpen_byteaOutput(t *testing.T) {
	t.Parallel()
	o := own(t, pgstore.Options{})
	for _, mode := range []string{"simple_protocol", "exec"} {
		pool := connect(t, asApp(shared.DSN())+" default_query_exec_mode="+mode+" options='-c bytea_output=escape'")
		_, err := pgstore.Open(t.Context(), pool, o)
		require.ErrorContains(t, err, "bytea_output")
	}
}

// A constraint that refuses one record when its transaction commits holds up no other.
func TestStore_refusedAtCommit(t *testing.T) {
	t.Parallel()
	b := newBench(t, pgstore.Options{})
	must(t, b.pool, `CREATE FUNCTION `+b.schema+`.never() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN IF NEW.key = 'bad' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NULL; END $$`)
	must(t, b.pool, `CREATE CONSTRAINT TRIGGER never AFTER INSERT OR UPDATE ON `+b.schema+`.readback_records
		DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION `+b.schema+`.never()`)
	runs(t, b.jobs)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go b.jobs.Submit(ctx, "bad", order{"lamp"})
	done := make(chan error)
	for i := range 200 {
		go func() {
			_, err := b.jobs.Submit(ctx, fmt.Sprint(i), order{"lamp"})
			done <- err
		}()
	}
	for range 200 {
		assert.NoError(t, <-done)
	}
	res, err := b.jobs.Submit(ctx, "bad", order{"lamp"})
	assert.Equal(t, consistency.Unconfirmed, res.Outcome)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

// What becomes of a job is what becomes of the part of the transaction that it is in.
func TestStore_EnqueueTx_odd(t *testing.T) {
	t.Parallel()
	b := newBench(t, pgstore.Options{})
	ctx := t.Context()
	begin := func() pgx.Tx {
		tx, err := b.pool.Begin(ctx)
		require.NoError(t, err)
		return tx
	}
	has := func(key string) bool {
		_, err := b.jobs.Lookup(ctx, key)
		if err != nil {
			require.ErrorIs(t, err, submit.ErrNotFound)
		}
		return err == nil
	}
	t.Run("an aborted transaction", func(t *testing.T) {
		tx := begin()
		_, err := tx.Exec(ctx, "SELECT 1/0")
		require.Error(t, err)
		var e *pgconn.PgError
		require.ErrorAs(t, b.store.EnqueueTx(ctx, tx, b.draft("aborted", "x")), &e)
		assert.Equal(t, "25P02", e.Code)
		require.NoError(t, tx.Rollback(ctx))
		assert.False(t, has("aborted"))
	})
	t.Run("a savepoint that is rolled back, and again", func(t *testing.T) {
		tx := begin()
		part, err := tx.Begin(ctx)
		require.NoError(t, err)
		require.NoError(t, b.store.EnqueueTx(ctx, part, b.draft("part", "x")))
		require.NoError(t, part.Rollback(ctx))
		require.NoError(t, b.store.EnqueueTx(ctx, tx, b.draft("part", "y")))
		require.NoError(t, b.store.EnqueueTx(ctx, tx, b.draft("part", "y")))
		require.ErrorIs(t, b.store.EnqueueTx(ctx, tx, b.draft("part", "z")), submit.ErrKeyReused)
		require.NoError(t, tx.Commit(ctx))
		assert.True(t, has("part"))
	})
	t.Run("read only", func(t *testing.T) {
		tx, err := b.pool.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
		require.NoError(t, err)
		var e *pgconn.PgError
		require.ErrorAs(t, b.store.EnqueueTx(ctx, tx, b.draft("read only", "x")), &e)
		assert.Equal(t, "25006", e.Code)
		require.NoError(t, tx.Rollback(ctx))
	})
	t.Run("bytes that text and jsonb do not take", func(t *testing.T) {
		tx := begin()
		require.NoError(t, b.store.EnqueueTx(ctx, tx, b.draft("odd bytes", "\x00 \u2028 ")))
		require.NoError(t, tx.Commit(ctx))
		assert.True(t, has("odd bytes"))
	})
	t.Run("over already", func(t *testing.T) {
		tx := begin()
		require.NoError(t, tx.Commit(ctx))
		require.Error(t, b.store.EnqueueTx(ctx, tx, b.draft("over", "x")))
		assert.False(t, has("over"))
	})
}
