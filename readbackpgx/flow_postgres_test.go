//go:build postgres

package readbackpgx_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/testing/pgtest"
	"github.com/readback-go/readback/readbackpgx"
)

// drivers makes the same flow for pgx and for database/sql.
func drivers(t *testing.T, try func(t *testing.T, create func(primary, standby, table, token string) flow)) {
	t.Run("pgx", func(t *testing.T) {
		t.Parallel()
		try(t, func(primary, standby, table, token string) flow {
			return readbackpgx.Create("note", pool(t, primary), pool(t, standby), insert(table, token), get(table))
		})
	})
	t.Run("database/sql", func(t *testing.T) {
		t.Parallel()
		try(t, func(primary, standby, table, token string) flow {
			return readbackpgx.CreateSQL("note", db(t, pool(t, primary)), db(t, pool(t, standby)), insertSQL(table, token), getSQL(table))
		})
	})
}

// What becomes of a COMMIT decides, whatever the driver says of it.
func TestCreate_commit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault pgtest.Fault
		want  consistency.Outcome
		rows  string
	}{
		"answered":    {pgtest.Fault{}, consistency.Confirmed, "1"},
		"late":        {pgtest.Fault{Delay: 100 * time.Millisecond}, consistency.Confirmed, "1"},
		"never sent":  {pgtest.Fault{Unsent: true}, consistency.Failed, "0"},
		"answer lost": {pgtest.Fault{Lost: true}, consistency.Confirmed, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			drivers(t, func(t *testing.T, create func(primary, standby, table, token string) flow) {
				table := table(t, shared.primary)
				p := proxy(t, shared.primary)
				p.Rule(onCommit(tt.fault))
				res, err := consistency.Do(t.Context(), quick, create(p.DSN(), shared.standbys[0].DSN(), table, "mine"))
				assert.Equal(t, tt.want, res.Outcome, "%v", err)
				assert.Equal(t, tt.rows, rows(t, shared.primary, table, "mine"))
				if tt.want == consistency.Confirmed {
					assert.Equal(t, "mine", res.Value.Token)
					assert.Empty(t, res.Written.Doubt())
				}
			})
		})
	}
}

// Whatever is lost before COMMIT is sent, nothing was carried out.
func TestCreate_beforeCommit(t *testing.T) {
	t.Parallel()
	drivers(t, func(t *testing.T, create func(primary, standby, table, token string) flow) {
		table := table(t, shared.primary)
		p := proxy(t, shared.primary)
		for _, at := range []int{1, 2, 3, 5, 8, 13} { // messages of the session
			for _, fault := range []pgtest.Fault{{Unsent: true}, {Lost: true}} {
				n, lost := 0, false
				p.Rule(func(m pgtest.Message) pgtest.Fault {
					if n++; n < at || lost || m.IsCommit() || fault.Lost && !m.Ends() {
						return pgtest.Fault{}
					}
					lost = true
					return fault
				})
				res, err := consistency.Do(t.Context(), quick, create(p.DSN(), shared.standbys[0].DSN(), table, "mine"))
				want := "1"
				if res.Outcome == consistency.Failed {
					want = "0"
				}
				assert.NotEqual(t, consistency.Unconfirmed, res.Outcome, "%v", err)
				assert.Equal(t, want, rows(t, shared.primary, table, "mine"), "%v", err)
				must(t, shared.primary, "TRUNCATE "+table)
			}
		}
	})
}

func TestCreate_refused(t *testing.T) {
	t.Parallel()
	table := table(t, shared.primary)
	must(t, shared.primary, "CREATE UNIQUE INDEX ON "+table+" (token); INSERT INTO "+table+" (token) VALUES ('taken')")
	primary := pool(t, shared.primary.DSN())
	for name, tt := range map[string]struct {
		write func(context.Context, pgx.Tx) (int64, error)
		code  string
	}{
		"unique":           {insert(table, "taken"), "23505"},
		"the caller's own": {func(context.Context, pgx.Tx) (int64, error) { return 0, errors.New("no funds") }, ""},
		"swallowed": {func(ctx context.Context, tx pgx.Tx) (int64, error) {
			_, _ = tx.Exec(ctx, "SELECT 1/0")
			return 1, nil
		}, ""},
		"commits by itself": {func(ctx context.Context, tx pgx.Tx) (int64, error) {
			_, err := tx.Exec(ctx, "-- now\nCOMMIT")
			return 1, err
		}, ""},
		"no row": {func(ctx context.Context, tx pgx.Tx) (id int64, err error) {
			err = tx.QueryRow(ctx, "UPDATE "+table+" SET text = 'x' WHERE id = -1 RETURNING id").Scan(&id)
			return id, err
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := consistency.Do(t.Context(), quick, readbackpgx.Create("note", primary, primary, tt.write, get(table)))
			assert.Equal(t, consistency.Failed, res.Outcome, "%v", err)
			var e *consistency.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.code, e.Code)
		})
	}
}

