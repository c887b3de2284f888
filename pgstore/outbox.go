package pgstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/readback-go/readback/internal/pause"
	"github.com/readback-go/readback/submit"
)

// EnqueueTx records a job in tx, a transaction of the caller in the database of the store:
// the job exists if and only if tx commits, and nobody sees it before. Soon after the
// commit a Run takes it. EnqueueTx usually takes one round trip. It waits only for another
// open transaction that has recorded the same key.
//
// If the same job was submitted before, EnqueueTx returns nil and does nothing. If the key
// was used for another job, the error matches [submit.ErrKeyReused], and tx can still be
// used. Any other error comes from the server and ends tx: roll it back. It matches
// [submit.ErrTooLarge] if the server refuses the job because it is too large.
//
// If tx is REPEATABLE READ or SERIALIZABLE, and another transaction has recorded the key
// since tx began, the error is a serialization failure (40001), as for any row: begin the
// transaction anew. It then finds the job.
func (s *Store) EnqueueTx(ctx context.Context, tx pgx.Tx, job submit.Draft) error {
	return s.enqueue(ctx, job, func(dest []any, query string, args ...any) error {
		return tx.QueryRow(ctx, query, args...).Scan(dest...)
	})
}

// SQLTx is a transaction of database/sql, such as an [*sql.Tx], with any driver for
// PostgreSQL.
type SQLTx interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// EnqueueSQL is [Store.EnqueueTx] for a transaction of database/sql.
func (s *Store) EnqueueSQL(ctx context.Context, tx SQLTx, job submit.Draft) error {
	return s.enqueue(ctx, job, func(dest []any, query string, args ...any) error {
		return tx.QueryRowContext(ctx, query, args...).Scan(dest...)
	})
}

// row runs a statement that returns at most one row, and scans it into dest.
type row func(dest []any, query string, args ...any) error

func (s *Store) enqueue(ctx context.Context, job submit.Draft, query row) error {
	if err := s.ended(ctx); err != nil {
		return err
	}
	r := job.Record()
	if r.Key == "" {
		return errors.New("pgstore: enqueue: the draft is empty: make it by Submitter.Draft")
	}
	err := s.insert(job, r, query)
	if isTooLarge(err) {
		err = fmt.Errorf("%w: %w", submit.ErrTooLarge, err)
	}
	if err != nil {
		return fmt.Errorf("pgstore: enqueue %q: %w", r.Key, err)
	}
	return nil
}

func (s *Store) insert(job submit.Draft, r submit.Record, query row) error {
	insert, replace, args := s.sql.enqueue, s.sql.replace, []any{r.Key, r.Value, r.Label}
	if s.options.Notify {
		insert, replace, args = s.sql.enqueueTell, s.sql.replaceTell, append(args, s.options.channel())
	}
	for range 10 { // a record that is in the way may be deleted before it is read
		var revision int64
		var told string
		if err := query([]any{&revision, &told}, insert, args...); !none(err) {
			return err
		}
		found := submit.Record{Kind: submit.KindJob, Key: r.Key}
		var keep int64
		var joined bool // false if the time of the record is over, and it was not swept yet
		err := query([]any{&revision, &found.Done, &keep, &found.Value, &joined}, s.sql.found, r.Key)
		if none(err) {
			continue
		}
		if err == nil && joined {
			found.Revision, found.Keep = uint64(revision), time.Duration(keep)
			joined, err = job.Joins(found)
		}
		if err != nil || joined {
			return err
		}
		if err := query([]any{&revision, &told}, replace, append(args, revision)...); !none(err) {
			return err
		}
	}
	return errors.New("the record of this key was deleted and recorded again each time it was read: try again")
}

// none reports whether a statement returned no row.
func none(err error) bool { return errors.Is(err, pgx.ErrNoRows) || errors.Is(err, sql.ErrNoRows) }

// arrivalPause is the shortest time between two looks for new jobs.
const arrivalPause = 2 * time.Millisecond

// Arrivals implements [submit.Inbox]. It reads an index of the records that nobody has
// changed since they were recorded. Revisions cannot tell which records are new, since
// transactions do not commit in the order in which they draw them.
func (s *Store) Arrivals(ctx context.Context) iter.Seq2[submit.Record, error] {
	return func(yield func(submit.Record, error) bool) {
		ping, leave := s.hub.awaitJobs()
		defer leave()
		var looks pace
		for {
			took, more, err := s.fresh(ctx, yield)
			if err != nil {
				yield(submit.Record{}, err)
			}
			if err != nil || !more || !pause.For(ctx, arrivalPause) {
				return
			}
			timer := time.NewTimer(looks.next(took, s.poll()))
			select {
			case <-ctx.Done():
			case <-s.ctx.Done():
			case <-timer.C:
			case <-ping:
			}
			timer.Stop()
		}
	}
}

// poll is the time between two looks if there is no notice.
func (s *Store) poll() time.Duration {
	if s.options.Notify && !s.hub.listens() {
		return min(s.options.Poll, defaultPoll)
	}
	return s.options.Poll
}

// fresh yields the new jobs of this moment. It returns how long the look took, and false if
// the loop was left. The order is random, so that two processes rarely try to take the same
// job at once.
func (s *Store) fresh(ctx context.Context, yield func(submit.Record, error) bool) (took time.Duration, more bool, err error) {
	last := ""
	for {
		began := time.Now()
		found, err := s.page(ctx, s.sql.fresh, last, page)
		took += time.Since(began)
		if err != nil {
			return took, false, err
		}
		if len(found) > 0 {
			last = found[len(found)-1].Key
		}
		rand.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
		for _, r := range found {
			if !yield(r, nil) {
				return took, false, nil
			}
		}
		if len(found) < page {
			return took, true, nil
		}
	}
}
