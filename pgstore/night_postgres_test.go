//go:build postgres

package pgstore_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/submit"
)

// A function of the caller's that panics, or ends its goroutine, costs no process and no store: the
// outcome is recorded later, and others are.
func TestOptions_Ended_bugs(t *testing.T) {
	t.Parallel()
	for name, bug := range map[string]func(ctx context.Context, tx pgx.Tx){
		"panics":            func(context.Context, pgx.Tx) { panic("a bug") },
		"goexit":            func(context.Context, pgx.Tx) { runtime.Goexit() },
		"commits":           func(ctx context.Context, tx pgx.Tx) { _ = tx.Commit(ctx) },
		"rolls back":        func(ctx context.Context, tx pgx.Tx) { _ = tx.Rollback(ctx) },
		"fails a statement": func(ctx context.Context, tx pgx.Tx) { _, _ = tx.Exec(ctx, "SELECT 1/0") },
		"closes":            func(ctx context.Context, tx pgx.Tx) { _ = tx.Conn().Close(ctx) },
		"leaves rows open":  func(ctx context.Context, tx pgx.Tx) { _, _ = tx.Query(ctx, "SELECT generate_series(1, 10)") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var struck atomic.Int64
			b := newBench(t, pgstore.Options{Ended: func(ctx context.Context, tx pgx.Tx, r submit.Record) error {
				if r.Key == "bad" && struck.Add(1) <= 3 {
					bug(ctx, tx)
				}
				return nil
			}})
			runs(t, b.jobs)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			require.NoError(t, b.jobs.Enqueue(ctx, "bad", order{"lamp"}))
			for i := range 5 {
				res, err := b.jobs.Submit(ctx, fmt.Sprint(i), order{"lamp"})
				assert.NoError(t, err)
				assert.Equal(t, consistency.Confirmed, res.Outcome)
			}
			res, err := b.jobs.Submit(ctx, "bad", order{"lamp"})
			assert.NoError(t, err)
			assert.Equal(t, consistency.Confirmed, res.Outcome)
			assert.Positive(t, struck.Load())
		})
	}
}
