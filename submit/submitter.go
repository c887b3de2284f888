package submit

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/readback-go/readback/consistency"
)

// Submitter submits jobs once. Make it with [New]; all its methods may be called
// concurrently.
type Submitter[J, W, R any] struct {
	options Options[J, W, R]
	stats   stats
	stamped atomic.Int64 // the last intent

	mu      sync.Mutex
	users   int // calls under way that need a term
	runs    int // those of them that are Run
	term    *term[J, W, R]
	trouble error // of the last call of the store, if that told nothing
}

// New returns a Submitter, or an error that says what is wrong with opts. It
// does not ask the store.
func New[J, W, R any](opts Options[J, W, R]) (*Submitter[J, W, R], error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	opts.fillIn()
	return &Submitter[J, W, R]{options: opts}, nil
}

// Run works on jobs until ctx ends: it sends those that [Submitter.Enqueue]
// recorded, goes on with those whose Submit gave up waiting, and takes over
// those of processes that died, as soon as their lease is over, and those that
// were left behind. It outlasts any trouble with the store.
//
// When ctx has ended, Run begins nothing more, waits up to 5 s for the writes
// that are under way, and returns once nothing is. The jobs that are left are
// free for others at once; if the store does not answer, which takes up to 4 s
// more, once the lease is over.
func (s *Submitter[J, W, R]) Run(ctx context.Context) {
	s.enter(1)
	<-ctx.Done()
	s.leave(1, writeGrace)
}

// writeGrace is how long writes may go on after the end of Run: to cut one short
// makes it ambiguous.
const writeGrace = 5 * time.Second

// Submit sends job once and returns its outcome. The error is nil only if that
// is Confirmed, and an [*consistency.Error] otherwise.
//
// First the intent is recorded, then the write is sent, its answer recorded,
// and read back; the outcome is returned once it is recorded. All this goes on
// while Run does if ctx ends before: then the outcome is Unconfirmed, and the
// error matches that of ctx. Without a Run that goes on, the end of ctx cuts
// short what is under way, which takes up to 4 s if the store does not answer,
// and whoever runs next goes on with the job.
//
// A key that was submitted before, by any process, joins that job: Submit waits
// for its outcome and sends nothing. If its process died, it is taken over, and
// if it ended Unconfirmed, it is read back once more. If the key was another
// job's, whose JSON is not the same, the outcome is Failed with [ErrKeyReused].
// Bad input is Failed with [consistency.ErrInvalid], and a job for which the store
// has no room with [ErrTooLarge].
//
// Key has 1 to 255 bytes, each a printable character of ASCII or a space. It is
// the idempotency key of the write, and shows in logs and in the store. Job has
// up to 256 KiB as JSON.
func (s *Submitter[J, W, R]) Submit(ctx context.Context, key string, job J) (Result[W], error) {
	in, err := s.call(ctx, key, job)
	if err != nil {
		return failed[W](err)
	}
	s.enter(0)
	defer s.leave(0, 0)
	return in.submit(ctx, nil)
}

// Enqueue records job to be sent by Run, here or in another process, and returns
// nil once that is durable. It sends nothing itself. If the key was submitted
// before, there is nothing to do. The error is an [*consistency.Error]: Failed,
// with the causes that Submit has, or Unconfirmed if ctx ends before.
//
// While Run runs, this process keeps the job; otherwise one that does takes it
// over.
func (s *Submitter[J, W, R]) Enqueue(ctx context.Context, key string, job J) error {
	in, err := s.call(ctx, key, job)
	if err != nil {
		return err
	}
	s.enter(0)
	defer s.leave(0, 0)
	return in.enqueue(ctx, nil)
}

// Lookup returns what the store knows of the job with that key. The error says
// that it could not be had, and matches [ErrNotFound] if there is none: it was
// never submitted, or its outcome is forgotten. If only the reference cannot be
// read, it is the Err of the result.
func (s *Submitter[J, W, R]) Lookup(ctx context.Context, key string) (res Result[W], err error) {
	if err := checkKey(key); err != nil {
		return res, err
	}
	found, err := s.options.Store.Get(ctx, KindJob, key)
	if err != nil {
		return res, err
	}
	rec, err := decode(found.Value)
	if err != nil {
		return res, err
	}
	return resultOf[W](&rec)
}

// stamp returns the time of an intent, in nanoseconds. No two are the same: by them
// and the holder a term knows its own changes.
func (s *Submitter[J, W, R]) stamp() int64 {
	for {
		last := s.stamped.Load()
		now := max(time.Now().UnixNano(), last+1)
		if s.stamped.CompareAndSwap(last, now) {
			return now
		}
	}
}

func failed[W any](err error) (Result[W], error) {
	return Result[W]{Outcome: consistency.OutcomeOf(err), Err: err}, err
}

// noted remembers that the store is in trouble, or is no longer, and returns
// err.
func (s *Submitter[J, W, R]) noted(err error) error {
	trouble := err
	if errors.Is(err, ErrExists) || errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrTooLarge) {
		trouble = nil
	}
	s.mu.Lock()
	before := s.trouble
	s.trouble = trouble
	s.mu.Unlock()
	switch {
	case trouble != nil && before == nil:
		s.warn("the store fails", errorField(trouble))
	case trouble == nil && before != nil:
		s.info("the store answers again")
	}
	return err
}

func (s *Submitter[J, W, R]) troubled() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble
}
