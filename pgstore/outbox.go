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

	"github.com/readback-go/readback/submit"
)

// EnqueueTx records a job in tx, a transaction of the caller's in the database of
// the store: the job exists if and only if tx commits, and nobody sees it before.
// Soon after the commit a Run has it. EnqueueTx makes one round trip, and waits for
// nothing but another transaction that is open and has recorded the same key.
//
// If the key was submitted before there is nothing to do. If it was for another job,
// the error matches [submit.ErrKeyReused], and tx can be used on. Any other error is
// the server's, and ends tx: roll it back. It matches [submit.ErrTooLarge] if the server
// refuses the job for its length.
//
// In a transaction that is REPEATABLE READ or SERIALIZABLE, a key that another one
// has recorded since this one began is a serialization failure (40001), as any row
// of that kind is: begin tx anew. It then finds the job.
func (s *Store) EnqueueTx(ctx context.Context, tx pgx.Tx, job submit.Draft) error {
	return s.enqueue(ctx, job, func(dest []any, query string, args ...any) error {
		return tx.QueryRow(ctx, query, args...).Scan(dest...)
	})
}

// SQLTx is a transaction of database/sql, such as an [*sql.Tx], whose driver speaks
// to PostgreSQL.
type SQLTx interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// EnqueueSQL does what [Store.EnqueueTx] does in a transaction of database/sql.
func (s *Store) EnqueueSQL(ctx context.Context, tx SQLTx, job submit.Draft) error {
	return s.enqueue(ctx, job, func(dest []any, query string, args ...any) error {
		return tx.QueryRowContext(ctx, query, args...).Scan(dest...)
	})
}

// row runs a statement that returns one row at most.
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
	for range 10 { // what was found may be deleted by its owner before it is looked at
		var revision int64
		var told string
		if err := query([]any{&revision, &told}, insert, args...); !none(err) {
			return err
		}
		found := submit.Record{Kind: submit.KindJob, Key: r.Key}
		var keep int64
		var joined bool // or its time is over, and it was not swept yet
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
	return errors.New("the record with its key comes and goes")
}

// none reports whether a statement returned no row.
func none(err error) bool { return errors.Is(err, pgx.ErrNoRows) || errors.Is(err, sql.ErrNoRows) }

// arrivalPause is the shortest time between two looks for jobs that came.
const arrivalPause = 2 * time.Millisecond

// Arrivals implements [submit.Inbox]. It looks by an index of the records that
// nobody has touched since they were recorded: transactions commit in another order
// than they begin, so that no number tells where the new ones are.
func (s *Store) Arrivals(ctx context.Context) iter.Seq2[submit.Record, error] {
	return func(yield func(submit.Record, error) bool) {
		ping, leave := s.hub.await()
		defer leave()
		var looks pace
		for {
			took, more, err := s.fresh(ctx, yield)
			if err != nil {
				yield(submit.Record{}, err)
			}
			if err != nil || !more || !sleep(ctx, arrivalPause) {
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

// poll is the time between two looks while nothing is heard.
func (s *Store) poll() time.Duration {
	if s.options.Notify && !s.hub.heeds() {
		return min(s.options.Poll, defaultPoll)
	}
	return s.options.Poll
}

// fresh yields what is there now, and returns how long it took to find out, and
// whether the loop goes on. In each process the records are in another order, so
// that few of them are taken in by two at once.
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
