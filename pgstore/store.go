package pgstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/readback-go/readback/submit"
)

var (
	// ErrClosed is returned by the methods of a store that was closed.
	ErrClosed = errors.New("pgstore: the store is closed")

	// ErrUnavailable is matched by the error of an operation that the server did not
	// carry out or did not answer. A change may have been made, or may still be made.
	ErrUnavailable = errors.New("pgstore: the server refuses or does not answer")
)

// Store is a [submit.Store] and a [submit.Inbox] on PostgreSQL. Make it with
// [Open]. All methods may be called concurrently.
//
// The error of a change matches [submit.ErrTooLarge] if the server refuses the record with
// program_limit_exceeded (54000): because of its own limit of 1 GB, or of a trigger of the
// table with a lower limit.
type Store struct {
	options   Options
	pool      *pgxpool.Pool
	sql       statements
	groups    groups
	hub       hub
	lookAfter atomic.Int64 // lookAnyway; tests change it

	ctx         context.Context // ends when Close begins
	stop        context.CancelFunc
	storeCtx    context.Context // of changes under way: ends up to a second later
	cancelStore context.CancelFunc
	closing     sync.Once

	mu     sync.Mutex
	closed bool // no new tasks may begin
	tasks  sync.WaitGroup
}

var (
	_ submit.Inbox   = (*Store)(nil)
	_ submit.Journal = (*Store)(nil)
)

// Open returns the store whose table is in the database of pool. It returns an error if
// options are invalid, if the table is missing, or older or newer than this package
// supports, if the server is a standby, or if it acknowledges commits before its disk has
// them.
//
// The caller closes the pool after the store. Use a pool only for the store, so that jobs
// do not wait for connections that others use. A store uses up to six connections at once,
// and one more that listens unless NoListen is set; a larger pool does not make it faster.
func Open(ctx context.Context, pool *pgxpool.Pool, options Options) (*Store, error) {
	if pool == nil {
		return nil, errors.New("pgstore: Open needs a pool")
	}
	if err := options.validate(); err != nil {
		return nil, err
	}
	options = options.withDefaults()
	if err := check(ctx, pool, options); err != nil {
		return nil, fmt.Errorf("pgstore: open %s: %w", options.table(), err)
	}
	s := &Store{options: options, pool: pool, sql: newStatements(options)}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.storeCtx, s.cancelStore = context.WithCancel(context.Background())
	s.lookAfter.Store(int64(lookAnyway))
	s.hub.init()
	s.groups.init()
	s.tasks.Go(s.sweeping)
	s.tasks.Go(s.notifying)
	s.tasks.Go(s.polling)
	if !options.NoListen {
		s.tasks.Go(s.listening)
	}
	return s, nil
}

// check returns why a server cannot be used for a store.
func check(ctx context.Context, pool *pgxpool.Pool, o Options) error {
	var standby bool
	var isolation, commit, fsync, bytea string
	err := pool.QueryRow(ctx, "SELECT pg_is_in_recovery(), current_setting('transaction_isolation'), "+
		"current_setting('synchronous_commit'), current_setting('fsync'), current_setting('bytea_output')").Scan(&standby, &isolation, &commit, &fsync, &bytea)
	switch {
	case err != nil:
		return err
	case standby:
		return errStandby
	case isolation != "read committed": // in others, a change of an outdated revision fails with 40001
		return fmt.Errorf("transactions of the pool are %s: set default_transaction_isolation='read committed' in its connection string", isolation)
	case bytea != "hex" && readsText(pool.Config().ConnConfig.DefaultQueryExecMode):
		return fmt.Errorf("bytea_output of the pool is %s: pgx reads it as hex alone, where DefaultQueryExecMode has it read texts", bytea)
	case !o.NoSync && commit == "off":
		return errors.New("synchronous_commit is off, so that acknowledged changes may be lost: turn it on, or set Options.NoSync")
	case !o.NoSync && fsync == "off":
		return errors.New("fsync is off, so that acknowledged changes may be lost: turn it on, or set Options.NoSync")
	}
	version, err := versionOf(ctx, pool, o)
	if err != nil {
		return err
	}
	steps, err := Migrations(o)
	if err != nil {
		return err
	}
	switch newest := steps[len(steps)-1].Version; {
	case version < newest:
		return fmt.Errorf("the table is of version %d: call Migrate, which brings it to %d", version, newest)
	case version > newest:
		return fmt.Errorf("the table is of version %d, and this package knows none after %d: update this program", version, newest)
	}
	return nil
}

// readsText reports whether pgx has values sent as texts.
func readsText(mode pgx.QueryExecMode) bool {
	return mode == pgx.QueryExecModeExec || mode == pgx.QueryExecModeSimpleProtocol
}

