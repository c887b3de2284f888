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

// store is a flow's two sides, and what its own transactions came to.
type store[K, R, T any] struct {
	primary, standby server[T]
	do               func(context.Context, T) (K, error)
	look             func(context.Context, T, K) (R, error)
	blind            bool // the position alone says whether a value is new enough

	mu    sync.Mutex
	wrote bool     // in this process
	tries []try[K] // of which COMMIT was sent, or may have been
	late  position // for a reference that has none
}

// try is one such transaction.
type try[K any] struct {
	w       Written[K]
	refused bool // it is proven that it was rolled back
}

var (
	errEndedInside = errors.New("readbackpgx: the function has ended the transaction itself, so that nothing is known of it")
	errFailed      = errors.New("readbackpgx: the transaction has failed, although the function returned no error")
	errNotKept     = errors.New("readbackpgx: synchronous_commit is off: after a crash the log may be at the position without the transaction; give the update a match, or SET LOCAL synchronous_commit = on")
)

// write runs the caller's function in a transaction of known phases: until COMMIT is
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
	w.Key, err = f.do(ctx, tx)
	status := s.status()
	if status == 'I' {
		f.sent(w)
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
	n := f.sent(w)
	consistency.CountTry(ctx)
	if err := s.commit(own(ctx)); err != nil {
		err, refused := afterCommit(err)
		f.settle(n, w, refused)
		return w, err
	}
	if at, err := end(ctx, s, w.tx.Loose); err == nil && at.follows(w.tx) {
		w.at = at
	}
	f.settle(n, w, false)
	return w, nil
}

// isKept returns an error if what the log has at a position may be lost and be
// something else later.
func isKept[T any](ctx context.Context, s session[T]) error {
	var lost bool
	err := s.one(ctx, "SELECT current_setting('synchronous_commit') = 'off'", nil, &lost)
	if err == nil && lost {
		return errNotKept
	}
	return err
}

// end returns how far the log has come, and which one it is. If that cannot be told, it
// is asked when it is needed: the write is what it is.
func end[T any](ctx context.Context, s session[T], loose bool) (at position, err error) {
	ctx, cancel := context.WithTimeout(own(ctx), patience)
	defer cancel()
	// After a commit whose answer waits for the disk, that has it. A standby comes as
	// far as the disk soon, and further only when more is written.
	place := "pg_current_wal_flush_lsn()"
	if loose {
		place = "pg_current_wal_insert_lsn()"
	}
	return at, s.one(ctx, "SELECT s.system_identifier::text, "+timelineOf+", "+place+"::text FROM pg_control_system() s",
		nil, &at.System, &at.Timeline, &at.LSN)
}

func (f *store[K, R, T]) sent(w Written[K]) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries = append(f.tries, try[K]{w: w})
	return len(f.tries) - 1
}

func (f *store[K, R, T]) settle(n int, w Written[K], refused bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries[n] = try[K]{w, refused}
	f.late = w.at
}

// beforeCommit says what an error means before COMMIT was sent: nothing was carried
// out. Alive says that the connection is not lost.
func beforeCommit(err error, alive bool) error {
	var e *pgconn.PgError
	switch {
	case stated(err):
		return err
	case errors.As(err, &e) && answered(e):
		return tell(consistency.PhaseWrite, err)
	case noRows(err):
		return consistency.Status(err, http.StatusNotFound)
	case !alive:
		return consistency.As(consistency.NotExecuted, err)
	}
	return consistency.As(consistency.Refused, err)
}

// afterCommit says what an error of COMMIT means, and whether it proves that it was
// rolled back.
func afterCommit(err error) (error, bool) {
	var e *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return consistency.As(consistency.Refused, err), true
	case errors.As(err, &e) && answered(e):
		return tell(consistency.PhaseWrite, err), true
	}
	return consistency.As(consistency.Ambiguous, err), false
}
