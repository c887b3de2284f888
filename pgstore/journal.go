package pgstore

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/readback-go/readback/internal/pause"
	"github.com/readback-go/readback/submit"
)

const (
	// journalPage is how many records are read at once in the order of their
	// revisions. Pending ones are sorted anew for each page.
	journalPage = 1000

	// settlePause is the time between two looks whether transactions are over.
	settlePause = 5 * time.Millisecond
)

// Since implements [submit.Journal]. With wait, it yields a record only when all transactions
// that may hold a smaller revision are over, so a caller's transaction with EnqueueTx that
// stays open delays it. Without wait, it does not wait for open transactions.
func (s *Store) Since(ctx context.Context, kind submit.Kind, after uint64, labels []string, wait bool) iter.Seq2[submit.Record, error] {
	return func(yield func(submit.Record, error) bool) {
		ping, leave := s.hub.awaitJobs()
		defer leave()
		var looks pace
		for first := true; ; first = false {
			began := time.Now()
			last, err := s.lastDrawn(ctx, wait)
			more := false
			if err == nil && first && after > last {
				err = submit.ErrAhead
			}
			if err == nil {
				after, more, err = s.between(ctx, kind, after, last, labels, yield)
			}
			if err != nil {
				yield(submit.Record{}, err)
				return
			}
			if !more || !wait {
				return
			}
			took := time.Since(began)
			after = max(after, last)
			timer := time.NewTimer(looks.next(took, min(s.options.Poll, lookAnyway)))
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

// lastDrawn returns the last revision that was drawn. If settled is set, it first waits until
// all transactions are over that may have drawn it or an earlier one.
func (s *Store) lastDrawn(ctx context.Context, settled bool) (uint64, error) {
	if err := s.ended(ctx); err != nil {
		return 0, err
	}
	var last int64
	if err := s.pool.QueryRow(ctx, s.sql.last).Scan(&last); err != nil {
		return 0, s.errorOf(ctx, "list", err)
	}
	if !settled {
		return uint64(last), nil
	}
	before, err := s.openTransactions(ctx)
	for err == nil && len(before) > 0 {
		if !pause.For(ctx, settlePause) {
			return 0, context.Cause(ctx)
		}
		var now []string
		if now, err = s.openTransactions(ctx); err == nil {
			before = slices.DeleteFunc(before, func(t string) bool { return !slices.Contains(now, t) })
		}
	}
	return uint64(last), err
}

// openTransactions returns the open transactions that may have drawn a revision.
func (s *Store) openTransactions(ctx context.Context) ([]string, error) {
	rows, err := s.pool.Query(ctx, s.sql.open)
	if err != nil {
		return nil, s.errorOf(ctx, "list", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, s.errorOf(ctx, "list", err)
	}
	return found, nil
}

// between yields records with revisions greater than after, up to last. It returns the
// revision of the last record that was yielded, and false if the loop was left.
func (s *Store) between(ctx context.Context, kind submit.Kind, after, last uint64, labels []string, yield func(submit.Record, error) bool) (uint64, bool, error) {
	if labels != nil && !slices.Contains(labels, "") {
		labels = append(slices.Clone(labels), "") // records without a label are never left out
	}
	parts, args := []string{s.sql.pending, s.sql.ended}, []any{int16(kind), nil, int64(last), journalPage}
	if labels != nil {
		parts = nil
	}
	for _, label := range labels {
		args = append(args, label)
		parts = append(parts, fmt.Sprintf(s.sql.waiting, len(args)), fmt.Sprintf(s.sql.labelled, len(args)))
	}
	sql := strings.Join(parts, " UNION ALL ") + " ORDER BY revision LIMIT $4"
	for {
		args[1] = int64(min(after, 1<<63-1))
		found, err := s.page(ctx, sql, args...)
		if err != nil {
			return after, false, err
		}
		for _, r := range found {
			if !yield(r, nil) {
				return after, false, nil
			}
			after = r.Revision
		}
		if len(found) < journalPage {
			return after, true, nil
		}
	}
}
