package submit

import (
	"context"
	"encoding/json"
	"errors"
)

// call is one call of Submit, Enqueue or Draft.
type call[J, W, R any] struct {
	s      *Submitter[J, W, R]
	key    string
	data   []byte
	print  []byte
	intent int64  // of the intent, in nanoseconds
	trace  string // of the caller
	joined bool   // this call has seen the job pending
	known  bool   // the store has the job
	freed  uint64 // the revision of a record of this key that leaves the key free
	held   bool   // Enqueue found that this term holds the job already
	before bool   // the job was, or may have been, recorded before this look at the store

	trouble error // what the store said of this job last, if it was an error
}

// call checks the key and the job. The error is the one that Submit returns.
func (s *Submitter[J, W, R]) call(ctx context.Context, key string, job J) (*call[J, W, R], error) {
	if err := checkKey(key); err != nil {
		return nil, refusal(ctx, "", err)
	}
	data, err := encodeJob(job)
	if err != nil {
		return nil, refusal(ctx, "", err)
	}
	if ctx.Err() != nil {
		return nil, waiting(ctx, "", nil)
	}
	in := &call[J, W, R]{s: s, key: key, data: data, print: fingerprint(string(data)), intent: s.newIntent()}
	if tracer := s.options.Policy.Tracer; tracer != nil {
		in.trace = tracer.Handle(ctx)
	}
	return in, nil
}

func (in *call[J, W, R]) newJob() *job {
	j := newJob(in.key, in.data, in.intent)
	j.version, j.details, j.revision = uint16(in.s.options.JobVersion), newDetails(), in.freed
	j.handle = j.handle.WithTrace(in.trace)
	return j
}

// pause waits a little before the store is asked again.
func (in *call[J, W, R]) pause(ctx context.Context, t *term[J, W, R], err error) {
	if ctx.Err() != nil {
		return
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		in.trouble = t.noteStoreResult(err)
	}
	sleep(ctx, t.pause()/10)
}

// name returns the name of the flow; empty if Options.Flow panics.
func (in *call[J, W, R]) name() string {
	name, _ := safely("Options.Flow", func() (string, error) {
		var payload J
		err := json.Unmarshal(in.data, &payload)
		return in.s.options.Flow(in.key, payload).Name, err
	})
	return name
}

// unfinished is the error of a call whose ctx has ended. It is never Failed, even
// if the store was never reached: the key may be that of a job that was sent
// before. What the store said of this job comes before what it said of others.
func (in *call[J, W, R]) unfinished(ctx context.Context) error {
	why := in.trouble
	if why == nil {
		why = in.s.storeError()
	}
	if why == nil && ctx.Err() == nil {
		why = errLeft
	}
	return waiting(ctx, in.name(), why)
}

// isOwn reports whether a record is of the job that this call has made: it was recorded
// although the store did not say so, and has an outcome of its own.
func (in *call[J, W, R]) isOwn(rec *jobRecord) bool { return rec.Intent.UnixNano() == in.intent }
