//go:build postgres

package pgstore_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/testing/pgtest"
	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/submit"
)

func record(key string) submit.Record {
	return submit.Record{Kind: submit.KindJob, Key: key, Value: []byte(key)}
}

// What the server does not answer is made or not, and is never called refused.
func TestStore_lostAnswers(t *testing.T) {
	t.Parallel()
	proxy, err := shared.Proxy()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, proxy.Close()) })
	o := own(t, pgstore.Options{NoListen: true})
	sure := open(t, connect(t, asApp(shared.DSN())), o)
	store := open(t, connect(t, asApp(proxy.DSN())), o)
	_, err = store.Create(t.Context(), record("warm"))
	require.NoError(t, err)
	for name, fault := range map[string]pgtest.Fault{"lost": {Lost: true}, "unsent": {Unsent: true}} {
		var armed sync.Once
		arm := false
		proxy.Rule(func(m pgtest.Message) (f pgtest.Fault) {
			if arm && m.Ends() {
				armed.Do(func() { f = fault })
			}
			return f
		})
		r := record(name)
		arm = true
		_, err := store.Create(t.Context(), r)
		require.ErrorIs(t, err, pgstore.ErrUnavailable)
		require.NotErrorIs(t, err, submit.ErrExists)
		_, err = sure.Get(t.Context(), r.Kind, r.Key)
		if fault.Lost {
			require.NoError(t, err)
			_, err = store.Create(t.Context(), r)
			require.ErrorIs(t, err, submit.ErrExists)
		} else {
			require.ErrorIs(t, err, submit.ErrNotFound)
			_, err = store.Create(t.Context(), r)
			require.NoError(t, err)
		}
	}
}

// A transaction that stays open with a key holds up whoever wants that key alone.
func TestStore_blockedKey(t *testing.T) {
	t.Parallel()
	b := newBench(t, pgstore.Options{})
	tx := b.begin(pgx.ReadCommitted)
	require.NoError(t, b.store.EnqueueTx(t.Context(), tx, b.draft("blocked", "lamp")))
	var all sync.WaitGroup
	for i := range 300 {
		all.Go(func() {
			began := time.Now()
			_, err := b.store.Create(t.Context(), record(fmt.Sprint("free ", i)))
			assert.NoError(t, err)
			_, err = b.store.Create(t.Context(), submit.Record{Kind: submit.KindLease, Key: fmt.Sprint("lease ", i)})
			assert.NoError(t, err)
			assert.Less(t, time.Since(began), soon)
		})
		if i%10 == 0 {
			all.Go(func() {
				_, err := b.store.Create(t.Context(), record("blocked"))
				assert.ErrorIs(t, err, pgstore.ErrUnavailable, "nobody knows yet")
				assert.ErrorContains(t, err, "lock timeout")
			})
		}
	}
	all.Wait()
	held := make(chan error, 1)
	go func() {
		_, err := b.store.Create(t.Context(), record("blocked"))
		held <- err
	}()
	b.blocked(1)
	require.NoError(t, tx.Commit(t.Context()))
	require.ErrorIs(t, <-held, submit.ErrExists)
}

// Notices may be lost, and the connection that listens with them.
func TestStore_Watch_unheard(t *testing.T) {
	t.Parallel()
	proxy, err := shared.Proxy()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, proxy.Close()) })
	o := own(t, pgstore.Options{})
	here := open(t, connect(t, asApp(shared.DSN())), o)
	there := open(t, connect(t, asApp(proxy.DSN())), o)
	r := record("a")
	r.Revision, err = here.Create(t.Context(), r)
	require.NoError(t, err)
	for range 3 {
		seen := make(chan uint64, 1)
		go func() {
			for {
				got, err := there.Watch(t.Context(), r.Kind, r.Key, r.Revision)
				if err == nil {
					seen <- got.Revision
					return
				}
			}
		}()
		proxy.Cut()
		next := r
		next.Revision, err = here.Update(t.Context(), r)
		require.NoError(t, err)
		assert.Equal(t, next.Revision, <-seen)
		r = next
	}
}

