package submit

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/readback-go/readback/internal/pause"
)

// An Inbox is a [Store] that takes jobs without a Submitter: in a transaction of the
// caller, together with the caller's own data. A Run takes these jobs over as they come.
// Package pgstore has one.
type Inbox interface {
	Store

	// Arrivals yields each record of a [Draft] that nobody has changed yet, in any
	// order, and goes on with new ones until ctx ends. It yields a record again, after
	// a while, as long as nobody has changed it. An error is yielded once, with a zero
	// Record, and ends the loop. The body of the loop may call the Store.
	Arrivals(ctx context.Context) iter.Seq2[Record, error]
}

// Draft is a job that was checked but is not recorded yet. Make it with
// [Submitter.Draft]; an [Inbox] records it.
type Draft struct {
	record  Record
	matches func(*jobRecord) error
}

// Draft returns a job for an [Inbox] to record in a transaction of the caller. It checks
// the job, records nothing and does not ask the store. Only Policy.Tracer reads ctx, so
// that the trace of the job begins at the caller; the end of ctx changes nothing. The
// error is the one that Submit has for bad input, and matches [consistency.ErrInvalid].
func (s *Submitter[J, W, R]) Draft(ctx context.Context, key string, job J) (Draft, error) {
	ctx = context.WithoutCancel(ctx) // nothing waits
	in, err := s.call(ctx, key, job)
	if err != nil {
		return Draft{}, err
	}
	rec := jobRecord{State: unborn.after(enqueues), Holder: outbox, Intent: time.Unix(0, in.intent).UTC(), Print: in.print, Trace: in.trace}
	rec.setPayload(in.data, s.options.JobVersion)
	return Draft{
		Record{Kind: KindJob, Key: key, Value: encode(&rec), Label: rec.State.String()},
		func(found *jobRecord) error { return in.matchesRecord(ctx, found) },
	}, nil
}

// outbox is the holder of jobs that no Run has taken yet. No lease has this name, so a
// Run or a Submit that finds such a job takes it over as from a holder that is gone.
const outbox = "outbox"

// Record returns the record to store. It is zero for a zero Draft.
func (d Draft) Record() Record { return d.record }

// Joins compares a draft with the record that a store has found under its key. True means
// that it is the same job, pending or ended, and there is nothing to record. False with a
// nil error means that the key is free again: the draft replaces the record. The error
// matches [ErrKeyReused] if the record is of another job, and [ErrUnreadable] if this
// version cannot read it.
func (d Draft) Joins(found Record) (bool, error) {
	rec, err := decode(found.Value)
	if err != nil || rec.free() {
		return false, err
	}
	err = d.matches(&rec)
	return err == nil, err
}

// ResultOf returns the result that the record of a job holds; its Outcome is zero if the
// job is pending. It is for a store that acts on outcomes, such as in the transaction that
// records one. W is the type of the flow's reference. The error matches [ErrUnreadable] if
// the record cannot be read.
func ResultOf[W any](r Record) (Result[W], error) {
	rec, err := decode(r.Value)
	if err != nil {
		return Result[W]{}, err
	}
	return resultIn[W](&rec)
}

// receive begins to take jobs from an inbox. It returns false if it must be called again,
// since no Run runs yet.
func (t *term) receive() bool {
	inbox, ok := t.options.Store.(Inbox)
	return !ok || t.running() && t.spawn(func() { t.receiving(inbox) })
}

// receiving takes the jobs that come to the inbox until the term ends.
func (t *term) receiving(inbox Inbox) {
	var alone ignoredKeys
	for {
		for r, err := range inbox.Arrivals(t.ctx) {
			if err != nil {
				if t.ctx.Err() == nil {
					t.noteStoreResult(err)
				}
				break
			}
			if t.ctx.Err() != nil {
				break
			}
			if held, _ := t.holdsKey(r.Key); held || !t.running() || alone.has(r.Key) {
				continue
			}
			rec, err := decode(r.Value)
			if err != nil {
				t.warn("a job must be left alone", keyField(r.Key), errorField(err))
				alone.add(r.Key)
				continue
			}
			if rec.State != queued { // it was set aside
				continue
			}
			t.crew.take(r.Key, func() {
				switch j, got, _ := t.claim(r, rec); got {
				case made:
					t.place(j, 0)
				case needless:
					alone.add(r.Key)
				case unknown:
					t.wakeWatching() // the store may have made it this term's job
				}
			}, func() {})
		}
		if !pause.For(t.ctx, t.pause()) {
			return
		}
	}
}

// ignoredKeys remembers for a while which jobs cannot be taken: the inbox yields them
// again and again.
type ignoredKeys struct {
	mu    sync.Mutex
	keys  map[string]struct{}
	since time.Time
}

// ignoreFor is how long they are remembered.
const ignoreFor = time.Minute

func (l *ignoredKeys) has(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.keys) > 0 && time.Since(l.since) > ignoreFor {
		clear(l.keys)
	}
	_, ok := l.keys[key]
	return ok
}

func (l *ignoredKeys) add(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.keys) == 0 {
		l.keys, l.since = make(map[string]struct{}), time.Now()
	}
	l.keys[key] = struct{}{}
}
