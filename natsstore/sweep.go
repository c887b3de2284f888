package natsstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/readback-go/readback/submit"
)

// sweeper deletes records that are done and need not be kept any longer. The server could
// do that by itself, but only by its own clock, which may be wrong.
type sweeper struct {
	began time.Time        // of its stopwatch
	now   func() time.Time // the clock; it may be wrong
	wake  chan struct{}

	mu    sync.Mutex
	clock clock
	due   time.Duration // when the next record may be deleted, as far as is known; on the stopwatch

	sweeping sync.Mutex
}

const (
	// Between two sweeps there is at least sweepPause, and at least sweepShare times as
	// long as the sweep took.
	sweepPause = time.Second
	sweepShare = 1000

	// sweepAnyway is the longest time between two sweeps, to find records that other
	// processes wrote.
	sweepAnyway = time.Hour

	// sweepRecord is about the time that a sweep takes for each record.
	sweepRecord = 10 * time.Microsecond

	// sweepMany is how many records are deleted before more are looked for.
	sweepMany = 1000
)

func newSweeper(start string, now func() time.Time) *sweeper {
	return &sweeper{began: time.Now(), now: now, wake: make(chan struct{}, 1), clock: newClock(start), due: sweepAnyway}
}

// stopwatch returns the time since the sweeper was made.
func (w *sweeper) stopwatch() time.Duration { return time.Since(w.began) }

// kept notes that a record was written that must be kept for some time.
func (w *sweeper) kept(sequence uint64, keep time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.stopwatch()
	w.clock.spacing = min(w.clock.spacing, keep/momentsAKeep)
	w.clock.mark(sequence, now)
	if due := now + min(keep, sweepAnyway); due < w.due {
		w.due = due
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// sweepOn sweeps whenever records are due, until the store is closed. The first sweep waits
// until the store has been open for long enough that a sweep costs little in comparison.
func (s *Store) sweepOn(messages uint64) {
	w := s.sweeper
	free := max(sweepPause, sweepShare*sweepRecord*time.Duration(min(messages, 1e7)))
	if messages > 0 {
		w.mu.Lock()
		w.due = free
		w.mu.Unlock()
	}
	for {
		w.mu.Lock()
		wait := max(w.due, free) - w.stopwatch()
		w.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-s.ctx.Done():
			timer.Stop()
			return
		case <-w.wake:
			timer.Stop()
			continue
		case <-timer.C:
		}
		began := w.stopwatch()
		if err := s.sweep(s.ctx); err != nil && s.ctx.Err() == nil {
			s.options.Logger.Warn("old records are not forgotten", zap.Error(err))
		}
		free = w.stopwatch() + max(sweepPause, sweepShare*(w.stopwatch()-began))
	}
}

// sweep deletes all records that are old enough now.
func (s *Store) sweep(ctx context.Context) error {
	w := s.sweeper
	w.sweeping.Lock()
	defer w.sweeping.Unlock()
	w.mu.Lock()
	w.due = w.stopwatch() + sweepAnyway
	w.mu.Unlock()
	fence, err := s.publish(ctx, "sweep", nats.NewMsg(s.names.fence()))
	if err != nil {
		return err
	}
	if err := s.readClock(ctx, fence); err != nil {
		return err
	}
	old := make([]submit.Record, 0, sweepMany)
	err = s.headers(ctx, fence, func(r submit.Record) error {
		if left := w.left(r); left > 0 {
			w.mu.Lock()
			w.due = min(w.due, w.stopwatch()+left)
			w.mu.Unlock()
			return nil
		}
		if old = append(old, r); len(old) < sweepMany {
			return nil
		}
		err := s.forget(ctx, old)
		old = old[:0]
		return err
	})
	return cmp.Or(err, s.forget(ctx, old))
}

// left returns how long a record must still be kept.
func (w *sweeper) left(r submit.Record) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return r.Keep - w.clock.age(r.Revision, w.stopwatch(), w.now())
}

// readClock notes the time at which the bucket has all changes up to a sequence, and learns
// what other starts of a store have noted.
func (s *Store) readClock(ctx context.Context, sequence uint64) error {
	var kept struct {
		Readings []reading `json:"readings"`
	}
	msg, err := s.last(ctx, s.names.clock())
	revision := uint64(0)
	switch {
	case err == nil:
		revision = msg.Sequence
		if json.Unmarshal(msg.Data, &kept) != nil {
			kept.Readings = nil // start anew: all records count as younger than they are
		}
	case !errors.Is(err, submit.ErrNotFound):
		return err
	}
	w := s.sweeper
	w.mu.Lock()
	w.clock.mark(sequence, w.stopwatch())
	w.clock.setReadings(kept.Readings, w.stopwatch())
	readings, worth := w.clock.read(sequence, w.now())
	w.mu.Unlock()
	if !worth {
		return nil
	}
	note := nats.NewMsg(s.names.clock())
	kept.Readings = readings
	if note.Data, err = json.Marshal(kept); err != nil {
		return err
	}
	if _, err = s.change(ctx, "sweep", note, revision, 0); errors.Is(err, submit.ErrConflict) {
		err = nil // another store has just written its own reading
	}
	return err
}

// headers calls found with each record up to fence that is done and has a Keep. The records
// have no values.
func (s *Store) headers(ctx context.Context, fence uint64, found func(submit.Record) error) (err error) {
	// All subjects, since the server takes long to count what several filters match.
	messages := reader{names: s.names, subject: []string{s.names.all()}, policy: jetstream.DeliverAllPolicy, headers: true}
	if err := s.call(ctx, "sweep", func(ctx context.Context, at *site) error {
		messages.js = at.js
		return messages.begin(ctx)
	}); err != nil {
		return err
	}
	defer messages.end()
	for last := uint64(0); last < fence; {
		var msg jetstream.Msg
		if err := s.call(ctx, "sweep", func(ctx context.Context, _ *site) (err error) {
			msg, last, err = messages.next(ctx)
			return err
		}); err != nil {
			return err
		}
		finished, keep, err := done(msg.Headers())
		if err != nil || !finished || keep == 0 || last > fence {
			continue // what cannot be understood is kept
		}
		kind, key, err := s.names.parse(msg.Subject())
		if err != nil {
			continue
		}
		if err := found(submit.Record{Kind: kind, Key: key, Revision: last, Keep: keep}); err != nil {
			return err
		}
	}
	return nil
}

// forget deletes records. Those that changed meanwhile stay.
func (s *Store) forget(ctx context.Context, old []submit.Record) error {
	if err := s.willDelete(old...); err != nil {
		return err
	}
	for _, r := range old {
		if err := s.purge(ctx, r); err != nil && !errors.Is(err, submit.ErrConflict) {
			return err
		}
	}
	return nil
}
