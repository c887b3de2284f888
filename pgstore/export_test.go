package pgstore

import "context"

// Sweep deletes what is over now, and returns how much it was.
func (s *Store) Sweep(ctx context.Context) (int64, error) { return s.sweep(ctx) }

// Statements returns those that find pending jobs and those that came.
func (s *Store) Statements() (list, fresh string) { return s.sql.list, s.sql.fresh }
