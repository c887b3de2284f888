package readbackpgx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/readback-go/readback/consistency"
)

// timelineOf takes the timeline from the name of the current segment of the log. The control
// file has only the timeline of the last checkpoint, which may be from before a promotion.
const timelineOf = "left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)"

// recoveryOf changes whenever the server recovers from a crash, since statistics are reset
// then, and not at a clean restart.
const recoveryOf = "(extract(epoch FROM b.stats_reset) * 1000000)::bigint::text"

// identify asks, within the transaction, for all that is needed to find its fate later.
func identify[T any](ctx context.Context, s session[T]) (tx transaction, err error) {
	var id string
	err = s.one(ctx, `SELECT pg_current_xact_id()::text, s.system_identifier::text, `+timelineOf+`, `+recoveryOf+`, c.checkpoint_lsn::text,
			pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn(),
			current_setting('synchronous_commit') = 'off' OR current_setting('fsync') = 'off'
		FROM pg_control_system() s, pg_control_checkpoint() c, pg_stat_bgwriter b`,
		nil, &id, &tx.System, &tx.Timeline, &tx.Recovery, &tx.Checkpoint, &tx.Flushed, &tx.Loose)
	if err == nil {
		tx.ID, err = strconv.ParseUint(id, 10, 64)
	}
	return tx, err
}

// fate is what a database knows of a transaction.
type fate struct {
	state string   // committed, aborted, in progress, or empty if that is not known
	doubt string   // why it is not known
	at    position // of the server, after the commit; zero if it must be asked for later
}

const (
	committed  = "committed"
	aborted    = "aborted"
	inProgress = "in progress"
)

// primaryNow is what a server says of its history and its last checkpoint.
type primaryNow struct {
	position
	recovery   string
	checkpoint string
	quiet      bool   // the last checkpoint was at a shutdown or after a crash: nothing was written during it
	nextID     uint64 // the first transaction id after that checkpoint
}

func lookAt[T any](ctx context.Context, s session[T]) (p primaryNow, err error) {
	var replica bool
	var next string
	err = s.one(ctx, `SELECT pg_is_in_recovery(), s.system_identifier::text,
			CASE WHEN pg_is_in_recovery() THEN '' ELSE `+timelineOf+` END, `+recoveryOf+`,
			c.checkpoint_lsn::text, c.checkpoint_lsn = c.redo_lsn AND current_setting('wal_level') <> 'minimal', c.next_xid
		FROM pg_control_system() s, pg_control_checkpoint() c, pg_stat_bgwriter b`,
		nil, &replica, &p.System, &p.Timeline, &p.recovery, &p.checkpoint, &p.quiet, &next)
	switch {
	case err != nil:
		return p, err
	case replica:
		return p, errReplica
	}
	epoch, id, _ := strings.Cut(next, ":")
	high, err := strconv.ParseUint(epoch, 10, 32)
	if err != nil {
		return p, err
	}
	low, err := strconv.ParseUint(id, 10, 32)
	p.nextID = high<<32 | low
	return p, err
}

var errReplica = errors.New("readbackpgx: the primary is a standby, which does not know how transactions end")

// fateOf asks for the fate of tx, after its COMMIT was sent.
func fateOf[T any](ctx context.Context, s session[T], tx transaction) (f fate, err error) {
	p, err := lookAt(ctx, s)
	if err != nil {
		return f, err
	}
	switch {
	case tx.ID == 0:
		f.doubt = "its id is not known"
	case p.System != tx.System:
		f.doubt = "another cluster answers"
	case p.Timeline != tx.Timeline:
		f.doubt = "another timeline answers, where its id may belong to another transaction"
	case p.quiet && p.checkpoint != tx.Checkpoint && p.nextID <= tx.ID:
		// The server was down since COMMIT was sent, and came back without this id:
		// nothing of the transaction was on its disk. The id will be used again.
		f.state = aborted
		return f, nil
	default:
		f.state, f.doubt, err = statusOfTx(ctx, s, tx, p.recovery)
	}
	if err != nil || f.state == aborted || f.state == inProgress || f.doubt == notGiven {
		return f, err
	}
	f.at, err = logPosition(ctx, s, tx.Loose)
	return f, err
}

const notGiven = "the server has not used its id yet"

func statusOfTx[T any](ctx context.Context, s session[T], tx transaction, recovery string) (state, doubt string, err error) {
	var status *string
	err = s.one(ctx, "SELECT pg_xact_status($1::text::xid8)", []any{strconv.FormatUint(tx.ID, 10)}, &status)
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e) && e.Code == "22023":
		return "", notGiven, nil // this error ends the transaction that asks
	case err != nil:
		return "", "", err
	case status == nil:
		return "", "its id is too old to be known", nil
	case *status != committed:
		return *status, "", nil
	case tx.Loose:
		return "", "committed, but not safe with synchronous_commit or fsync off", nil
	case tx.Recovery != recovery && !tx.Flushed:
		return "", "committed, but after a crash the id may belong to another transaction", nil
	}
	return committed, "", nil
}

var errNoTransaction = errors.New("readbackpgx: the transaction is not known in this process, so that its fate cannot be asked for: give the flow a Find by a key")

// find is the flow's Find: it asks for the fates of the transactions whose COMMIT was not
// answered.
func (f *store[K, R, T]) find(ctx context.Context) ([]Written[K], error) {
	f.mu.Lock()
	wrote, tries := f.wrote, slices.Clone(f.tries)
	f.mu.Unlock()
	if !wrote {
		return nil, consistency.As(consistency.Ambiguous, errNoTransaction)
	}
	var found []Written[K]
	var never error
	open := false
	for _, t := range tries {
		if t.refused {
			continue
		}
		var is fate
		err := inTransaction(ctx, f.primary, func(ctx context.Context, s session[T]) (err error) {
			is, err = fateOf(ctx, s, t.w.tx)
			return err
		})
		switch {
		case err != nil:
			return nil, withAnswer(consistency.PhaseRead, err)
		case is.state == aborted:
			never = fmt.Errorf("transaction %d was rolled back", t.w.tx.ID)
		case is.state == inProgress:
			open = true
		default:
			t.w.at, t.w.doubt = is.at, is.doubt
			found = append(found, t.w)
		}
	}
	if len(found) == 0 && !open && never != nil {
		return nil, consistency.NotCarriedOut(never)
	}
	return found, nil
}

// inTransaction calls ask with a connection that is in a transaction, so that a pooler sends
// all statements of ask to the same server.
func inTransaction[T any](ctx context.Context, server server[T], ask func(context.Context, session[T]) error) error {
	ctx = own(ctx)
	s, err := server(ctx)
	if err != nil {
		return err
	}
	defer s.release()
	if _, err := s.begin(ctx, true); err != nil {
		return err
	}
	defer s.rollback()
	return ask(ctx, s)
}
