//go:build postgres

package pgstore_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/testing/pgtest"
	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/readbacktest"
	"github.com/readback-go/readback/submit"
)

// shared is the cluster of all tests that do not harm it. The clients are not
// superusers.
var shared *pgtest.Cluster

func TestMain(m *testing.M) {
	code, err := withCluster(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withCluster(run func() int) (int, error) {
	var err error
	if shared, err = pgtest.Start(pgtest.Options{}); err != nil {
		return 1, err
	}
	defer shared.Close()
	if _, err := shared.SQL("CREATE ROLE app LOGIN"); err != nil {
		return 1, err
	}
	if _, err := shared.SQL("CREATE DATABASE app OWNER app"); err != nil {
		return 1, err
	}
	return run(), nil
}

// asApp returns how a client that is no superuser connects.
func asApp(dsn string) string {
	return strings.NewReplacer("user=postgres", "user=app", "dbname=postgres", "dbname=app").Replace(dsn)
}

// connect returns a pool that is closed with the test.
func connect(t testing.TB, dsn string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// schemas numbers the tests' schemas.
var schemas atomic.Int64

// own returns options with a schema that no other test has, and that is there.
func own(t testing.TB, o pgstore.Options) pgstore.Options {
	t.Helper()
	o.Schema = fmt.Sprintf("test%d", schemas.Add(1))
	require.NoError(t, pgstore.Migrate(t.Context(), connect(t, asApp(shared.DSN())), o))
	return o
}

// open opens a store that is closed with the test.
func open(t testing.TB, pool *pgxpool.Pool, o pgstore.Options) *pgstore.Store {
	t.Helper()
	s, err := pgstore.Open(t.Context(), pool, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// must runs a statement that must succeed.
func must(t testing.TB, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	_, err := pool.Exec(context.WithoutCancel(t.Context()), sql, args...)
	require.NoError(t, err)
}

func TestStore(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		options pgstore.Options
		mode    string
	}{
		"listens":                 {pgstore.Options{}, "cache_statement"},
		"polls":                   {pgstore.Options{NoListen: true}, "exec"},
		"own names, old protocol": {pgstore.Options{Table: "jobs_of_mine", Notify: true}, "simple_protocol"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			readbacktest.TestStore(t, func(t *testing.T) (here, there submit.Store) {
				o := own(t, tt.options)
				dsn := asApp(shared.DSN()) + " default_query_exec_mode=" + tt.mode
				return open(t, connect(t, dsn), o), open(t, connect(t, dsn), o)
			})
		})
	}
}
