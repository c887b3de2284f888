package submit

import (
	"context"
	"iter"
	"sync"
	"time"
)

// An Inbox is a [Store] into which jobs come without a Submitter: in a transaction
// of the caller's, beside the caller's own data. While Run runs, it takes them in
// as they come. Package pgstore is one.
type Inbox interface {
	Store

	// Arrivals yields each record of a [Draft] that is as it was recorded, in any
	// order, and goes on with those that come until ctx ends. It yields a record
	// again, after a while, as long as nobody has changed it. An error is yielded
	// once, with a zero Record, and ends it. The body of the loop may call the
	// Store.
	Arrivals(ctx context.Context) iter.Seq2[Record, error]
}

// Draft is a job that was checked and is not recorded yet. Make it with
// [Submitter.Draft]; an [Inbox] records it.
type Draft struct {
	record Record
	fits   func(*jobRecord) error
}

// Draft returns a job for a store to record in a transaction of the caller's. It
// records nothing, and asks nobody; of ctx it takes what Policy.Tracer reads from
// it, so that the job's trace begins at the caller. The error is the one that Submit
// would have for bad input, and matches [consistency.ErrInvalid].
func (s *Submitter[J, W, R]) Draft(ctx context.Context, key string, job J) (Draft, error) {
	ctx = context.WithoutCancel(ctx) // nothing waits
	in, err := s.call(ctx, key, job)
	if err != nil {
		return Draft{}, err
	}
	rec := jobRecord{State: unborn.after(enqueues), Holder: outbox, Intent: time.Unix(0, in.at).UTC(), Print: in.print, Trace: in.trace}
	rec.setPayload(in.data, s.options.JobVersion)
	return Draft{
		Record{Kind: KindJob, Key: key, Value: encode(&rec), Label: rec.State.String()},
		func(found *jobRecord) error { return in.fits(ctx, found) },
	}, nil
}

// outbox holds the jobs that nobody has taken in yet. No lease has this name, so
// that a Run or a Submit that finds such a job takes it over as that of a holder
// who is gone.
const outbox = "outbox"

// Record returns what is to be recorded. It is zero for a zero Draft.
func (d Draft) Record() Record { return d.record }

// Joins reports whether the job that was found under the key is the same, pending or
// ended, so that there is nothing to record. It is not if the key is free again: then
// what was found is to be replaced. The error is [ErrKeyReused] if the key is that of
// another job, or says that the record cannot be read by this version.
func (d Draft) Joins(found Record) (bool, error) {
	rec, err := decode(found.Value)
	if err != nil || rec.free() {
		return false, err
	}
	err = d.fits(&rec)
	return err == nil, err
}

// ResultOf returns what the record of a job says: for a store that tells of outcomes,
// such as in the transaction that records one. W is the reference of the job's flow.
func ResultOf[W any](r Record) (Result[W], error) {
	rec, err := decode(r.Value)
	if err != nil {
		return Result[W]{}, err
	}
	return resultOf[W](&rec)
}

// receive begins to take in jobs, and reports whether it need not be called again.
func (t *term[J, W, R]) receive() bool {
	inbox, ok := t.options.Store.(Inbox)
	return !ok || t.running() && t.spawn(func() { t.receiving(inbox) })
}

// receiving takes in what comes to the inbox until the term ends.
func (t *term[J, W, R]) receiving(inbox Inbox) {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	slots := make(chan struct{}, t.options.Workers)
	var alone leftAlone
	for {
		for r, err := range inbox.Arrivals(t.ctx) {
			if err != nil {
				if t.ctx.Err() == nil {
					t.noted(err)
				}
				break
			}
			if t.ctx.Err() != nil {
				break
			}
			if held, _ := t.has(r.Key); held || !t.running() || alone.has(r.Key) {
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
			slots <- struct{}{}
			tasks.Go(func() {
				defer func() { <-slots }() // also if the program ends this goroutine
				switch j, got := t.claim(r, rec); got {
				case made:
					t.place(j, 0)
				case needless:
					alone.add(r.Key)
				case unknown:
					t.look() // it may be this term's without being here
				}
			})
		}
		if !sleep(t.ctx, t.pause()) {
			return
		}
	}
}

// leftAlone remembers for a while what came and cannot be taken in, for it comes
// again and again.
type leftAlone struct {
	mu    sync.Mutex
	keys  map[string]struct{}
	since time.Time
}

// leaveAlone is the while.
const leaveAlone = time.Minute

func (l *leftAlone) has(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.keys) > 0 && time.Since(l.since) > leaveAlone {
		clear(l.keys)
	}
	_, ok := l.keys[key]
	return ok
}

func (l *leftAlone) add(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.keys) == 0 {
		l.keys, l.since = make(map[string]struct{}), time.Now()
	}
	l.keys[key] = struct{}{}
}
