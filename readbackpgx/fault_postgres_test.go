//go:build postgres

package readbackpgx_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/testing/pgtest"
	"github.com/readback-go/readback/readbackpgx"
)

// after has f's Write followed by what happens next, before its answer is told.
func after(f *flow, happens func()) {
	write := f.Write
	f.Write = func(ctx context.Context) (written, error) {
		w, err := write(ctx)
		happens()
		return w, err
	}
}

// movable is a pool whose next connections go where port says.
func movable(t *testing.T, port *atomic.Int64) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(asApp(shared.primary.DSN()))
	require.NoError(t, err)
	config.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
		c.Port = uint16(port.Load())
		return nil
	}
	p, err := pgxpool.NewWithConfig(context.Background(), config)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func portOf(t *testing.T, dsn string) int64 {
	t.Helper()
	c, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	return int64(c.Port)
}

// The primary is lost with a commit that nobody else has, the standby is promoted, and
// gives the same id and the same key to another's transaction.
func TestCreate_promoted(t *testing.T) {
	t.Parallel()
	s := start(t, pgtest.Options{}, pgtest.Options{})
	table := table(t, s.primary)
	standby := s.standbys[0]
	require.Eventually(t, func() bool { return must(t, standby, "SELECT to_regclass('"+table+"') IS NOT NULL") == "t" }, time.Minute, 10*time.Millisecond)
	p := proxy(t, s.primary)
	p.Rule(onCommit(pgtest.Fault{Lost: true}))
	var port atomic.Int64
	port.Store(portOf(t, p.DSN()))
	primary := movable(t, &port)
	require.NoError(t, standby.Stop())
	make := func() flow {
		f := readbackpgx.Create("note", primary, primary, insert(table, "mine"), get(table))
		after(&f, func() {
			if s.primary == nil {
				return
			}
			require.Equal(t, "1", rows(t, s.primary, table, "mine"))
			next := must(t, s.primary, "SELECT pg_snapshot_xmax(pg_current_snapshot())")
			require.NoError(t, s.primary.Kill())
			require.NoError(t, standby.Up())
			require.NoError(t, standby.Promote())
			for used := ""; used < next; {
				used = must(t, standby, "INSERT INTO "+table+" (token) VALUES ('other') RETURNING pg_current_xact_id()")
			}
			port.Store(int64(standby.Port))
		})
		return f
	}
	policy := quick
	policy.Within = 2 * time.Second
	f := make()
	res, err := consistency.Do(t.Context(), policy, f)
	assert.Equal(t, consistency.Unconfirmed, res.Outcome, "the id is committed, and the key is there: both another's")
	assert.ErrorContains(t, err, "another timeline")

	f.MineValue = func(_ written, n *note) bool { return n.Token == "mine" }
	res, err = consistency.Resume(t.Context(), policy, f, res.Pending)
	assert.Equal(t, consistency.Unconfirmed, res.Outcome, "%v", err)
	f.MineValue = func(_ written, n *note) bool { return n.Token == "other" }
	res, err = consistency.Resume(t.Context(), policy, f, res.Pending)
	require.NoError(t, err, "the value decides")
	assert.NotEmpty(t, res.Written.Doubt())
}

