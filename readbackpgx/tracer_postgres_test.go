//go:build postgres

package readbackpgx_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/testing/pgtest"
	"github.com/readback-go/readback/readbackpgx"
)

// Something sends a statement again whose answer was lost, as database/sql did by itself
// before pgx 5.13. The refusal of the second proves nothing, since the first was carried
// out.
func TestTracer_hiddenRetry(t *testing.T) {
	t.Parallel()
	for name, traced := range map[string]bool{"traced": true, "not traced": false} {
		table := table(t, shared.primary)
		must(t, shared.primary, "CREATE UNIQUE INDEX ON "+table+" (token)")
		p := proxy(t, shared.primary)
		config, err := pgx.ParseConfig(asApp(p.DSN()))
		require.NoError(t, err)
		if traced {
			config.Tracer = readbackpgx.Tracer{}
		}
		d := stdlib.OpenDB(*config)
		t.Cleanup(func() { d.Close() })
		var lost atomic.Bool
		p.Rule(func(m pgtest.Message) pgtest.Fault {
			return pgtest.Fault{Lost: m.Type == 'Q' && strings.Contains(m.Text, "insert") && lost.CompareAndSwap(false, true)}
		})
		policy := quick
		policy.Answer = readbackpgx.Answer
		res, err := consistency.Do(t.Context(), policy, consistency.Create("note",
			func(ctx context.Context) (string, error) {
				var err error
				for range 2 {
					if _, err = d.ExecContext(ctx, "INSERT INTO "+table+" (token) VALUES ('mine')"); err == nil {
						break
					}
				}
				return "mine", err
			},
			func(ctx context.Context, token string) (n note, err error) {
				err = d.QueryRowContext(ctx, "SELECT id, token FROM "+table+" WHERE token = $1", token).Scan(&n.ID, &n.Token)
				return n, err
			}))
		require.Equal(t, "1", rows(t, shared.primary, table, "mine"))
		var e *consistency.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, "23505", e.Code, name)
		if traced {
			assert.Equal(t, consistency.Unconfirmed, res.Outcome, "%v", err)
		} else {
			assert.Equal(t, consistency.Failed, res.Outcome, "this is why there is a tracer")
		}
	}
}

// The caller's own transactions count by their COMMIT alone.
func TestTracer_ownTransaction(t *testing.T) {
	t.Parallel()
	table := table(t, shared.primary)
	config, err := pgxpool.ParseConfig(asApp(shared.primary.DSN()))
	require.NoError(t, err)
	config.ConnConfig.Tracer = readbackpgx.Tracer{}
	own, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(own.Close)
	policy := quick
	policy.Answer = readbackpgx.Answer
	read := func(ctx context.Context, id int64) (n note, err error) {
		err = own.QueryRow(ctx, "SELECT id, token FROM "+table+" WHERE id = $1", id).Scan(&n.ID, &n.Token)
		return n, err
	}
	res, err := consistency.Do(t.Context(), policy, consistency.Create("note", func(ctx context.Context) (id int64, err error) {
		return 1, pgx.BeginFunc(ctx, own, func(tx pgx.Tx) error {
			for range 3 {
				if _, err := tx.Exec(ctx, "INSERT INTO "+table+" (id, token) VALUES (1, 'mine')"); err != nil {
					return err
				}
			}
			return nil
		})
	}, read))
	assert.Equal(t, consistency.Failed, res.Outcome, "%v", err)
	_, err = consistency.Do(t.Context(), policy, consistency.Create("note", func(ctx context.Context) (id int64, err error) {
		return 2, pgx.BeginFunc(ctx, own, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO "+table+" (id, token) VALUES (2, 'mine')")
			return err
		})
	}, read))
	require.NoError(t, err)
}