// Of two that cannot both be, one is sent again, and passes.
func TestCreate_serializationFailure(t *testing.T) {
	t.Parallel()
	table := table(t, shared.primary)
	primary := pool(t, shared.primary.DSN())
	policy := quick
	policy.Resend.When = func(a consistency.Answer) bool { return a.Code == "40001" }
	calls := 0
	f := readbackpgx.Create("note", primary, primary, func(ctx context.Context, tx pgx.Tx) (id int64, err error) {
		if _, err := tx.Exec(ctx, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"); err != nil {
			return 0, err
		}
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM "+table).Scan(&id); err != nil {
			return 0, err
		}
		if calls++; calls == 1 {
			err := pgx.BeginTxFunc(ctx, primary, pgx.TxOptions{IsoLevel: pgx.Serializable}, func(other pgx.Tx) error {
				if _, err := other.Exec(ctx, "SELECT count(*) FROM "+table); err != nil {
					return err
				}
				_, err := other.Exec(ctx, "INSERT INTO "+table+" (token) VALUES ('other')")
				return err
			})
			if err != nil {
				return 0, err
			}
		}
		return insert(table, "mine")(ctx, tx)
	}, get(table))
	res, err := consistency.Do(t.Context(), policy, f)
	require.NoError(t, err)
	assert.Equal(t, 2, calls)
	assert.Equal(t, "mine", res.Value.Token)
	assert.Equal(t, "1", rows(t, shared.primary, table, "mine"))
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	table := table(t, shared.primary)
	must(t, shared.primary, "INSERT INTO "+table+" (id, token, text) VALUES (1, 'mine', 'old')")
	for name, fault := range map[string]pgtest.Fault{"answered": {}, "lost": {Lost: true}, "never sent": {Unsent: true}} {
		for how, match := range map[string]func(int64, *note) bool{
			"by the value":    func(_ int64, n *note) bool { return n.Text == name },
			"by the position": nil,
		} {
			p := proxy(t, shared.primary)
			p.Rule(onCommit(fault))
			must(t, shared.primary, "UPDATE "+table+" SET text = 'old'")
			res, err := consistency.Do(t.Context(), quick, readbackpgx.Update("rename", pool(t, p.DSN()), pool(t, shared.standbys[0].DSN()),
				func(ctx context.Context, tx pgx.Tx) (int64, error) {
					_, err := tx.Exec(ctx, "UPDATE "+table+" SET text = $1 WHERE id = 1", name)
					return 1, err
				}, get(table), match))
			if fault.Unsent {
				assert.Equal(t, consistency.Failed, res.Outcome, "%s, %s: %v", name, how, err)
				continue
			}
			require.NoError(t, err, "%s, %s", name, how)
			assert.Equal(t, name, res.Value.Text)
		}
	}
}

// What a position proves may be lost with synchronous_commit off: an update that asks
// for no more is refused before it is carried out.
func TestUpdate_byPositionThatMayBeLost(t *testing.T) {
	t.Parallel()
	table := table(t, shared.primary)
	must(t, shared.primary, "INSERT INTO "+table+" (id, token, text) VALUES (1, 'mine', 'old')")
	primary := pool(t, shared.primary.DSN())
	rename := func(ctx context.Context, tx pgx.Tx) (int64, error) {
		_, err := tx.Exec(ctx, "SET LOCAL synchronous_commit = off; UPDATE "+table+" SET text = 'new' WHERE id = 1")
		return 1, err
	}
	res, err := consistency.Do(t.Context(), quick, readbackpgx.Update("rename", primary, primary, rename, get(table), nil))
	assert.Equal(t, consistency.Failed, res.Outcome)
	assert.ErrorContains(t, err, "synchronous_commit is off")
	assert.Equal(t, "old", must(t, shared.primary, "SELECT text FROM "+table))
	res, err = consistency.Do(t.Context(), quick, readbackpgx.Update("rename", primary, primary, rename, get(table),
		func(_ int64, n *note) bool { return n.Text == "new" }))
	require.NoError(t, err)
	assert.Equal(t, "new", res.Value.Text)
}