// The primary is lost right after it has answered COMMIT, and before it has told the
// position. The standby that is promoted has another row under the key, or the old one.
func TestFlows_promotedBeforePosition(t *testing.T) {
	t.Parallel()
	s := start(t, pgtest.Options{}, pgtest.Options{})
	table := table(t, s.primary)
	must(t, s.primary, "INSERT INTO "+table+" (id, token, text) VALUES (1000, 'mine', 'old')")
	standby := s.standbys[0]
	require.Eventually(t, func() bool {
		return must(t, standby, "SELECT to_regclass('"+table+"') IS NOT NULL") == "t" && rows(t, standby, table, "mine") == "1"
	}, time.Minute, 10*time.Millisecond)
	require.NoError(t, standby.Stop())
	p := proxy(t, s.primary)
	var port atomic.Int64
	port.Store(portOf(t, p.DSN()))
	primary := movable(t, &port)
	var committed atomic.Bool
	p.Rule(func(m pgtest.Message) pgtest.Fault {
		return pgtest.Fault{Unsent: !m.IsCommit() && committed.Load() || m.IsCommit() && committed.Swap(true)}
	})
	policy := quick
	policy.Within = 2 * time.Second
	moved := false
	move := func() {
		if moved {
			return
		}
		moved = true
		require.NoError(t, s.primary.Kill())
		require.NoError(t, standby.Up())
		require.NoError(t, standby.Promote())
		must(t, standby, "INSERT INTO "+table+" (token) VALUES ('other')")
		port.Store(int64(standby.Port))
	}
	create := readbackpgx.Create("note", primary, primary, insert(table, "new"), get(table))
	// Both are written before anything is lost, and read after it.
	update := readbackpgx.Update("rename", primary, primary, func(ctx context.Context, tx pgx.Tx) (int64, error) {
		_, err := tx.Exec(ctx, "UPDATE "+table+" SET text = 'new' WHERE id = 1000")
		return 1000, err
	}, get(table), nil)
	after(&update, func() {
		require.True(t, committed.Swap(false))
		after(&create, move)
		res, err := consistency.Do(t.Context(), policy, create)
		require.EqualValues(t, 1, res.Written.Key)
		assert.Equal(t, consistency.Unconfirmed, res.Outcome, "another's row has the key")
		assert.ErrorContains(t, err, "another history")
	})
	res, err := consistency.Do(t.Context(), policy, update)
	assert.Equal(t, consistency.Unconfirmed, res.Outcome, "the row is there, and old")
	assert.ErrorContains(t, err, "another history")
}

// The server dies before the disk has anything of a transaction, and gives its id and
// its key away again.
func TestCreate_idUsedAgainAfterCrash(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		checkpoint bool
		want       consistency.Outcome
	}{
		"noticed":                    {false, consistency.Failed},
		"no longer after checkpoint": {true, consistency.Unconfirmed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, pgtest.Options{})
			table := table(t, s.primary)
			must(t, s.primary, "INSERT INTO "+table+" (token) SELECT 'old' FROM generate_series(1, 100)")
			p := proxy(t, s.primary)
			killed := make(chan struct{})
			p.Rule(func(m pgtest.Message) pgtest.Fault {
				if m.IsCommit() {
					assert.NoError(t, s.primary.Kill())
					close(killed)
					return pgtest.Fault{Unsent: true}
				}
				return pgtest.Fault{}
			})
			policy := quick
			policy.Within = 2 * time.Second
			var id int64
			f := readbackpgx.Create("note", pool(t, p.DSN()), pool(t, p.DSN()), func(ctx context.Context, tx pgx.Tx) (key int64, err error) {
				if err := tx.QueryRow(ctx, "SELECT pg_current_xact_id()::text::bigint").Scan(&id); err != nil {
					return 0, err
				}
				return insert(table, "mine")(ctx, tx)
			}, get(table))
			after(&f, func() {
				<-killed
				p.Rule(nil)
				require.NoError(t, s.primary.Up())
				again := must(t, s.primary, "INSERT INTO "+table+" (token) VALUES ('other') RETURNING pg_current_xact_id()")
				require.Equal(t, fmt.Sprint(id), again, "the id is given away again")
				if tt.checkpoint {
					must(t, s.primary, "CHECKPOINT")
				}
			})
			res, err := consistency.Do(t.Context(), policy, f)
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
			if tt.checkpoint {
				assert.ErrorContains(t, err, "after a crash")
			}
		})
	}
}

