package pgstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	ctx      context.Context // of who waits
	revision int64           // of the record afterwards
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

	// maxFlights is how many groups are under way at once.
	maxFlights = 2

	// groupWait is how long a group waits for a row that somebody else has locked,
	// such as a transaction that has enqueued a job with the same key and is still
	// open. Then the others are made without the change of that row.
	groupWait = 50 * time.Millisecond

	// rowWait is how long that one then waits, and any change of a lease.
	rowWait = 3 * time.Second

	// maxHeld is how many such rows are waited for at once.
	maxHeld = 2

	// maxRefusals is how many changes of a group may be refused before it is taken
	// for the server that refuses everything, such as one that is read-only.
	maxRefusals = 3

	// callTimeout bounds each question to the server.
	callTimeout = 10 * time.Second
)

// groups gather changes that come while others are under way. A change that comes
// alone is made at once.
type groups struct {
	slots chan struct{} // for those that are held

	mu      sync.Mutex
	waiting []*change
	flights int
	held    map[string][]*change // by key, those whose row somebody else has locked
}

func (g *groups) init() {
	g.slots = make(chan struct{}, maxHeld)
	g.held = make(map[string][]*change)
}

// do makes a change, and waits for it until ctx ends: then it may be made all the
// same.
func (s *Store) do(ctx context.Context, what verb, r submit.Record) (uint64, error) {
	if err := s.ended(ctx); err != nil {
		return 0, err
	}
	c := &change{what: what, r: r, ctx: ctx, done: make(chan struct{})}
	begun := false
	if r.Kind == submit.KindLease {
		// Not behind anything: a lease that is renewed late is lost.
		begun = s.spawn(func() { s.slowly([]*change{c}) })
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

// add returns false if the store is closed.
func (g *groups) add(s *Store, c *change) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if others, ok := g.held[c.r.Key]; ok {
		g.held[c.r.Key] = append(others, c)
		return true
	}
	if g.flights < maxFlights {
		if !s.spawn(func() { g.fly(s) }) {
			return false
		}
		g.flights++
	}
	g.waiting = append(g.waiting, c)
	return true
}

// fly makes changes until none waits.
func (g *groups) fly(s *Store) {
	for {
		g.mu.Lock()
		n := min(len(g.waiting), maxGroup)
		if n == 0 {
			g.flights--
			g.mu.Unlock()
			return
		}
		group := slices.Clone(g.waiting[:n])
		g.waiting = slices.Delete(g.waiting, 0, n)
		g.mu.Unlock()
		g.together(s, group)
	}
}

// together makes changes in one transaction. If the server refuses one of them, the
// others are made without it.
func (g *groups) together(s *Store, group []*change) {
	// In one order everywhere, so that two groups cannot wait for each other.
	slices.SortStableFunc(group, func(a, b *change) int { return cmp.Compare(a.r.Key, b.r.Key) })
	for refusals := 0; len(group) > 0; {
		refused, err := s.make(group, groupWait)
		if refused != nil && isTooLarge(err) {
			s.end([]*change{refused}, err)
			group = slices.DeleteFunc(group, func(c *change) bool { return c == refused })
			continue
		}
		if refused == nil || refusals == maxRefusals {
			s.end(group, err)
			return
		}
		var others, same []*change // what waits for the same row waits with it
		for _, c := range group {
			if c.r.Key == refused.r.Key {
				same = append(same, c)
			} else {
				others = append(others, c)
			}
		}
		if isLocked(err) {
			g.hold(s, same)
		} else {
			s.end(same, err)
			refusals++
		}
		group = others
	}
}

// hold sets changes of one row aside.
func (g *groups) hold(s *Store, same []*change) {
	key := same[0].r.Key
	g.mu.Lock()
	defer g.mu.Unlock()
	others, ok := g.held[key]
	g.held[key] = append(others, same...)
	if !ok {
		s.tasks.Go(func() { g.wait(s, key) }) // Close waits for the caller
	}
}

// wait makes the changes of a row that was locked, until there are none.
func (g *groups) wait(s *Store, key string) {
	g.slots <- struct{}{}
	defer func() { <-g.slots }()
	for {
		g.mu.Lock()
		same := g.held[key]
		if len(same) == 0 {
			delete(g.held, key)
			g.mu.Unlock()
			return
		}
		g.held[key] = nil
		g.mu.Unlock()
		s.slowly(slices.DeleteFunc(same, func(c *change) bool { return c.ctx.Err() != nil }))
	}
}

// slowly makes changes of one row, which may be locked.
func (s *Store) slowly(same []*change) {
	if len(same) > 0 {
		_, err := s.make(same, rowWait)
		s.end(same, err)
	}
}

// end tells who waits, and those who watch.
func (s *Store) end(group []*change, err error) {
	for _, c := range group {
		switch {
		case len(group) == 1 && isTooLarge(err):
			c.err = fmt.Errorf("%w: %w", submit.ErrTooLarge, err)
		case err != nil:
			c.err = s.failed("write", err)
		case c.revision == 0:
			c.err = c.refused()
		case c.what != create:
			s.hub.changed(c.r.Kind, c.r.Key)
		}
		close(c.done)
	}
}

// make makes changes in one transaction, and leaves the revisions in them. After
// an error nobody knows whether they were made, unless the server refused one of
// them: then it is returned, and none was made.
func (s *Store) make(group []*change, wait time.Duration) (refused *change, err error) {
	ctx, cancel := context.WithTimeout(s.calls, callTimeout)
	defer cancel()
	batch := &pgx.Batch{}
	batch.Queue(s.sql.prepare, fmt.Sprint(wait.Milliseconds()))
	for _, c := range group {
		c.revision = 0
		s.queue(batch, c)
	}
	if s.tells(group) {
		// A process that is paused in between must not keep the rows.
		batch.Queue("SELECT set_config('idle_in_transaction_session_timeout', $1, true)", fmt.Sprint(callTimeout.Milliseconds()))
		return s.makeAndTell(ctx, batch, group)
	}
	results := s.pool.SendBatch(ctx, batch)
	at, err := revisions(results, group)
	if closed := results.Close(); err == nil { // the commit is in the last answer
		return nil, closed
	}
	if at != nil && rolledBack(err) {
		return at, err
	}
	return nil, err
}

// tells reports whether somebody wants to know of an outcome in the group.
func (s *Store) tells(group []*change) bool {
	return s.options.Ended != nil && slices.ContainsFunc(group, (*change).ends)
}

// ends reports whether the change is one to a job that has an outcome.
func (c *change) ends() bool { return c.what != remove && c.r.Kind == submit.KindJob && c.r.Done }

// makeAndTell is make with a transaction that the caller's function sees.
func (s *Store) makeAndTell(ctx context.Context, batch *pgx.Batch, group []*change) (refused *change, err error) {
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback(ctx) // nothing, once it is committed
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
		if !c.ends() || c.revision == 0 {
			continue
		}
		r := c.r
		r.Revision = uint64(c.revision)
		if err := s.options.Ended(ctx, tx, r); err != nil {
			return c, fmt.Errorf("%w: %w", errEnded, err)
		}
	}
	return nil, tx.Commit(ctx)
}

// revisions reads the answers, up to the change where that ends.
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

// isTooLarge reports whether the server refused a record for its length: by a limit of
// its own, or by one that somebody has set for the table with the same code. Any driver
// tells it so.
func isTooLarge(err error) bool {
	var refusal interface{ SQLState() string }
	return errors.As(err, &refusal) && refusal.SQLState() == "54000" && !errors.Is(err, errEnded)
}

// isLocked reports whether a row was locked for too long.
func isLocked(err error) bool {
	var refusal *pgconn.PgError
	return errors.As(err, &refusal) && refusal.Code == "55P03"
}
