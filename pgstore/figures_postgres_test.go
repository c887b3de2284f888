//go:build postgres

package pgstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/testing/pgtest"
	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/submit"
)

// clients is how many there are in all measurements.
const clients = 64

// wide returns a pool with a connection for each client.
func wide(b *testing.B) *pgxpool.Pool {
	return connect(b, asApp(shared.DSN())+fmt.Sprint(" pool_max_conns=", clients+8))
}

// each calls f for 1 to b.N by all clients.
func each(b *testing.B, f func(n int64) error) {
	b.Helper()
	var next atomic.Int64
	var running sync.WaitGroup
	b.ResetTimer()
	for range clients {
		running.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if err := f(n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}

// BenchmarkEnqueueTx commits orders with their jobs, and beside it with a plain
// insert in the place of EnqueueTx.
func BenchmarkEnqueueTx(b *testing.B) {
	pool := wide(b)
	for _, bb := range []struct {
		name   string
		notify bool
		plain  bool
	}{{"plain", false, true}, {"polled", false, false}, {"noticed", true, false}} {
		b.Run(bb.name, func(b *testing.B) {
			o := own(b, pgstore.Options{Notify: bb.notify})
			store := open(b, pool, o)
			jobs := new(service).on(b, store)
			must(b, pool, "CREATE TABLE "+o.Schema+".orders (id bigint PRIMARY KEY, item text)")
			must(b, pool, "CREATE TABLE "+o.Schema+".outbox (id text PRIMARY KEY, job bytea)")
			each(b, func(n int64) error {
				return pgx.BeginFunc(b.Context(), pool, func(tx pgx.Tx) error {
					if _, err := tx.Exec(b.Context(), "INSERT INTO "+o.Schema+".orders VALUES ($1, 'lamp')", n); err != nil {
						return err
					}
					job, err := jobs.Draft(b.Context(), fmt.Sprint("order ", n), order{"lamp"})
					if err != nil {
						return err
					}
					if bb.plain {
						_, err := tx.Exec(b.Context(), "INSERT INTO "+o.Schema+".outbox VALUES ($1, $2)", job.Record().Key, job.Record().Value)
						return err
					}
					return store.EnqueueTx(b.Context(), tx, job)
				})
			})
		})
	}
}

// BenchmarkSubmit submits jobs to a service that answers and shows everything at
// once: the intent, the answer and the outcome of each are the store's. Beside it are
// the commits of single rows that pgbench makes on the same server.
func BenchmarkSubmit(b *testing.B) {
	pool := connect(b, asApp(shared.DSN())+" pool_max_conns=8")
	store := open(b, pool, own(b, pgstore.Options{}))
	jobs := new(service).on(b, store)
	alone := pgbench(b)
	each(b, func(n int64) error {
		_, err := jobs.Submit(b.Context(), fmt.Sprint(n), order{"lamp"})
		return err
	})
	b.StopTimer()
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(0, "commits/s")
	b.ReportMetric(rate, "jobs/s")
	b.ReportMetric(alone, "pgbench/s")
	b.ReportMetric(rate/alone, "jobs/pgbench")
}

// pgbench returns how many rows a second as many clients commit one by one.
func pgbench(b *testing.B) float64 {
	b.Helper()
	dir := b.TempDir()
	script := filepath.Join(dir, "insert.sql")
	require.NoError(b, os.WriteFile(script, []byte("INSERT INTO single (value) VALUES (repeat('x', 300));\n"), 0o644))
	_, err := shared.SQL("CREATE TABLE IF NOT EXISTS single (id bigserial PRIMARY KEY, value text)")
	require.NoError(b, err)
	bin, err := pgtest.Program("pgbench")
	require.NoError(b, err)
	out, err := exec.Command(bin, "-n", "-M", "prepared", "-c", strconv.Itoa(clients), "-j", "2", "-T", "5", "-f", script, shared.DSN()).CombinedOutput()
	require.NoError(b, err, "%s", out)
	found := regexp.MustCompile(`tps = ([0-9.]+)`).FindSubmatch(out)
	require.NotNil(b, found, "%s", out)
	rate, err := strconv.ParseFloat(string(found[1]), 64)
	require.NoError(b, err)
	return rate
}

// BenchmarkArrival is how long after its commit a job is sent, by a Run.
func BenchmarkArrival(b *testing.B) {
	for name, o := range map[string]pgstore.Options{"polled": {}, "noticed": {Notify: true}} {
		b.Run(name, func(b *testing.B) {
			o := own(b, o)
			pool := connect(b, asApp(shared.DSN()))
			store := open(b, pool, o)
			w := new(service)
			jobs := w.on(b, store)
			ctx, cancel := context.WithCancel(b.Context())
			var running sync.WaitGroup
			running.Go(func() { jobs.Run(ctx) })
			defer running.Wait()
			defer cancel()
			var waits []time.Duration
			for n := range b.N {
				time.Sleep(rand.N(100 * time.Millisecond)) // not in step with the polls
				key := fmt.Sprint(n)
				job, err := jobs.Draft(b.Context(), key, order{"lamp"})
				require.NoError(b, err)
				require.NoError(b, pgx.BeginFunc(b.Context(), pool, func(tx pgx.Tx) error { return store.EnqueueTx(b.Context(), tx, job) }))
				committed := time.Now()
				for w.times(key) == 0 {
					time.Sleep(500 * time.Microsecond)
				}
				waits = append(waits, time.Since(committed))
			}
			report(b, waits)
		})
	}
}

// BenchmarkMillion has a million ended jobs and 100,000 pending ones: how long it
// takes to list the pending, to take them over, and how large the table is.
func BenchmarkMillion(b *testing.B) {
	const ended, pending = 1_000_000, 100_000
	o := own(b, pgstore.Options{})
	pool := connect(b, asApp(shared.DSN())+" pool_max_conns=8")
	store := open(b, pool, o)
	jobs := new(service).on(b, store)
	job, err := jobs.Draft(b.Context(), "a key", order{"a lamp of a certain length"})
	require.NoError(b, err)
	table := o.Schema + ".readback_records"
	must(b, pool, `INSERT INTO `+table+` SELECT 1, 'ended '||n, nextval('`+o.Schema+`.readback_records_revisions'), true, false, 1, now(), now() + '7 days', CASE WHEN n % 100000 = 0 THEN 'unconfirmed' ELSE 'confirmed' END, $1 FROM generate_series(1, $2::int) n`, job.Record().Value, ended)
	must(b, pool, `INSERT INTO `+table+` SELECT 1, 'pending '||n, nextval('`+o.Schema+`.readback_records_revisions'), false, false, 0, now(), NULL, 'queued', $1 FROM generate_series(1, $2::int) n`, job.Record().Value, pending)
	must(b, pool, `VACUUM ANALYZE `+table)
	size := func(what string) float64 {
		var bytes int64
		require.NoError(b, pool.QueryRow(b.Context(), "SELECT pg_"+what+"($1)", table).Scan(&bytes))
		return float64(bytes) / (1 << 20)
	}
	b.ReportMetric(size("table_size"), "MiB")
	b.ReportMetric(size("indexes_size"), "index-MiB")
	began := time.Now()
	n := 0
	for _, err := range store.Since(b.Context(), submit.KindJob, 0, []string{"unconfirmed"}, false) {
		require.NoError(b, err)
		n++
	}
	require.Equal(b, 10, n)
	b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "ten-by-outcome-ms")
	began, n = time.Now(), 0
	for _, err := range store.List(b.Context(), submit.KindJob) {
		require.NoError(b, err)
		n++
	}
	require.Equal(b, pending, n)
	b.ReportMetric(float64(time.Since(began).Milliseconds()), "list-ms")
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	began = time.Now()
	running.Go(func() { jobs.Run(ctx) })
	for jobs.Progress().Confirmed < pending {
		time.Sleep(10 * time.Millisecond)
	}
	b.ReportMetric(time.Since(began).Seconds(), "taken-over-and-ended-s")
	cancel()
	running.Wait()
	b.ReportMetric(size("table_size"), "MiB-after")
	b.ReportMetric(size("indexes_size"), "index-MiB-after")
	b.ReportMetric(0, "ns/op")
}

// report reports quantiles.
func report(b *testing.B, waits []time.Duration) {
	b.Helper()
	slices.Sort(waits)
	for _, q := range []struct {
		name string
		at   int
	}{{"p50-ms", len(waits) / 2}, {"p99-ms", len(waits) * 99 / 100}, {"max-ms", len(waits) - 1}} {
		b.ReportMetric(float64(waits[q.at].Microseconds())/1000, q.name)
	}
	b.ReportMetric(0, "ns/op")
}