// What is checked at COMMIT refuses it.
func TestCreate_refusedAtCommit(t *testing.T) {
	t.Parallel()
	drivers(t, func(t *testing.T, create func(primary, standby, table, token string) flow) {
		table := table(t, shared.primary)
		must(t, shared.primary, fmt.Sprintf(`ALTER TABLE %[1]s ADD UNIQUE (token) DEFERRABLE INITIALLY DEFERRED;
			INSERT INTO %[1]s (token) VALUES ('taken');
			CREATE FUNCTION no_%[1]s() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$no$$ USING ERRCODE = $$40001$$; END';
			CREATE CONSTRAINT TRIGGER no AFTER INSERT ON %[1]s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
				WHEN (NEW.token = 'conflict') EXECUTE FUNCTION no_%[1]s()`, table))
		for token, code := range map[string]string{"taken": "23505", "conflict": "40001"} {
			res, err := consistency.Do(t.Context(), quick, create(shared.primary.DSN(), shared.primary.DSN(), table, token))
			assert.Equal(t, consistency.Failed, res.Outcome, "%v", err)
			var e *consistency.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, code, e.Code)
		}
		assert.Equal(t, "1", must(t, shared.primary, "SELECT count(*) FROM "+table))
	})
}

func TestDelete(t *testing.T) {
	t.Parallel()
	table := table(t, shared.primary)
	for name, fault := range map[string]pgtest.Fault{"answered": {}, "lost": {Lost: true}} {
		must(t, shared.primary, "INSERT INTO "+table+" (id, token) VALUES (1, 'mine')")
		p := proxy(t, shared.primary)
		p.Rule(onCommit(fault))
		remove := func(ctx context.Context, tx pgx.Tx, id int64) error {
			_, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE id = $1", id)
			return err
		}
		f := readbackpgx.Delete("delete", pool(t, p.DSN()), pool(t, shared.standbys[0].DSN()), int64(1), remove, get(table))
		res, err := consistency.Do(t.Context(), quick, f)
		require.NoError(t, err, name)
		assert.Equal(t, consistency.Confirmed, res.Outcome)
	}
}

// A handle goes through JSON, and is resumed in another process.
func TestCreate_resume(t *testing.T) {
	t.Parallel()
	table := table(t, shared.primary)
	var kept []byte
	create := func() flow {
		f := readbackpgx.Create("note", pool(t, shared.primary.DSN()), pool(t, shared.standbys[0].DSN()), insert(table, "mine"), get(table))
		f.Started = func(_ context.Context, h consistency.Pending) (err error) {
			kept, err = json.Marshal(h)
			require.NoError(t, h.Missing())
			return err
		}
		return f
	}
	_, err := consistency.Do(t.Context(), quick, create())
	require.NoError(t, err)
	var h consistency.Pending
	require.NoError(t, json.Unmarshal(kept, &h))
	res, err := consistency.Resume(t.Context(), quick, create(), h)
	require.NoError(t, err)
	assert.Equal(t, "mine", res.Value.Token)
}

// The process dies with COMMIT on its way. Another one knows no transaction, and finds
// the row by its token.
func TestCreate_resumeLost(t *testing.T) {
	t.Parallel()
	table := table(t, shared.primary)
	primary := pool(t, shared.primary.DSN())
	id := must(t, shared.primary, "INSERT INTO "+table+" (token) VALUES ('mine') RETURNING id")
	require.Equal(t, "1", id)
	policy := quick
	policy.Within = 500 * time.Millisecond
	f := readbackpgx.Create("note", primary, pool(t, shared.standbys[0].DSN()), insert(table, "mine"), get(table))
	_, err := consistency.Resume(t.Context(), policy, f, f.Lost())
	assert.ErrorContains(t, err, "not known in this process")

	f.Find = func(context.Context) ([]written, error) { return []written{{Key: 1}}, nil }
	_, err = consistency.Resume(t.Context(), policy, f, f.Lost())
	assert.ErrorIs(t, err, consistency.ErrNotProvablyMine, "that something is there proves nothing")
	f.MineValue = func(_ written, n *note) bool { return n.Token == "mine" }
	res, err := consistency.Resume(t.Context(), quick, f, f.Lost())
	require.NoError(t, err)
	assert.Equal(t, "its transaction is not known", res.Written.Doubt())
}