func TestStore_retention(t *testing.T) {
	t.Parallel()
	o := own(t, pgstore.Options{})
	store := open(t, connect(t, asApp(shared.DSN())), o)
	done := func(key string, keep time.Duration) submit.Record {
		r := record(key)
		r.Done, r.Keep = true, keep
		return r
	}
	short := done("short", time.Nanosecond)
	revision, err := store.Create(t.Context(), short)
	require.NoError(t, err)
	_, err = store.Get(t.Context(), short.Kind, short.Key)
	require.ErrorIs(t, err, submit.ErrNotFound, "its time is over")
	short.Revision = revision
	_, err = store.Update(t.Context(), short)
	require.ErrorIs(t, err, submit.ErrConflict)
	require.ErrorIs(t, store.Delete(t.Context(), short), submit.ErrConflict)
	again, err := store.Create(t.Context(), short)
	require.NoError(t, err, "the key is free")
	assert.Greater(t, again, revision)

	const over = 1700 // some pieces
	var all sync.WaitGroup
	for i := range over {
		all.Go(func() {
			_, err := store.Create(t.Context(), done(fmt.Sprint("over ", i), time.Microsecond))
			assert.NoError(t, err)
		})
	}
	all.Wait()
	for _, r := range []submit.Record{done("kept", time.Hour), done("for ever", 0), done("for very long", 1<<63-1), record("pending")} {
		_, err := store.Create(t.Context(), r)
		require.NoError(t, err)
	}
	var deleted [3]int64
	for i := range deleted { // as several processes do
		all.Go(func() {
			n, err := store.Sweep(t.Context())
			assert.NoError(t, err)
			deleted[i] = n
		})
	}
	all.Wait()
	assert.EqualValues(t, over+1, deleted[0]+deleted[1]+deleted[2])
	for _, key := range []string{"kept", "for ever", "for very long", "pending"} {
		_, err := store.Get(t.Context(), submit.KindJob, key)
		require.NoError(t, err, key)
	}
}

// Pending jobs are found by their own index, however many have ended.
func TestStore_plans(t *testing.T) {
	t.Parallel()
	o := own(t, pgstore.Options{})
	pool := connect(t, asApp(shared.DSN()))
	store := open(t, pool, o)
	must(t, pool, `INSERT INTO `+o.Schema+`.readback_records SELECT 1, 'ended ' || n, n, true, false, 1, now(), now() + '1 day', '', 'value' FROM generate_series(1, 20000) n`)
	must(t, pool, `INSERT INTO `+o.Schema+`.readback_records SELECT 1, 'pending ' || n, n, false, n % 2 = 0, 0, now(), null, '', 'value' FROM generate_series(1, 1000) n`)
	list, fresh := store.Statements()
	plan := func(sql string, args ...any) string {
		rows, err := pool.Query(t.Context(), "EXPLAIN "+sql, args...)
		require.NoError(t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		return strings.Join(lines, "\n")
	}
	for range 2 { // before the server knows its table, and after
		assert.Contains(t, plan(list, 1, "", 256), "readback_records_pending")
		assert.Contains(t, plan(list, 1, "pending 5", 256), "readback_records_pending")
		assert.Contains(t, plan(fresh, "", 256), "readback_records_fresh")
		must(t, pool, "ANALYZE "+o.Schema+".readback_records")
	}
	n := 0
	for _, err := range store.List(t.Context(), submit.KindJob) {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, 1000, n)
}

// A server that is killed comes back with all that it acknowledged, and the store
// with it.
func TestStore_primaryKilled(t *testing.T) {
	t.Parallel()
	primary, err := pgtest.Start(pgtest.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, primary.Close()) })
	pool := connect(t, primary.DSN())
	require.NoError(t, pgstore.Migrate(t.Context(), pool, pgstore.Options{}))
	store := open(t, pool, pgstore.Options{})
	var (
		mu       sync.Mutex
		acked    []string
		refused  = make(map[string]bool)
		stopping = make(chan struct{})
		all      sync.WaitGroup
	)
	for client := range 8 {
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stopping:
					return
				default:
				}
				key := fmt.Sprintf("%d %d", client, i)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				_, err := store.Create(ctx, record(key))
				cancel()
				mu.Lock()
				if err == nil {
					acked = append(acked, key)
				} else {
					refused[key] = true
					assert.NotErrorIs(t, err, submit.ErrExists)
				}
				mu.Unlock()
			}
		})
	}
	for range 3 {
		time.Sleep(200 * time.Millisecond)
		require.NoError(t, primary.Kill())
		require.NoError(t, primary.Up())
	}
	close(stopping)
	all.Wait()
	assert.NotEmpty(t, acked)
	there := make(map[string]bool)
	for r, err := range store.List(t.Context(), submit.KindJob) {
		require.NoError(t, err)
		there[r.Key] = true
	}
	for _, key := range acked {
		assert.True(t, there[key], "%q was acknowledged, and is lost", key)
		delete(there, key)
	}
	for key := range there {
		assert.True(t, refused[key], "%q came from nowhere", key)
	}
}