// What was committed before a crash is found after it.
func TestCreate_crash(t *testing.T) {
	t.Parallel()
	s := start(t, pgtest.Options{})
	for name, settings := range map[string]string{"": "on", "not safe": "off"} {
		table := table(t, s.primary)
		p := proxy(t, s.primary)
		p.Rule(onCommit(pgtest.Fault{Lost: true}))
		primary := pool(t, p.DSN())
		f := readbackpgx.Create("note", primary, primary, func(ctx context.Context, tx pgx.Tx) (int64, error) {
			if _, err := tx.Exec(ctx, "SET LOCAL synchronous_commit = "+settings); err != nil {
				return 0, err
			}
			return insert(table, "mine")(ctx, tx)
		}, get(table))
		policy := quick
		policy.Within = 2 * time.Second
		after(&f, func() {
			p.Rule(nil)
			if name == "" {
				require.NoError(t, s.primary.Kill())
				require.NoError(t, s.primary.Up())
			}
		})
		f.MineValue = func(w written, n *note) bool { return w.Doubt() == "" || name == "" && n.Token == "mine" }
		_, err := consistency.Do(t.Context(), policy, f)
		if name == "" {
			require.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, name)
		}
	}
}

// The client gives up while COMMIT is on its way: the transaction is in progress, until
// it arrives.
func TestCreate_inProgress(t *testing.T) {
	t.Parallel()
	drivers(t, func(t *testing.T, create func(primary, standby, table, token string) flow) {
		table := table(t, shared.primary)
		p := proxy(t, shared.primary)
		p.Rule(onCommit(pgtest.Fault{Delay: time.Second}))
		f := create(p.DSN(), shared.standbys[0].DSN(), table, "mine")
		write := f.Write
		f.Write = func(ctx context.Context) (written, error) {
			ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
			defer cancel()
			return write(ctx)
		}
		res, err := consistency.Do(t.Context(), quick, f)
		require.NoError(t, err)
		assert.Greater(t, res.History.Reads(), 1)
		assert.Equal(t, "1", rows(t, shared.primary, table, "mine"))
	})
}

// What a database cannot know it says.
func TestFate_notKnown(t *testing.T) {
	t.Parallel()
	other := start(t, pgtest.Options{})
	primary := pool(t, shared.primary.DSN())
	for name, tt := range map[string]struct {
		asked *pgxpool.Pool
		id    uint64
		want  string
	}{
		"known":                          {primary, 0, ""},
		"vacuum has let go of it":        {primary, 4, "too old"},
		"it was not used yet":            {primary, 1 << 31, "has not used its id"},
		"another cluster has such a one": {pool(t, other.primary.DSN()), 0, "another cluster"},
	} {
		doubt, err := readbackpgx.DoubtOf(t.Context(), primary, tt.asked, tt.id)
		require.NoError(t, err, name)
		if tt.want == "" {
			assert.Empty(t, doubt, name)
		} else {
			assert.Contains(t, doubt, tt.want, name)
		}
	}
	_, err := readbackpgx.DoubtOf(t.Context(), primary, pool(t, shared.standbys[0].DSN()), 0)
	assert.ErrorContains(t, err, "the primary is a standby")
}

// The primary never comes back: what was not answered stays open.
func TestCreate_primaryLost(t *testing.T) {
	t.Parallel()
	s := start(t, pgtest.Options{}, pgtest.Options{})
	table := table(t, s.primary)
	p := proxy(t, s.primary)
	p.Rule(onCommit(pgtest.Fault{Lost: true}))
	f := readbackpgx.Create("note", pool(t, p.DSN()), pool(t, s.standbys[0].DSN()), insert(table, "mine"), get(table))
	after(&f, func() { require.NoError(t, s.primary.Kill()) })
	policy := quick
	policy.Within = time.Second
	res, err := consistency.Do(t.Context(), policy, f)
	assert.Equal(t, consistency.Unconfirmed, res.Outcome)
	assert.Equal(t, consistency.Unconfirmed, consistency.OutcomeOf(err))

	f = readbackpgx.Create("note", pool(t, p.DSN()), pool(t, s.standbys[0].DSN()), insert(table, "more"), get(table))
	res, _ = consistency.Do(t.Context(), policy, f)
	assert.Equal(t, consistency.Failed, res.Outcome, "no connection was got")
	require.NoError(t, s.primary.Up())
	assert.Equal(t, "0", rows(t, s.primary, table, "more"))
}