// The connection is lost after the answer to COMMIT, with the position.
func TestCreate_positionLost(t *testing.T) {
	t.Parallel()
	drivers(t, func(t *testing.T, create func(primary, standby, table, token string) flow) {
		table := table(t, shared.primary)
		p := proxy(t, shared.primary)
		var committed, lost atomic.Bool
		p.Rule(func(m pgtest.Message) pgtest.Fault {
			if m.IsCommit() {
				committed.Store(true)
				return pgtest.Fault{}
			}
			return pgtest.Fault{Unsent: committed.Load() && lost.CompareAndSwap(false, true)}
		})
		res, err := consistency.Do(t.Context(), quick, create(p.DSN(), shared.standbys[0].DSN(), table, "mine"))
		require.NoError(t, err)
		assert.True(t, lost.Load())
		assert.Equal(t, "mine", res.Value.Token)
	})
}

// A function that panics leaves nothing, neither a row nor a connection.
func TestCreate_panic(t *testing.T) {
	t.Parallel()
	table := table(t, shared.primary)
	p := pool(t, shared.primary.DSN())
	d := db(t, p)
	for name, f := range map[string]flow{
		"pgx": readbackpgx.Create("note", p, p, func(ctx context.Context, tx pgx.Tx) (int64, error) {
			_, _ = insert(table, "mine")(ctx, tx)
			panic("no")
		}, get(table)),
		"database/sql": readbackpgx.CreateSQL("note", d, d, func(ctx context.Context, tx readbackpgx.SQLTx) (int64, error) {
			_, _ = insertSQL(table, "mine")(ctx, tx)
			panic("no")
		}, getSQL(table)),
	} {
		assert.PanicsWithValue(t, "no", func() { _, _ = consistency.Do(t.Context(), quick, f) }, name)
		assert.Zero(t, d.Stats().InUse, name)
		require.Eventually(t, func() bool { return p.Stat().AcquiredConns() == 0 }, time.Minute, 10*time.Millisecond, name)
		assert.Equal(t, "0", rows(t, shared.primary, table, "mine"), name)
	}
}

func TestUpdateSQL_DeleteSQL(t *testing.T) {
	t.Parallel()
	table := table(t, shared.primary)
	must(t, shared.primary, "INSERT INTO "+table+" (id, token) VALUES (1, 'mine')")
	p := proxy(t, shared.primary)
	p.Rule(onCommit(pgtest.Fault{Lost: true}))
	primary, standby := db(t, pool(t, p.DSN())), db(t, pool(t, shared.standbys[0].DSN()))
	res, err := consistency.Do(t.Context(), quick, readbackpgx.UpdateSQL("rename", primary, standby,
		func(ctx context.Context, tx readbackpgx.SQLTx) (int64, error) {
			_, err := tx.ExecContext(ctx, "UPDATE "+table+" SET text = 'new' WHERE id = 1")
			return 1, err
		}, getSQL(table), nil))
	require.NoError(t, err)
	assert.Equal(t, "new", res.Value.Text)
	_, err = consistency.Do(t.Context(), quick, readbackpgx.DeleteSQL("delete", primary, standby, 1,
		func(ctx context.Context, tx readbackpgx.SQLTx, id int64) error {
			_, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE id = $1", id)
			return err
		}, getSQL(table)))
	require.NoError(t, err)
	assert.Equal(t, "0", rows(t, shared.primary, table, "mine"))
}

// Behind a pooler that gives each transaction another connection nothing changes.
func TestCreate_pooler(t *testing.T) {
	t.Parallel()
	table := table(t, shared.primary)
	pooler, err := shared.primary.Pooler()
	require.NoError(t, err)
	t.Cleanup(func() { pooler.Close() })
	through := pooler.DSN() + " default_query_exec_mode=exec"
	res, err := consistency.Do(t.Context(), quick, readbackpgx.Create("note", pool(t, through), pool(t, through), insert(table, "mine"), get(table)))
	require.NoError(t, err)
	assert.Equal(t, "mine", res.Value.Token)
}
