package pgstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/readback-go/readback/submit"
)

// change is a change of one record.
type change struct {
	what     verb
	r        submit.Record
	ctx      context.Context // of the caller
	revision int64           // the new revision; zero if the change was refused
	err      error
	done     chan struct{}
}

// verb is what a change does.
type verb uint8

const (
	create verb = iota
	update
	remove
)

// refused is the error of a change that found another record, or none.
func (c *change) refused() error {
	if c.what == create {
		return submit.ErrExists
	}
	return submit.ErrConflict
}

const (
	// maxGroup is how many changes share a transaction.
	maxGroup = 128

	// maxFlights is how many groups may be under way at once.
	maxFlights = 2

	// groupWait is how long a group waits for a locked row, such as of a transaction
	// that has enqueued a job with the same key and is still open. Then the other
	// changes are made without it.
	groupWait = 50 * time.Millisecond

	// rowWait is how long the change of such a row then waits, and any change of a lease.
	rowWait = 3 * time.Second

	// maxHeld is how many locked rows are waited for at once.
	maxHeld = 2

	// maxRefusals is how many changes of a group may be refused before the whole group
	// fails: then the server refuses everything, such as when it is read-only.
	maxRefusals = 3

	// callTimeout bounds each request to the server.
	callTimeout = 10 * time.Second
)

// groups gathers changes that come while others are under way, so that they share a
// transaction. A change that comes alone is made at once.
type groups struct {
	slots chan struct{} // for locked rows that are waited for

	mu       sync.Mutex
	waiting  []*change
	underWay int                  // groups
	locked   map[string][]*change // changes of locked rows, by key
}

func (g *groups) init() {
	g.slots = make(chan struct{}, maxHeld)
	g.locked = make(map[string][]*change)
}

