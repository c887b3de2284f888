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

// sweeper deletes the records that are done and need not be kept any longer. The
// server could do that, but it would do so by its clock alone.
type sweeper struct {
	began time.Time        // of its stopwatch
	now   func() time.Time // the clock; it may be wrong
	wake  chan struct{}

	mu    sync.Mutex
	clock clock
	due   time.Duration // when the next record is, as far as is known; on the stopwatch

	sweeping sync.Mutex
}

const (
	// sweepPause is the least time between two sweeps, and sweepShare how many times
	// as long as a sweep takes.
	sweepPause = time.Second
	sweepShare = 1000

	// sweepAnyway is when records of others are looked for.
	sweepAnyway = time.Hour

	// sweepRecord is about what a sweep takes for each record.
	sweepRecord = 10 * time.Microsecond

	// sweepMany is how many records are deleted before more are looked for.
	sweepMany = 1000
)

func newSweeper(start string, now func() time.Time) *sweeper {
	return &sweeper{began: time.Now(), now: now, wake: make(chan struct{}, 1), clock: newClock(start), due: sweepAnyway}
}

// watch returns the time on the stopwatch.
func (w *sweeper) watch() time.Duration { return time.Since(w.began) }

// kept notes that a record was written which is to be kept for some time.
func (w *sweeper) kept(sequence uint64, keep time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.watch()
	w.clock.apart = min(w.clock.apart, keep/momentsAKeep)
	w.clock.mark(sequence, now)
	if due := now + min(keep, sweepAnyway); due < w.due {
		w.due = due
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// sweepOn sweeps whenever it is time, until the store is closed. The first sweep
// comes once the store has been open for so long that it costs little beside.
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
		wait := max(w.due, free) - w.watch()
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
		began := w.watch()
		if err := s.sweep(s.ctx); err != nil && s.ctx.Err() == nil {
			s.options.Logger.Warn("old records are not forgotten", zap.Error(err))
		}
		free = w.watch() + max(sweepPause, sweepShare*(w.watch()-began))
	}
}

// sweep deletes what is old enough now.
func (s *Store) sweep(ctx context.Context) error {
	w := s.sweeper
	w.sweeping.Lock()
	defer w.sweeping.Unlock()
	w.mu.Lock()
	w.due = w.watch() + sweepAnyway
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
			w.due = min(w.due, w.watch()+left)
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

// left returns how long a record is still to be kept.
func (w *sweeper) left(r submit.Record) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return r.Keep - w.clock.age(r.Revision, w.watch(), w.now())
}

// readClock dates what the bucket has up to a sequence, and learns how others did.
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
			kept.Readings = nil // it begins anew: all is taken for younger
		}
	case !errors.Is(err, submit.ErrNotFound):
		return err
	}
	w := s.sweeper
	w.mu.Lock()
	w.clock.mark(sequence, w.watch())
	w.clock.hear(kept.Readings, w.watch())
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
		err = nil // another store has just read its own
	}
	return err
}

// headers calls found with each record up to a sequence that is done and not to be
// kept for ever, without its value.
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
