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
type Submitter[J, W, R any] struct{ engine }

// engine is a Submitter without its types.
type engine struct {
	options    settings
	stats      stats
	lastIntent atomic.Int64 // the last intent

	mu       sync.Mutex
	users    int // calls under way that need a term
	runs     int // how many of them are Run
	term     *term
	storeErr error // of the last call of the store, if it failed
}

// New returns a Submitter, or an error that says what is wrong with opts. It
// does not ask the store.
func New[J, W, R any](opts Options[J, W, R]) (*Submitter[J, W, R], error) {
	s := &Submitter[J, W, R]{engine{options: settingsOf(opts)}}
	if err := s.options.validate(); err != nil {
		return nil, err
	}
	s.options.fillIn()
	return s, nil
}

// Run works on jobs until ctx ends. It sends jobs that [Submitter.Enqueue] recorded, goes on
// with jobs whose Submit no longer waits, takes over the jobs of processes that died, once
// their lease is over, and takes over jobs that were left behind. If the store fails, Run
// goes on when the store answers again.
//
// When ctx has ended, Run begins nothing more, waits up to 5 s for writes under way, and
// returns once nothing is under way. The jobs that are left are free for others at once.
// If the store does not answer, Run returns up to 4 s later, and the jobs are free once
// the lease is over.
func (s *engine) Run(ctx context.Context) {
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
// Submit records the intent, sends the write, records its answer, reads back, records the
// outcome, and then returns it. If ctx ends first, the outcome is Unconfirmed, and the
// error matches the error of ctx. If a Run runs in this Submitter, it goes on with the
// job. If none does, the end of ctx cuts short what is under way (which takes up to 4 s if
// the store does not answer), and the next Run goes on with the job.
//
// A key that was submitted before, by any process, joins that job: Submit waits for its
// outcome and sends nothing. If the process of that job died, the job is taken over; if it
// ended Unconfirmed, it is read back once more. If the key was used for another job, with
// different JSON, the outcome is Failed with [ErrKeyReused]. Bad input is Failed with
// [consistency.ErrInvalid], and a job for which the store has no room with [ErrTooLarge].
//
// Key has 1 to 255 bytes, each a printable ASCII character or a space. It is the
// idempotency key of the write, and appears in logs and in the store. Job has up to
// 256 KiB of JSON.
func (s *Submitter[J, W, R]) Submit(ctx context.Context, key string, job J) (Result[W], error) {
	in, err := s.call(ctx, key, job)
	if err != nil {
		return failed[W](err)
	}
	defer s.use(ctx)()
	m, err := in.submit(ctx, nil)
	if err != nil {
		return failed[W](err)
	}
	return resultOf[W](m)
}

// call begins a call for a job, and records nothing.
func (s *Submitter[J, W, R]) call(ctx context.Context, key string, job J) (*call, error) {
	if err := checkKey(key); err != nil {
		return nil, refusal(ctx, "", err)
	}
	data, err := encodeJob(job)
	if err != nil {
		return nil, refusal(ctx, "", err)
	}
	return s.newCall(ctx, key, data)
}

// Enqueue records job to be sent by a Run, here or in another process, and returns nil once
// that is durable. It sends nothing itself. If the same job was submitted before, it
// returns nil and does nothing. The error is an [*consistency.Error]: Failed, with the
// causes that Submit has, or Unconfirmed if ctx ends first.
//
// If a Run runs in this Submitter, this process keeps the job; otherwise a process with a
// Run takes it over.
func (s *Submitter[J, W, R]) Enqueue(ctx context.Context, key string, job J) error {
	in, err := s.call(ctx, key, job)
	if err != nil {
		return err
	}
	defer s.use(ctx)()
	return in.enqueue(ctx, nil)
}

// Lookup returns the result of the job with that key, pending or ended, and asks only the
// store. The error matches [ErrNotFound] if the job was never submitted, or its outcome is
// forgotten, and [ErrUnreadable] if its record cannot be read. If only the reference
// cannot be read, the error is also the Err of the result.
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
	return resultIn[W](&rec)
}

// newIntent returns the time for a new intent, in nanoseconds. No two are the same, since a
// term recognises its own changes by the holder and the intent.
func (s *engine) newIntent() int64 {
	for {
		last := s.lastIntent.Load()
		now := max(time.Now().UnixNano(), last+1)
		if s.lastIntent.CompareAndSwap(last, now) {
			return now
		}
	}
}

func failed[W any](err error) (Result[W], error) {
	return Result[W]{Outcome: consistency.OutcomeOf(err), Err: err}, err
}

// noteStoreResult notes the result of a call of the store, and logs when the store begins
// to fail and when it answers again. It returns err.
func (s *engine) noteStoreResult(err error) error {
	trouble := err
	if errors.Is(err, ErrExists) || errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrTooLarge) {
		trouble = nil
	}
	s.mu.Lock()
	before := s.storeErr
	s.storeErr = trouble
	s.mu.Unlock()
	switch {
	case trouble != nil && before == nil:
		s.warn("the store fails", errorField(trouble))
	case trouble == nil && before != nil:
		s.info("the store answers again")
	}
	return err
}

// storeError returns why the last call of the store failed; nil if it did not.
func (s *engine) storeError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.storeErr
}
