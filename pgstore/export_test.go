package pgstore

import (
	"context"
	"time"
)

// LookSeldom has those who watch wait for word alone, once somebody listens.
func (s *Store) LookSeldom() {
	s.lookAfter.Store(int64(time.Hour))
	for !s.hub.listens() {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(lookAnyway * 11 / 10) // a look that was due before
}

// Sweep deletes what is over now, and returns how much it was.
func (s *Store) Sweep(ctx context.Context) (int64, error) { return s.sweep(ctx) }

// Statements returns those that find pending jobs and those that came.
func (s *Store) Statements() (list, fresh string) { return s.sql.list, s.sql.fresh }
