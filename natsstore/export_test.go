package natsstore

import (
	"context"
	"time"
)

// LookSeldom has those who watch wait for word alone. It must be called before
// anybody watches.
func (s *Store) LookSeldom() { s.lookAfter = time.Hour }

// WithClock has a store read another clock.
func (o Options) WithClock(now func() time.Time) Options {
	o.now = now
	return o
}

// Sweep forgets what is old enough, now.
func (s *Store) Sweep(ctx context.Context) error { return s.sweep(ctx) }