// do makes a change, and waits for it until ctx ends; the change may still be made later.
func (s *Store) do(ctx context.Context, what verb, r submit.Record) (uint64, error) {
	if err := s.ended(ctx); err != nil {
		return 0, err
	}
	c := &change{what: what, r: r, ctx: ctx, done: make(chan struct{})}
	begun := false
	if r.Kind == submit.KindLease {
		// In no group: a lease that is renewed late is lost.
		begun = s.spawn(func() { s.makeWaiting([]*change{c}) })
	} else {
		begun = s.groups.add(s, c)
	}
	if !begun {
		return 0, ErrClosed
	}
	select {
	case <-c.done:
		return uint64(c.revision), c.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// add adds a change to the next group, or to those of its row if that is locked. It returns
// false if the store is closed.
func (g *groups) add(s *Store, c *change) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if others, ok := g.locked[c.r.Key]; ok {
		g.locked[c.r.Key] = append(others, c)
		return true
	}
	if g.underWay < maxFlights {
		if !s.spawn(func() { g.makeAll(s) }) {
			return false
		}
		g.underWay++
	}
	g.waiting = append(g.waiting, c)
	return true
}

// makeAll makes groups of changes until no change waits.
func (g *groups) makeAll(s *Store) {
	for {
		g.mu.Lock()
		n := min(len(g.waiting), maxGroup)
		if n == 0 {
			g.underWay--
			g.mu.Unlock()
			return
		}
		group := slices.Clone(g.waiting[:n])
		g.waiting = slices.Delete(g.waiting, 0, n)
		g.mu.Unlock()
		g.makeGroup(s, group)
	}
}

// makeGroup makes changes in one transaction. If the server refuses one of them, the others
// are made without it.
func (g *groups) makeGroup(s *Store, group []*change) {
	// In the order of keys everywhere, so that two groups cannot deadlock.
	slices.SortStableFunc(group, func(a, b *change) int { return cmp.Compare(a.r.Key, b.r.Key) })
	for refusals := 0; len(group) > 0; {
		refused, err := s.make(group, groupWait)
		if refused != nil && isTooLarge(err) {
			s.finish([]*change{refused}, err)
			group = slices.DeleteFunc(group, func(c *change) bool { return c == refused })
			continue
		}
		if refused == nil || refusals == maxRefusals {
			s.finish(group, err)
			return
		}
		var others, same []*change // all changes of the refused row are taken out together
		for _, c := range group {
			if c.r.Key == refused.r.Key {
				same = append(same, c)
			} else {
				others = append(others, c)
			}
		}
		if isLocked(err) {
			g.setAside(s, same)
		} else {
			s.finish(same, err)
			refusals++
		}
		group = others
	}
}

// setAside takes the changes of one locked row out of groups, to wait for the row.
func (g *groups) setAside(s *Store, same []*change) {
	key := same[0].r.Key
	g.mu.Lock()
	defer g.mu.Unlock()
	others, ok := g.locked[key]
	g.locked[key] = append(others, same...)
	if !ok {
		s.tasks.Go(func() { g.makeLocked(s, key) }) // tasks cannot be waited for yet: the caller is one
	}
}

// makeLocked makes the changes of a row that was locked, until there are no more.
func (g *groups) makeLocked(s *Store, key string) {
	g.slots <- struct{}{}
	defer func() { <-g.slots }()
	for {
		g.mu.Lock()
		same := g.locked[key]
		if len(same) == 0 {
			delete(g.locked, key)
			g.mu.Unlock()
			return
		}
		g.locked[key] = nil
		g.mu.Unlock()
		s.makeWaiting(slices.DeleteFunc(same, func(c *change) bool { return c.ctx.Err() != nil }))
	}
}

// makeWaiting makes changes of one row, and waits for up to rowWait if it is locked.
func (s *Store) makeWaiting(same []*change) {
	if len(same) > 0 {
		_, err := s.make(same, rowWait)
		s.finish(same, err)
	}
}

// finish sets the result of changes, and wakes their callers and those who watch.
func (s *Store) finish(group []*change, err error) {
	for _, c := range group {
		switch {
		case len(group) == 1 && isTooLarge(err):
			c.err = fmt.Errorf("%w: %w", submit.ErrTooLarge, err)
		case err != nil:
			c.err = s.wrap("write", err)
		case c.revision == 0:
			c.err = c.refused()
		case c.what != create:
			s.hub.changed(c.r.Kind, c.r.Key)
		}
		close(c.done)
	}
}

// make makes changes in one transaction, and sets their revisions. If the server refused a
// change, make returns that change, and none was made. After any other error, all or none
// may have been made.
func (s *Store) make(group []*change, wait time.Duration) (refused *change, err error) {
	ctx, cancel := context.WithTimeout(s.storeCtx, callTimeout)
	defer cancel()
	batch := &pgx.Batch{}
	batch.Queue(s.sql.prepare, fmt.Sprint(wait.Milliseconds()))
	for _, c := range group {
		c.revision = 0
		s.queue(batch, c)
	}
	if s.hasOutcome(group) {
		// A process that is paused in between must not keep the rows.
		batch.Queue("SELECT set_config('idle_in_transaction_session_timeout', $1, true)", fmt.Sprint(callTimeout.Milliseconds()))
		return s.makeWithEnded(ctx, batch, group)
	}
	results := s.pool.SendBatch(ctx, batch)
	at, err := revisions(results, group)
	if closed := results.Close(); err == nil { // the last answer says whether it was committed
		return nil, closed
	}
	if at != nil && rolledBack(err) {
		return at, err
	}
	return nil, err
}

// hasOutcome reports whether Options.Ended must be called for a change of the group.
func (s *Store) hasOutcome(group []*change) bool {
	return s.options.Ended != nil && slices.ContainsFunc(group, (*change).isOutcome)
}

// isOutcome reports whether the change records the outcome of a job.
func (c *change) isOutcome() bool { return c.what != remove && c.r.Kind == submit.KindJob && c.r.Done }

// makeWithEnded is make, and calls Options.Ended before the transaction is committed.
func (s *Store) makeWithEnded(ctx context.Context, batch *pgx.Batch, group []*change) (refused *change, err error) {
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback(ctx) // does nothing after Commit
	results := tx.SendBatch(ctx, batch)
	at, err := revisions(results, group)
	if closed := results.Close(); err == nil {
		err = closed
	}
	if err != nil {
		if rolledBack(err) {
			return at, err
		}
		return nil, err
	}
	for _, c := range group {
		if !c.isOutcome() || c.revision == 0 {
			continue
		}
		r := c.r
		r.Revision = uint64(c.revision)
		if err := s.callEnded(ctx, tx, r); err != nil {
			return c, fmt.Errorf("%w: %w", errEnded, err)
		}
	}
	return nil, tx.Commit(ctx)
}

// callEnded calls the caller's function. That it panics or ends its goroutine is an error:
// all changes of the store pass here.
func (s *Store) callEnded(ctx context.Context, tx pgx.Tx, r submit.Record) error {
	err := errors.New("it ended its goroutine")
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("it panicked: %v\n%s", p, debug.Stack())
			}
		}()
		err = s.options.Ended(ctx, tx, r)
	}()
	<-over
	return err
}

// revisions reads the answers of a batch into the changes, and returns the first change whose
// answer is an error.
func revisions(results pgx.BatchResults, group []*change) (at *change, err error) {
	if _, err := results.Exec(); err != nil {
		return nil, err
	}
	for _, c := range group {
		err := results.QueryRow().Scan(&c.revision)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return c, err
		}
	}
	return nil, nil
}

// rolledBack reports whether an error proves that its transaction was rolled back:
// the server said so, and is still there.
func rolledBack(err error) bool {
	var refusal *pgconn.PgError
	return errors.As(err, &refusal) && refusal.SeverityUnlocalized == "ERROR"
}

// errEnded is in the error of a change that the caller's function refused.
var errEnded = errors.New("Options.Ended")

// isTooLarge reports whether the server refused a record because it is too large: by a limit
// of its own, or by a trigger with the same code. It works for the errors of any driver.
func isTooLarge(err error) bool {
	var refusal interface{ SQLState() string }
	return errors.As(err, &refusal) && refusal.SQLState() == "54000" && !errors.Is(err, errEnded)
}

// isLocked reports whether a row was locked for too long.
func isLocked(err error) bool {
	var refusal *pgconn.PgError
	return errors.As(err, &refusal) && refusal.Code == "55P03"
}
