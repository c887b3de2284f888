package readbackpgx

import (
	"context"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/readback-go/readback/consistency"
)

// AtLSN returns a Read for a flow that calls read only on a server which has reached the
// position of the write's transaction: on a standby that has replayed it, or on the primary.
// If the server that the pool gives has not, or if that cannot be proven, read is not
// called, and [Behind] recognises the error.
//
// The position is checked by one statement, and read runs after it, on the same connection
// and in one READ COMMITTED transaction. (A single statement that did both would read from a
// snapshot that is older than its check.) So one pool may lead to several standbys, and to
// poolers.
//
// A standby that follows another timeline, or was promoted to one, counts as behind, since it
// may show another history. To see the timeline of a standby at once, the role needs the
// rights of pg_read_all_stats; without them the timeline is known only when the standby has
// noted it on its disk, which may take minutes.
func AtLSN[K, R any](standby *pgxpool.Pool, read func(ctx context.Context, tx pgx.Tx, key K) (R, error)) func(context.Context, Written[K]) (R, error) {
	server := onPool(standby)
	return func(ctx context.Context, w Written[K]) (value R, err error) {
		if w.at.LSN == "" {
			return value, consistency.As(consistency.Ambiguous, errNoPosition)
		}
		return readAt(ctx, server, w.at, w.Key, read)
	}
}

var errNoPosition = errors.New("readbackpgx: the position of the transaction is not known")

// behindCode is the Code of the answer for a server that is behind.
const behindCode = "behind"

// Behind is a Flow.Behind for reads by [AtLSN]: it reports whether the server was behind.
func Behind(a consistency.Answer) bool { return a.Code == behindCode }

func readAt[K, R, T any](ctx context.Context, server server[T], at position, key K, read func(context.Context, T, K) (R, error)) (value R, err error) {
	s, err := server(ctx)
	if err != nil {
		return value, withAnswer(consistency.PhaseRead, err)
	}
	defer s.release()
	tx, err := s.begin(own(ctx), true)
	if err != nil {
		return value, withAnswer(consistency.PhaseRead, err)
	}
	defer s.rollback()
	var seen replica
	if err := seen.query(own(ctx), s, at.LSN); err != nil {
		return value, withAnswer(consistency.PhaseRead, err)
	}
	if why := seen.behind(at); why != "" {
		return value, behind("the server is not known to be at "+at.LSN+" of timeline "+at.Timeline, why)
	}
	value, err = read(ctx, tx, key)
	return value, withAnswer(consistency.PhaseRead, err)
}

// behind returns the error of a read that was not made.
func behind(what, why string) error {
	err := errors.New("readbackpgx: " + what + ": " + why)
	return &answeredError{err, consistency.Answer{Status: http.StatusPreconditionFailed, Code: behindCode, Note: why}}
}

// replica is what a server says of its position: what it has replayed, the timeline from
// which it receives its log, and what it has noted on its disk.
type replica struct {
	recovering bool
	system     string
	timeline   string  // if it is a primary
	reached    bool    // it has replayed the position, or written it as a primary
	receives   bool    // it receives a log
	receiving  *string // the timeline of that log; nil if the role has no right to see it

	noted, checked               string // timelines of the minimum recovery point and of the last checkpoint on its disk
	notedReached, checkedReached bool   // whether these have reached the position
}

// query asks the server for its position. It asks for the timeline after the position:
// timelines only grow, so the position was reached on that timeline or an earlier one.
func (r *replica) query(ctx context.Context, s interface {
	one(ctx context.Context, query string, args []any, dest ...any) error
}, lsn string) error {
	return s.one(ctx, `SELECT l.recovering, s.system_identifier::text,
			CASE WHEN l.recovering THEN '' ELSE `+timelineOf+` END,
			CASE WHEN l.recovering THEN coalesce(l.lsn >= $1::text::pg_lsn, false) ELSE pg_current_wal_insert_lsn() >= $1::text::pg_lsn END,
			r.pid IS NOT NULL, lpad(upper(to_hex(r.received_tli)), 8, '0'),
			lpad(upper(to_hex(m.min_recovery_end_timeline)), 8, '0'), m.min_recovery_end_lsn >= $1::text::pg_lsn,
			lpad(upper(to_hex(c.timeline_id)), 8, '0'), c.redo_lsn >= $1::text::pg_lsn
		FROM (SELECT pg_is_in_recovery() AS recovering, pg_last_wal_replay_lsn() AS lsn OFFSET 0) l
			CROSS JOIN pg_control_system() s CROSS JOIN pg_control_recovery() m CROSS JOIN pg_control_checkpoint() c
			LEFT JOIN LATERAL (SELECT pid, received_tli FROM pg_stat_wal_receiver WHERE l.recovering OFFSET 0) r ON true`,
		[]any{lsn}, &r.recovering, &r.system, &r.timeline, &r.reached, &r.receives, &r.receiving,
		&r.noted, &r.notedReached, &r.checked, &r.checkedReached)
}

// behind says why a server is not known to have reached at; "" if it is known to have.
func (r *replica) behind(at position) string {
	switch {
	case r.system != at.System:
		return "it is another cluster"
	case !r.recovering && r.timeline != at.Timeline:
		return "it is the primary of another timeline, " + r.timeline
	case !r.reached:
		return "it has not reached the position yet"
	case !r.recovering:
		return ""
	case r.notedReached && r.noted == at.Timeline, r.checkedReached && r.checked == at.Timeline:
		return "" // it has reached the position on that timeline, and everything later builds on it
	case r.receiving != nil && *r.receiving == at.Timeline:
		return ""
	case r.receiving != nil:
		return "it follows another timeline, " + *r.receiving
	case r.receives:
		return "its timeline is hidden: GRANT pg_read_all_stats to the role"
	}
	return "its timeline is not known while it receives nothing"
}

// read is the flow's Read: it reads on a standby that has reached the position of w.
func (f *store[K, R, T]) read(ctx context.Context, w Written[K]) (value R, err error) {
	at := w.at
	if at.LSN == "" {
		if at, err = f.positionNow(ctx, w.tx); err != nil {
			return value, withAnswer(consistency.PhaseRead, err)
		}
	}
	return readAt(ctx, f.standby, at, w.Key, f.readFn)
}

// positionNow returns a position of the primary after the write, for a reference that has
// none, such as of a delete. If the transaction is known, the position must be of the same
// history: a standby that was promoted since may not have the transaction.
func (f *store[K, R, T]) positionNow(ctx context.Context, tx transaction) (position, error) {
	f.mu.Lock()
	at, loose := f.latest, false
	for _, t := range f.tries {
		loose = loose || t.w.tx.Loose
	}
	f.mu.Unlock()
	if at.LSN != "" {
		return at, nil
	}
	err := inTransaction(ctx, f.primary, func(ctx context.Context, s session[T]) error {
		_, err := lookAt(ctx, s)
		if err != nil {
			return err
		}
		at, err = logPosition(ctx, s, loose)
		return err
	})
	if err != nil {
		return position{}, err
	}
	if tx.ID != 0 && !at.follows(tx) {
		return position{}, behind("the position of the transaction is not known", "the primary is of another history, timeline "+at.Timeline)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest = at
	return at, nil
}
