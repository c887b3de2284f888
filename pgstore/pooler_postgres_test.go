//go:build postgres

package pgstore_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/readbacktest"
	"github.com/readback-go/readback/submit"
)

// pooled returns how to connect through a pooler that gives each transaction another
// connection.
func pooled(t *testing.T) string {
	t.Helper()
	pooler, err := shared.Pooler()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pooler.Close()) })
	return asApp(pooler.DSN()) + " default_query_exec_mode=exec"
}

func TestStore_pooler(t *testing.T) {
	t.Parallel()
	dsn := pooled(t)
	readbacktest.TestStore(t, func(t *testing.T) (here, there submit.Store) {
		o := own(t, pgstore.Options{NoListen: true})
		return open(t, connect(t, dsn), o), open(t, connect(t, dsn), o)
	})
}

// Who forgets NoListen hears nothing, and works all the same.
func TestStore_EnqueueTx_pooler(t *testing.T) {
	t.Parallel()
	dsn := pooled(t)
	for name, o := range map[string]pgstore.Options{
		"told": {NoListen: true}, "untold": {}, "notices that nobody hears": {Notify: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, o)
			o.Schema = b.schema
			b.pool = connect(t, dsn)
			b.store = open(t, b.pool, o)
			b.jobs = b.service.on(t, b.store)
			require.NoError(t, pgstore.Migrate(t.Context(), b.pool, o))
			runs(t, b.jobs)
			for _, key := range []string{"a", "b", "c"} {
				tx := b.begin(pgx.ReadCommitted)
				b.order(tx, key)
				require.NoError(t, tx.Commit(t.Context()))
				b.confirmed(key)
			}
		})
	}
}
