//go:build postgres

package pgstore_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/submit"
)

// limit has a trigger refuse records of jobs that are longer.
func limit(t *testing.T, b *bench, bytes int) {
	t.Helper()
	must(t, b.pool, fmt.Sprintf(`CREATE OR REPLACE FUNCTION %[1]s.limit_records() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF NEW.kind = 1 AND length(NEW.value) > %[2]d THEN
				RAISE EXCEPTION 'too long: %%', length(NEW.value) USING ERRCODE = 'program_limit_exceeded';
			END IF;
			RETURN NEW;
		END $$`, b.schema, bytes))
	must(t, b.pool, fmt.Sprintf(`CREATE OR REPLACE TRIGGER limit_records BEFORE INSERT OR UPDATE ON %s.%s
		FOR EACH ROW EXECUTE FUNCTION %[1]s.limit_records()`, b.schema, "readback_records"))
}

// A record that the server refuses for its length is told so, and those beside it are
// made, also if there are many of them in a group.
func TestStore_tooLarge(t *testing.T) {
	t.Parallel()
	b := newBench(t, pgstore.Options{})
	limit(t, b, 1000)
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			r := record(fmt.Sprint(i))
			large := i%4 == 0
			if large {
				r.Value = bytes.Repeat([]byte("x"), 2000)
			}
			for range 3 {
				_, err := b.store.Create(t.Context(), r)
				if large {
					assert.ErrorIs(t, err, submit.ErrTooLarge)
					assert.NotErrorIs(t, err, pgstore.ErrUnavailable)
					continue
				}
				assert.NoError(t, err)
				return
			}
		})
	}
	all.Wait()
	r := record("1")
	var err error
	r, err = b.store.Get(t.Context(), r.Kind, r.Key)
	require.NoError(t, err)
	long := r
	long.Value = bytes.Repeat([]byte("x"), 2000)
	_, err = b.store.Update(t.Context(), long)
	require.ErrorIs(t, err, submit.ErrTooLarge)
	_, err = b.store.Update(t.Context(), r)
	require.NoError(t, err)
}

// What the caller's own function is refused for is not the record's length.
func TestOptions_Ended_tooLarge(t *testing.T) {
	t.Parallel()
	o := own(t, pgstore.Options{Ended: func(ctx context.Context, tx pgx.Tx, _ submit.Record) error {
		_, err := tx.Exec(ctx, "DO $$ BEGIN RAISE EXCEPTION 'mine' USING ERRCODE = 'program_limit_exceeded'; END $$")
		return err
	}})
	s := open(t, connect(t, asApp(shared.DSN())), o)
	r := record("a")
	r.Done = true
	_, err := s.Create(t.Context(), r)
	require.ErrorIs(t, err, pgstore.ErrUnavailable)
	require.NotErrorIs(t, err, submit.ErrTooLarge)
}

// A job in a transaction that the server has no room for ends the transaction; one that
// was recorded and grows too large later ends Failed, unsent.
func TestStore_EnqueueTx_tooLarge(t *testing.T) {
	t.Parallel()
	b := newBench(t, pgstore.Options{})
	limit(t, b, 1000)
	tx := b.begin(pgx.ReadCommitted)
	require.ErrorIs(t, b.store.EnqueueTx(t.Context(), tx, b.draft("a", strings.Repeat("x", 2000))), submit.ErrTooLarge)
	require.NoError(t, tx.Rollback(t.Context()))
	b.gone("a")

	_, err := b.jobs.Submit(t.Context(), "b", order{strings.Repeat("x", 2000)})
	require.ErrorIs(t, err, submit.ErrTooLarge)
	b.gone("b")

	tx = b.begin(pgx.ReadCommitted)
	draft := b.draft("c", strings.Repeat("x", 500))
	require.NoError(t, b.store.EnqueueTx(t.Context(), tx, draft))
	require.NoError(t, tx.Commit(t.Context()))
	limit(t, b, len(draft.Record().Value)+10)
	runs(t, b.jobs)
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	for _, res := range b.jobs.Wait(ctx, "c") {
		assert.Equal(t, consistency.Failed, res.Outcome)
		require.ErrorIs(t, res.Err, submit.ErrTooLarge)
	}
	assert.Zero(t, b.service.times("c"))
}
