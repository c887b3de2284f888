//go:build postgres

package pgtest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/testing/pgtest"
)

func start(t *testing.T, settings ...string) *pgtest.Cluster {
	t.Helper()
	c, err := pgtest.Start(pgtest.Options{Settings: settings})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func sql(t *testing.T, c *pgtest.Cluster, statements string) string {
	t.Helper()
	out, err := c.SQL(statements)
	require.NoError(t, err)
	return out
}

func TestCluster_survivesKill(t *testing.T) {
	t.Parallel()
	c := start(t)
	sql(t, c, "CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
	port := c.Port
	require.NoError(t, c.Kill())
	_, err := c.SQL("SELECT 1")
	require.Error(t, err)
	require.NoError(t, c.Up())
	assert.Equal(t, port, c.Port)
	assert.Equal(t, "1", sql(t, c, "SELECT n FROM t"))
	require.NoError(t, c.Restart())
	assert.Equal(t, "1", sql(t, c, "SELECT n FROM t"))
}

func TestCluster_standbys(t *testing.T) {
	t.Parallel()
	c := start(t)
	sql(t, c, "CREATE TABLE t (n int)")
	near, err := c.Standby(pgtest.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, near.Close()) })
	far, err := c.Standby(pgtest.Options{Settings: []string{"recovery_min_apply_delay = '1h'"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, far.Close()) })

	sql(t, c, "INSERT INTO t VALUES (1)")
	shows := func(want string) func() bool {
		return func() bool { return sql(t, near, "SELECT count(*) FROM t") == want }
	}
	require.Eventually(t, shows("1"), time.Minute, 10*time.Millisecond)
	assert.Equal(t, "0", sql(t, far, "SELECT count(*) FROM t"), "an hour behind")

	require.NoError(t, near.Pause())
	sql(t, c, "INSERT INTO t VALUES (2)")
	require.Eventually(t, func() bool {
		return sql(t, near, "SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()") == "t"
	}, time.Minute, 10*time.Millisecond)
	assert.True(t, shows("1")(), "paused")
	require.NoError(t, near.Resume())
	require.Eventually(t, shows("2"), time.Minute, 10*time.Millisecond)

	require.NoError(t, c.Kill())
	require.NoError(t, near.Promote())
	sql(t, near, "INSERT INTO t VALUES (3)")
	assert.True(t, shows("3")())
}

// Each way to lose a COMMIT leaves what it says.
func TestProxy(t *testing.T) {
	t.Parallel()
	c := start(t)
	p, err := c.Proxy()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	for _, tt := range []struct {
		name      string
		fault     pgtest.Fault
		wantError bool
		wantRows  string
	}{
		{"handed on", pgtest.Fault{}, false, "1"},
		{"late", pgtest.Fault{Delay: 50 * time.Millisecond}, false, "1"},
		{"unsent", pgtest.Fault{Unsent: true}, true, "0"},
		{"lost", pgtest.Fault{Lost: true}, true, "1"},
	} {
		sql(t, c, "DROP TABLE IF EXISTS t; CREATE TABLE t (n int)")
		p.Rule(func(m pgtest.Message) pgtest.Fault {
			if m.IsCommit() {
				return tt.fault
			}
			return pgtest.Fault{}
		})
		began := time.Now()
		err := p.Psql("BEGIN", "INSERT INTO t VALUES (1)", "COMMIT")
		assert.Equal(t, tt.wantError, err != nil, "%s: %v", tt.name, err)
		assert.GreaterOrEqual(t, time.Since(began), tt.fault.Delay)
		assert.Equal(t, tt.wantRows, sql(t, c, "SELECT count(*) FROM t"), tt.name)
	}
}

func TestProxy_silent(t *testing.T) {
	t.Parallel()
	c := start(t)
	p, err := c.Proxy()
	require.NoError(t, err)
	sql(t, c, "CREATE TABLE t (n int)")
	p.Rule(func(m pgtest.Message) pgtest.Fault { return pgtest.Fault{Silent: m.IsCommit()} })
	done := make(chan error, 1)
	go func() { done <- p.Psql("BEGIN", "INSERT INTO t VALUES (1)", "COMMIT") }()
	require.Eventually(t, func() bool { return sql(t, c, "SELECT count(*) FROM t") == "1" }, time.Minute, 10*time.Millisecond)
	select {
	case err := <-done:
		require.Fail(t, "it was answered", "%v", err)
	default:
	}
	require.NoError(t, p.Close())
	require.Error(t, <-done)
}
