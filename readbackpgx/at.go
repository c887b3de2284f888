package readbackpgx

import (
	"context"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/readback-go/readback/consistency"
)

// AtLSN returns a read of what w refers to, on a server that has come as far as the
// transaction of w: on a standby that has replayed it, or on the primary. If the
// server that the pool gives has not, or if it cannot be shown, read is not called,
// and the error is one that [Behind] knows.
//
// Whether it has is asked by one statement, and what it shows by those of read after
// that, on the same connection and in one READ COMMITTED transaction: a statement
// that did both would read by a snapshot that is older than the position. So behind
// one pool there may be several standbys, and poolers.
//
// A standby that follows another timeline, or was promoted to one, has not: what it
// shows may be another history. To see the timeline of a standby at once the role
// needs the rights of pg_read_all_stats; without them it is known once a standby has
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

// behindCode is the code of an answer of a server that is behind.
const behindCode = "behind"

// Behind is a Flow.Behind for reads by [AtLSN].
func Behind(a consistency.Answer) bool { return a.Code == behindCode }

func readAt[K, R, T any](ctx context.Context, server server[T], at position, key K, read func(context.Context, T, K) (R, error)) (value R, err error) {
	s, err := server(ctx)
	if err != nil {
		return value, tell(consistency.PhaseRead, err)
	}
	defer s.release()
	tx, err := s.begin(own(ctx), true)
	if err != nil {
		return value, tell(consistency.PhaseRead, err)
	}
	defer s.rollback()
	var seen replica
	if err := seen.look(own(ctx), s, at.LSN); err != nil {
		return value, tell(consistency.PhaseRead, err)
	}
	if why := seen.behind(at); why != "" {
		return value, behind("the server is not known to be at "+at.LSN+" of timeline "+at.Timeline, why)
	}
	value, err = read(ctx, tx, key)
	return value, tell(consistency.PhaseRead, err)
}

// behind is the error of a read that is not made.
func behind(what, why string) error {
	err := errors.New("readbackpgx: " + what + ": " + why)
	return &told{err, consistency.Answer{Status: http.StatusPreconditionFailed, Code: behindCode, Note: why}}
}

// replica is what a server says of how far it has come: by what it has replayed, with
// the timeline from which it gets its log, and by what it has noted on its disk.
type replica struct {
	recovering bool
	system     string
	timeline   string // of a primary
	reached    bool   // it has replayed the position, or written it as a primary
	receives   bool
	receiving  *string // the timeline; nil if there is no right to see it

	noted, checked               string // timelines of what the disk has
	notedReached, checkedReached bool
}

// look asks what the server is. The timeline is asked after the place: it only grows,
// so that a place was reached on that one or on an earlier one.
func (r *replica) look(ctx context.Context, s interface {
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

// behind says why a server is not known to have reached at; nothing if it is.
func (r *replica) behind(at position) string {
	switch {
	case r.system != at.System:
		return "it is another cluster"
	case !r.recovering && r.timeline != at.Timeline:
		return "it is the primary of another timeline, " + r.timeline
	case !r.reached:
		return "it has not come so far"
	case !r.recovering:
		return ""
	case r.notedReached && r.noted == at.Timeline, r.checkedReached && r.checked == at.Timeline:
		return "" // it was there, on that timeline; all that comes later comes on top of it
	case r.receiving != nil && *r.receiving == at.Timeline:
		return ""
	case r.receiving != nil:
		return "it follows another timeline, " + *r.receiving
	case r.receives:
		return "its timeline is hidden: GRANT pg_read_all_stats to the role"
	}
	return "its timeline is not known while it receives nothing"
}

// read reads what w refers to, on a standby that has come as far.
func (f *store[K, R, T]) read(ctx context.Context, w Written[K]) (value R, err error) {
	at := w.at
	if at.LSN == "" {
		if at, err = f.lately(ctx, w.tx); err != nil {
			return value, tell(consistency.PhaseRead, err)
		}
	}
	return readAt(ctx, f.standby, at, w.Key, f.look)
}

// lately returns a position of the primary after the write, for a reference that has
// none, as that of a delete, or one whose COMMIT was the last that was answered. If
// the transaction is known, it must be of the same history: a standby that was
// promoted since may not have it.
func (f *store[K, R, T]) lately(ctx context.Context, tx transaction) (position, error) {
	f.mu.Lock()
	at, loose := f.late, false
	for _, t := range f.tries {
		loose = loose || t.w.tx.Loose
	}
	f.mu.Unlock()
	if at.LSN != "" {
		return at, nil
	}
	err := asking(ctx, f.primary, func(ctx context.Context, s session[T]) error {
		_, err := lookAt(ctx, s)
		if err != nil {
			return err
		}
		at, err = end(ctx, s, loose)
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
	f.late = at
	return at, nil
}
