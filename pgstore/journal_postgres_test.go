//go:build postgres

package pgstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/submit"
)

// Transactions commit in another order than they draw their revisions. Who follows
// sees them in that order all the same, and misses none.
func TestStore_Since_lateCommit(t *testing.T) {
	t.Parallel()
	b := newBench(t, pgstore.Options{})
	early, undone := b.begin(pgx.ReadCommitted), b.begin(pgx.ReadCommitted)
	b.order(early, "early")
	b.order(undone, "undone")
	late := b.begin(pgx.ReadCommitted)
	b.order(late, "late")
	require.NoError(t, late.Commit(t.Context()))

	seen := make(chan string)
	go func() {
		for r, err := range b.store.Since(t.Context(), submit.KindJob, 0, []string{"queued"}, true) {
			if err != nil {
				return
			}
			seen <- r.Key
		}
	}()
	var now []string
	for r, err := range b.store.Since(t.Context(), submit.KindJob, 0, nil, false) {
		require.NoError(t, err)
		now = append(now, r.Key)
	}
	assert.Equal(t, []string{"late"}, now)
	select {
	case key := <-seen:
		require.Fail(t, "yielded too early", key)
	case <-time.After(200 * time.Millisecond):
	}
	require.NoError(t, undone.Rollback(t.Context()))
	require.NoError(t, early.Commit(t.Context()))
	for _, want := range []string{"early", "late"} {
		select {
		case key := <-seen:
			assert.Equal(t, want, key)
		case <-time.After(soon):
			require.Fail(t, "not yielded", want)
		}
	}
}

// Some outcomes are found among many by their own index.
func TestStore_Since_plan(t *testing.T) {
	t.Parallel()
	o := own(t, pgstore.Options{})
	pool := connect(t, asApp(shared.DSN()))
	store := open(t, pool, o)
	must(t, pool, fmt.Sprintf(`INSERT INTO %s.readback_records SELECT 1, 'ended '||n, nextval('%[1]s.readback_records_revisions'), true, false, 1, now(), now() + '1 day',
		CASE WHEN n %% 5000 = 0 THEN 'unconfirmed' ELSE 'confirmed' END, 'value' FROM generate_series(1, 30000) n`, o.Schema))
	must(t, pool, "ANALYZE "+o.Schema+".readback_records")
	n := 0
	for r, err := range store.Since(t.Context(), submit.KindJob, 0, []string{"unconfirmed"}, false) {
		require.NoError(t, err)
		assert.Equal(t, "unconfirmed", r.Label)
		n++
	}
	assert.Equal(t, 6, n)
	n = 0
	for _, err := range store.Since(t.Context(), submit.KindJob, 29_000, nil, false) {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, 1000, n)
	var used int64
	require.Eventually(t, func() bool {
		err := pool.QueryRow(t.Context(), "SELECT idx_scan FROM pg_stat_user_indexes WHERE schemaname = $1 AND indexrelname = 'readback_records_labels'", o.Schema).Scan(&used)
		return err == nil && used > 0
	}, soon, 100*time.Millisecond, "the index is used")
}