func TestStore_Close(t *testing.T) {
	t.Parallel()
	o := own(t, pgstore.Options{})
	store, err := pgstore.Open(t.Context(), connect(t, asApp(shared.DSN())), o)
	require.NoError(t, err)
	r := record("a")
	r.Revision, err = store.Create(t.Context(), r)
	require.NoError(t, err)
	watched, arrived := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := store.Watch(t.Context(), r.Kind, r.Key, r.Revision)
		watched <- err
	}()
	go func() {
		for _, err := range store.Arrivals(t.Context()) {
			arrived <- err
		}
	}()
	require.NoError(t, store.Close())
	require.NoError(t, store.Close())
	require.ErrorIs(t, <-watched, pgstore.ErrClosed)
	require.ErrorIs(t, <-arrived, pgstore.ErrClosed)
	_, err = store.Create(t.Context(), record("b"))
	require.ErrorIs(t, err, pgstore.ErrClosed)
	_, err = store.Get(t.Context(), r.Kind, r.Key)
	require.ErrorIs(t, err, pgstore.ErrClosed)
}

// Word of changes and of jobs that came is by notice, not by looks alone.
func TestStore_notices(t *testing.T) {
	t.Parallel()
	b := newBench(t, pgstore.Options{Notify: true, Poll: time.Hour})
	other := open(t, b.pool, pgstore.Options{Schema: b.schema, Notify: true, Poll: time.Hour})
	b.store.LookSeldom()
	other.LookSeldom()
	runs(t, b.service.on(t, other))
	for _, key := range []string{"a", "b", "c"} {
		tx := b.begin(pgx.ReadCommitted)
		require.NoError(t, b.store.EnqueueTx(t.Context(), tx, b.draft(key, "lamp")))
		require.NoError(t, tx.Commit(t.Context()))
		b.confirmed(key)
	}
	r := record("watched")
	var err error
	r.Revision, err = b.store.Create(t.Context(), r)
	require.NoError(t, err)
	for range 5 {
		next := r
		seen := make(chan error, 1)
		go func() {
			_, err := other.Watch(t.Context(), r.Kind, r.Key, r.Revision)
			seen <- err
		}()
		next.Revision, err = b.store.Update(t.Context(), r)
		require.NoError(t, err)
		select {
		case err := <-seen:
			require.NoError(t, err)
		case <-time.After(soon):
			require.Fail(t, "no word")
		}
		r = next
	}
}

// A sequence that was left behind, as after a logical copy, does not bring a revision
// back.
func TestStore_sequenceBehind(t *testing.T) {
	t.Parallel()
	o := own(t, pgstore.Options{})
	pool := connect(t, asApp(shared.DSN()))
	store := open(t, pool, o)
	r := record("a")
	var err error
	r.Revision, err = store.Create(t.Context(), r)
	require.NoError(t, err)
	for range 3 {
		must(t, pool, "ALTER SEQUENCE "+o.Schema+".readback_records_revisions RESTART WITH 1")
		revision, err := store.Update(t.Context(), r)
		require.NoError(t, err)
		require.Greater(t, revision, r.Revision)
		r.Revision = revision
	}
}

// A server that refuses everything is not asked again for each change of a group.
func TestStore_readOnly(t *testing.T) {
	t.Parallel()
	o := own(t, pgstore.Options{NoListen: true})
	store := open(t, connect(t, asApp(shared.DSN())+" options='-c default_transaction_read_only=on'"), o)
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			_, err := store.Create(t.Context(), record(fmt.Sprint(i)))
			assert.ErrorIs(t, err, pgstore.ErrUnavailable)
			assert.ErrorContains(t, err, "read-only")
		})
	}
	all.Wait()
}
