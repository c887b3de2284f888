//go:build postgres

package readbackpgx_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/testing/pgtest"
	"github.com/readback-go/readback/readbackpgx"
)

// shared is what all tests use that do not harm it.
var shared *site

func TestMain(m *testing.M) {
	code, err := withSite(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withSite(run func() int) (int, error) {
	var err error
	if shared, err = newSite(pgtest.Options{}, pgtest.Options{}); err != nil {
		return 1, err
	}
	defer shared.close()
	return run(), nil
}

// site is a primary with standbys. The clients are not superusers.
type site struct {
	primary  *pgtest.Cluster
	standbys []*pgtest.Cluster
}

func newSite(primary pgtest.Options, standbys ...pgtest.Options) (s *site, err error) {
	s = &site{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.primary, err = pgtest.Start(primary); err != nil {
		return s, err
	}
	if _, err = s.primary.SQL("CREATE ROLE app LOGIN; GRANT pg_read_all_stats TO app; GRANT CREATE ON SCHEMA public TO app"); err != nil {
		return s, err
	}
	for _, o := range standbys {
		o.Settings = append([]string{"wal_retrieve_retry_interval = '100ms'"}, o.Settings...)
		standby, err := s.primary.Standby(o)
		if err != nil {
			return s, err
		}
		s.standbys = append(s.standbys, standby)
	}
	return s, nil
}

func (s *site) close() {
	for _, c := range append(s.standbys, s.primary) {
		if c != nil {
			c.Close()
		}
	}
}

func start(t *testing.T, primary pgtest.Options, standbys ...pgtest.Options) *site {
	t.Helper()
	s, err := newSite(primary, standbys...)
	require.NoError(t, err)
	t.Cleanup(s.close)
	return s
}

func asApp(dsn string) string { return strings.Replace(dsn, "user=postgres", "user=app", 1) }

// pool returns a pool in which each connection leads to one of the servers.
func pool(t testing.TB, dsns ...string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(asApp(dsns[0]))
	require.NoError(t, err)
	ports := make([]uint16, len(dsns))
	for i, dsn := range dsns {
		c, err := pgx.ParseConfig(dsn)
		require.NoError(t, err)
		ports[i] = c.Port
	}
	config.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
		c.Port = ports[rand.N(len(ports))]
		return nil
	}
	config.MaxConns = 24
	p, err := pgxpool.NewWithConfig(context.Background(), config)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// db returns the same for database/sql.
func db(t testing.TB, p *pgxpool.Pool) *sql.DB {
	t.Helper()
	d := stdlib.OpenDBFromPool(p)
	t.Cleanup(func() { d.Close() })
	return d
}

func (s *site) standbyDSNs() (dsns []string) {
	for _, c := range s.standbys {
		dsns = append(dsns, c.DSN())
	}
	return dsns
}

func must(t testing.TB, c *pgtest.Cluster, statements string) string {
	t.Helper()
	out, err := c.SQL(statements)
	require.NoError(t, err)
	return out
}

var tables atomic.Int64

// table makes a table of notes that no other test has, on a primary.
func table(t testing.TB, c *pgtest.Cluster) string {
	t.Helper()
	name := fmt.Sprintf("notes%d", tables.Add(1))
	must(t, c, fmt.Sprintf("CREATE TABLE %[1]s (id bigserial PRIMARY KEY, token text NOT NULL, text text); ALTER TABLE %[1]s OWNER TO app", name))
	return name
}

type note struct {
	ID          int64
	Token, Text string
}

// insert and get are the two sides of a flow.
func insert(table, token string) func(context.Context, pgx.Tx) (int64, error) {
	return func(ctx context.Context, tx pgx.Tx) (id int64, err error) {
		err = tx.QueryRow(ctx, "INSERT INTO "+table+" (token) VALUES ($1) RETURNING id", token).Scan(&id)
		return id, err
	}
}

func get(table string) func(context.Context, pgx.Tx, int64) (*note, error) {
	return func(ctx context.Context, tx pgx.Tx, id int64) (*note, error) {
		n := note{ID: id}
		err := tx.QueryRow(ctx, "SELECT token, coalesce(text, '') FROM "+table+" WHERE id = $1", id).Scan(&n.Token, &n.Text)
		return &n, err
	}
}

func insertSQL(table, token string) func(context.Context, readbackpgx.SQLTx) (int64, error) {
	return func(ctx context.Context, tx readbackpgx.SQLTx) (id int64, err error) {
		err = tx.QueryRowContext(ctx, "INSERT INTO "+table+" (token) VALUES ($1) RETURNING id", token).Scan(&id)
		return id, err
	}
}

func getSQL(table string) func(context.Context, readbackpgx.SQLTx, int64) (*note, error) {
	return func(ctx context.Context, tx readbackpgx.SQLTx, id int64) (*note, error) {
		n := note{ID: id}
		err := tx.QueryRowContext(ctx, "SELECT token, coalesce(text, '') FROM "+table+" WHERE id = $1", id).Scan(&n.Token, &n.Text)
		return &n, err
	}
}

type (
	written = readbackpgx.Written[int64]
	flow    = consistency.Flow[written, *note]
)

// quick looks often, so that tests are not slow.
var quick = consistency.Policy{Schedule: readback.Backoff{Initial: 20 * time.Millisecond, Max: 200 * time.Millisecond}, Within: 30 * time.Second}

func rows(t testing.TB, c *pgtest.Cluster, table, token string) string {
	t.Helper()
	return must(t, c, fmt.Sprintf("SELECT count(*) FROM %s WHERE token = '%s'", table, token))
}

func proxy(t testing.TB, c *pgtest.Cluster) *pgtest.Proxy {
	t.Helper()
	p, err := c.Proxy()
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

func onCommit(f pgtest.Fault) func(pgtest.Message) pgtest.Fault {
	return func(m pgtest.Message) pgtest.Fault {
		if m.IsCommit() {
			return f
		}
		return pgtest.Fault{}
	}
}

// losesCommits loses the answer to each COMMIT.
var losesCommits = onCommit(pgtest.Fault{Lost: true})
