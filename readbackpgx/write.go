package readbackpgx

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/readback-go/readback/consistency"
)

// store is the two servers and functions of a flow, and the results of its transactions.
type store[K, R, T any] struct {
	primary, standby server[T]
	writeFn          func(context.Context, T) (K, error)
	readFn           func(context.Context, T, K) (R, error)
	blind            bool // the position alone says whether a value is new enough

	mu     sync.Mutex
	wrote  bool     // the write was called in this process
	tries  []try[K] // transactions whose COMMIT was sent, or may have been
	latest position // a position after the last write, for references without one
}

// try is a transaction whose COMMIT was sent, or may have been.
type try[K any] struct {
	w       Written[K]
	refused bool // it was provably rolled back
}

var (
	errEndedInside = errors.New("readbackpgx: the function has ended the transaction itself, so that its fate is not known: return nil to commit, and an error to roll back")
	errFailed      = errors.New("readbackpgx: a statement of the transaction has failed, but the function returned no error: return it")
	errNotKept     = errors.New("readbackpgx: synchronous_commit is off: after a crash the log may be at the position without the transaction; give the update a match, or SET LOCAL synchronous_commit = on")
)

// write is the flow's Write. It runs the caller's function in a transaction. Until COMMIT is
// sent, any error proves that nothing was carried out.
func (f *store[K, R, T]) write(ctx context.Context) (w Written[K], err error) {
	f.mu.Lock()
	f.wrote = true
	f.mu.Unlock()
	s, err := f.primary(ctx)
	if err != nil {
		return w, consistency.As(consistency.NotExecuted, err)
	}
	defer s.release()
	tx, err := s.begin(own(ctx), false)
	if err != nil {
		return w, consistency.As(consistency.NotExecuted, err)
	}
	w.Key, err = f.writeFn(ctx, tx)
	status := s.status()
	if status == 'I' {
		f.noteCommit(w)
		consistency.CountTry(ctx)
		return w, consistency.As(consistency.Ambiguous, errors.Join(errEndedInside, err))
	}
	if err == nil && status == 'E' {
		err = errFailed
	}
	if err == nil {
		w.tx, err = identify(own(ctx), s)
		if err == nil && f.blind {
			err = isKept(own(ctx), s)
		}
		status = s.status()
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		s.rollback()
		return w, beforeCommit(err, status != 0)
	}
	n := f.noteCommit(w)
	consistency.CountTry(ctx)
	if err := s.commit(own(ctx)); err != nil {
		err, refused := afterCommit(err)
		f.noteResult(n, w, refused)
		return w, err
	}
	if at, err := logPosition(ctx, s, w.tx.Loose); err == nil && at.follows(w.tx) {
		w.at = at
	}
	f.noteResult(n, w, false)
	return w, nil
}

// isKept returns an error if the commit may be lost in a crash: the log may then have another
// content at its position.
func isKept[T any](ctx context.Context, s session[T]) error {
	var lost bool
	err := s.one(ctx, "SELECT current_setting('synchronous_commit') = 'off'", nil, &lost)
	if err == nil && lost {
		return errNotKept
	}
	return err
}

// logPosition returns the position of the log, with its cluster and timeline. After an error
// the write is still committed, and the position is asked for when it is needed.
func logPosition[T any](ctx context.Context, s session[T], loose bool) (at position, err error) {
	ctx, cancel := context.WithTimeout(own(ctx), patience)
	defer cancel()
	// If the commit waited for the disk, it is before the flushed position. A standby
	// reaches that position soon; it reaches the insert position only after more is written.
	place := "pg_current_wal_flush_lsn()"
	if loose {
		place = "pg_current_wal_insert_lsn()"
	}
	err = s.one(ctx, "SELECT s.system_identifier::text, "+timelineOf+", "+place+"::text FROM pg_control_system() s",
		nil, &at.System, &at.Timeline, &at.LSN)
	return at, err
}

func (f *store[K, R, T]) noteCommit(w Written[K]) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries = append(f.tries, try[K]{w: w})
	return len(f.tries) - 1
}

func (f *store[K, R, T]) noteResult(n int, w Written[K], refused bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries[n] = try[K]{w, refused}
	f.latest = w.at
}

// beforeCommit returns an error from before COMMIT was sent with its class: nothing was
// carried out. Alive says that the connection is not lost.
func beforeCommit(err error, alive bool) error {
	var e *pgconn.PgError
	switch {
	case stated(err):
		return err
	case errors.As(err, &e) && answered(e):
		return withAnswer(consistency.PhaseWrite, err)
	case noRows(err):
		return consistency.Status(err, http.StatusNotFound)
	case !alive:
		return consistency.As(consistency.NotExecuted, err)
	}
	return consistency.As(consistency.Refused, err)
}

// afterCommit returns an error of COMMIT with its class, and true if it proves that the
// transaction was rolled back.
func afterCommit(err error) (error, bool) {
	var e *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return consistency.As(consistency.Refused, err), true
	case errors.As(err, &e) && answered(e):
		return withAnswer(consistency.PhaseWrite, err), true
	}
	return consistency.As(consistency.Ambiguous, err), false
}
