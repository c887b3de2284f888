//go:build postgres

package pgstore_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/testing/pgtest"
	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/submit"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	pool := connect(t, asApp(shared.DSN()))
	t.Run("many processes at once, and again", func(t *testing.T) {
		t.Parallel()
		o := pgstore.Options{Schema: fmt.Sprintf("test%d", schemas.Add(1))}
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { assert.NoError(t, pgstore.Migrate(t.Context(), pool, o)) })
		}
		all.Wait()
		require.NoError(t, pgstore.Migrate(t.Context(), pool, o))
		open(t, pool, o)
	})
	t.Run("many at once, whatever transactions are by default", func(t *testing.T) {
		t.Parallel()
		for _, level := range []string{"repeatable read", "serializable"} {
			strict := connect(t, asApp(shared.DSN())+" pool_max_conns=10 options='-c default_transaction_isolation="+strings.ReplaceAll(level, " ", "\\\\ ")+"'")
			o := pgstore.Options{Schema: fmt.Sprintf("test%d", schemas.Add(1))}
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() { assert.NoError(t, pgstore.Migrate(t.Context(), strict, o), level) })
			}
			all.Wait()
			open(t, pool, o)
		}
	})
	t.Run("by another tool", func(t *testing.T) {
		t.Parallel()
		o := pgstore.Options{Schema: fmt.Sprintf("test%d", schemas.Add(1)), Table: "jobs"}
		must(t, pool, "CREATE SCHEMA "+o.Schema)
		steps, err := pgstore.Migrations(o)
		require.NoError(t, err)
		for _, step := range steps {
			must(t, pool, step.SQL)
		}
		open(t, pool, o)
		require.NoError(t, pgstore.Migrate(t.Context(), pool, o))
	})
	t.Run("two tables in one schema", func(t *testing.T) {
		t.Parallel()
		o := own(t, pgstore.Options{})
		other := o
		other.Table = "others"
		require.NoError(t, pgstore.Migrate(t.Context(), pool, other))
		open(t, pool, o)
		open(t, pool, other)
	})
	t.Run("a table that is something else", func(t *testing.T) {
		t.Parallel()
		o := pgstore.Options{Schema: fmt.Sprintf("test%d", schemas.Add(1))}
		must(t, pool, "CREATE SCHEMA "+o.Schema)
		must(t, pool, "CREATE TABLE "+o.Schema+".readback_records (n int)")
		require.ErrorContains(t, pgstore.Migrate(t.Context(), pool, o), "there is another table of that name")
		_, err := pgstore.Open(t.Context(), pool, o)
		require.ErrorContains(t, err, "there is another table of that name")
	})
	t.Run("a newer version is left alone", func(t *testing.T) {
		t.Parallel()
		o := own(t, pgstore.Options{})
		must(t, pool, "COMMENT ON TABLE "+o.Schema+".readback_records IS 'readback pgstore, version 99'")
		require.NoError(t, pgstore.Migrate(t.Context(), pool, o))
		_, err := pgstore.Open(t.Context(), pool, o)
		require.ErrorContains(t, err, "version 99, and this package knows none after 1")
	})
}

func TestOpen_refuses(t *testing.T) {
	t.Parallel()
	dsn := asApp(shared.DSN())
	_, err := pgstore.Open(t.Context(), connect(t, dsn), pgstore.Options{Schema: "nowhere"})
	require.ErrorContains(t, err, "call Migrate")

	o := own(t, pgstore.Options{})
	late := connect(t, dsn+" options='-c synchronous_commit=off'")
	_, err = pgstore.Open(t.Context(), late, o)
	require.ErrorContains(t, err, "synchronous_commit is off")
	o.NoSync = true
	open(t, late, o)

	strict := connect(t, dsn+" options='-c default_transaction_isolation=serializable'")
	_, err = pgstore.Open(t.Context(), strict, o)
	require.ErrorContains(t, err, "transactions of the pool are serializable")

	primary, err := pgtest.Start(pgtest.Options{Settings: []string{"fsync = off"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, primary.Close()) })
	pool := connect(t, primary.DSN())
	require.NoError(t, pgstore.Migrate(t.Context(), pool, pgstore.Options{}))
	_, err = pgstore.Open(t.Context(), pool, pgstore.Options{})
	require.ErrorContains(t, err, "fsync is off")
	standby, err := primary.Standby(pgtest.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, standby.Close()) })
	_, err = pgstore.Open(t.Context(), connect(t, standby.DSN()), pgstore.Options{NoSync: true})
	require.ErrorContains(t, err, "the server is a standby")

	// A pool that begins to hand out standbys later is noticed by each read.
	both := strings.Replace(primary.DSN(), fmt.Sprint(primary.Port), fmt.Sprintf("%d,%d", primary.Port, standby.Port), 1)
	both = strings.Replace(both, "host=127.0.0.1", "host=127.0.0.1,127.0.0.1", 1)
	shifting := connect(t, both)
	store := open(t, shifting, pgstore.Options{NoSync: true, NoListen: true})
	require.NoError(t, primary.Stop())
	for range 10 { // the connections that died are found out first
		_, err = store.Get(t.Context(), 1, "a")
		if err != nil && strings.Contains(err.Error(), "the server is a standby") {
			break
		}
	}
	require.ErrorContains(t, err, "the server is a standby")
	require.ErrorIs(t, err, pgstore.ErrUnavailable)
	for _, err := range store.List(t.Context(), 1) {
		require.ErrorContains(t, err, "the server is a standby")
	}
}

// A role that did not make the table needs no more than the documentation says.
func TestOpen_rights(t *testing.T) {
	t.Parallel()
	o := own(t, pgstore.Options{})
	_, err := shared.SQL("CREATE ROLE worker LOGIN")
	require.NoError(t, err)
	owner := connect(t, asApp(shared.DSN()))
	pool := connect(t, strings.Replace(asApp(shared.DSN()), "user=app", "user=worker", 1))
	must(t, owner, "GRANT USAGE ON SCHEMA "+o.Schema+" TO worker")
	store := open(t, pool, o)
	r := record("a")
	_, err = store.Create(t.Context(), r)
	require.ErrorIs(t, err, pgstore.ErrUnavailable)
	require.ErrorContains(t, err, "permission denied")
	must(t, owner, "GRANT SELECT, INSERT, UPDATE, DELETE ON "+o.Schema+".readback_records TO worker")
	must(t, owner, "GRANT USAGE, SELECT ON SEQUENCE "+o.Schema+".readback_records_revisions TO worker")
	r.Revision, err = store.Create(t.Context(), r)
	require.NoError(t, err)
	r.Revision, err = store.Update(t.Context(), r)
	require.NoError(t, err)
	require.NoError(t, store.Delete(t.Context(), r))
	_, err = store.Sweep(t.Context())
	require.NoError(t, err)
	for _, err := range store.Since(t.Context(), submit.KindJob, 0, nil, false) {
		require.NoError(t, err)
	}
}
