//go:build postgres

package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/submit"
)

// An outcome and what the caller writes with it are there together.
func TestOptions_Ended(t *testing.T) {
	t.Parallel()
	var schema string
	var fails atomic.Int64
	b := newBench(t, pgstore.Options{Ended: func(ctx context.Context, tx pgx.Tx, r submit.Record) error {
		res, err := submit.ResultOf[string](r)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "INSERT INTO "+schema+".ends VALUES ($1, $2)", r.Key, res.Outcome.String()); err != nil {
			return err
		}
		if r.Key == "7" && fails.Add(1) < 3 {
			return errors.New("not yet")
		}
		return nil
	}})
	schema = b.schema
	must(t, b.pool, "CREATE TABLE "+schema+".ends (key text PRIMARY KEY, outcome text)")
	runs(t, b.jobs)
	const n = 100
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			res, err := b.jobs.Submit(t.Context(), fmt.Sprint(i), order{"lamp"})
			assert.NoError(t, err)
			assert.Equal(t, consistency.Confirmed, res.Outcome)
		})
	}
	all.Wait()
	assert.EqualValues(t, 3, fails.Load())
	var ends int
	require.NoError(t, b.pool.QueryRow(t.Context(), "SELECT count(*) FROM "+schema+".ends WHERE outcome = 'confirmed'").Scan(&ends))
	assert.Equal(t, n, ends)
}