var errStandby = errors.New("the server is a standby, which may be behind: the store needs the primary")

// Close ends the store, and returns nil. Changes under way have a second to be made; then
// they fail. The pool stays open.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.stop()
		cut := time.AfterFunc(time.Second, s.cancelStore)
		defer cut.Stop()
		s.tasks.Wait()
		s.cancelStore()
	})
	return nil
}

// spawn runs f as a task that Close waits for, or returns false if the store is closed.
func (s *Store) spawn(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.tasks.Go(f)
	}
	return !s.closed
}

// Create implements [submit.Store].
func (s *Store) Create(ctx context.Context, r submit.Record) (uint64, error) {
	return s.do(ctx, create, r)
}

// Update implements [submit.Store].
func (s *Store) Update(ctx context.Context, r submit.Record) (uint64, error) {
	if r.Revision == 0 || r.Revision > math.MaxInt64 {
		return 0, submit.ErrConflict
	}
	return s.do(ctx, update, r)
}

// Delete implements [submit.Store].
func (s *Store) Delete(ctx context.Context, r submit.Record) error {
	if r.Revision == 0 || r.Revision > math.MaxInt64 {
		return submit.ErrConflict
	}
	_, err := s.do(ctx, remove, r)
	return err
}

// Get implements [submit.Store].
func (s *Store) Get(ctx context.Context, kind submit.Kind, key string) (submit.Record, error) {
	if err := s.ended(ctx); err != nil {
		return submit.Record{}, err
	}
	var (
		standby  bool
		revision *int64
		done     *bool
		keep     *int64
		label    *string
		value    []byte
	)
	bounded, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := s.pool.QueryRow(bounded, s.sql.get, int16(kind), key).Scan(&standby, &revision, &done, &keep, &label, &value)
	switch {
	case err != nil:
		return submit.Record{}, s.errorOf(ctx, "read", err)
	case standby:
		return submit.Record{}, s.wrap("read", errStandby)
	case revision == nil:
		return submit.Record{}, submit.ErrNotFound
	}
	return submit.Record{Kind: kind, Key: key, Value: value, Revision: uint64(*revision), Done: *done, Keep: time.Duration(*keep), Label: *label}, nil
}

// page is how many records are read at once.
const page = 256

// List implements [submit.Store].
func (s *Store) List(ctx context.Context, kind submit.Kind) iter.Seq2[submit.Record, error] {
	return func(yield func(submit.Record, error) bool) {
		last := ""
		for {
			found, err := s.page(ctx, s.sql.list, int16(kind), last, page)
			if err != nil {
				yield(submit.Record{}, err)
				return
			}
			for _, r := range found {
				if !yield(r, nil) {
					return
				}
			}
			if len(found) < page {
				return
			}
			last = found[len(found)-1].Key
		}
	}
}

// page returns the records that a statement finds, or an error if the server is a standby.
func (s *Store) page(ctx context.Context, sql string, args ...any) ([]submit.Record, error) {
	if err := s.ended(ctx); err != nil {
		return nil, err
	}
	batch := &pgx.Batch{}
	batch.Queue("SELECT pg_is_in_recovery()")
	batch.Queue(sql, args...)
	bounded, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	results := s.pool.SendBatch(bounded, batch)
	defer results.Close()
	var standby bool
	if err := results.QueryRow().Scan(&standby); err != nil {
		return nil, s.errorOf(ctx, "list", err)
	}
	if standby {
		return nil, s.wrap("list", errStandby)
	}
	rows, err := results.Query()
	if err != nil {
		return nil, s.errorOf(ctx, "list", err)
	}
	found, err := pgx.CollectRows(rows, record)
	if err != nil {
		return nil, s.errorOf(ctx, "list", err)
	}
	return found, nil
}

func record(row pgx.CollectableRow) (r submit.Record, err error) {
	var kind int16
	var revision, keep int64
	err = row.Scan(&kind, &r.Key, &revision, &r.Done, &keep, &r.Label, &r.Value)
	r.Kind, r.Revision, r.Keep = submit.Kind(kind), uint64(revision), time.Duration(keep)
	return r, err
}

// ended returns an error if ctx has ended or the store is closed.
func (s *Store) ended(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case s.ctx.Err() != nil:
		return ErrClosed
	}
	return nil
}

// errorOf returns the error of an operation that failed: of ctx, if that has ended.
func (s *Store) errorOf(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.wrap(what, err)
}

func (s *Store) wrap(what string, err error) error {
	if s.ctx.Err() != nil {
		return fmt.Errorf("%w: %s: %w", ErrClosed, what, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, what, err)
}
