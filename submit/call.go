package submit

import (
	"context"
	"errors"

	"github.com/readback-go/readback/internal/pause"
)

// call is one call of Submit, Enqueue or Draft.
type call struct {
	s      *engine
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
func (s *engine) newCall(ctx context.Context, key string, data []byte) (*call, error) {
	if ctx.Err() != nil {
		return nil, waiting(ctx, "", nil)
	}
	in := &call{s: s, key: key, data: data, print: fingerprint(string(data)), intent: s.newIntent()}
	if tracer := s.options.Policy.Tracer; tracer != nil {
		in.trace = tracer.Handle(ctx)
	}
	return in, nil
}

func (in *call) newJob() *job {
	j := newJob(in.key, in.data, in.intent)
	j.version, j.details, j.revision = uint16(in.s.options.JobVersion), newDetails(), in.freed
	j.handle = j.handle.WithTrace(in.trace)
	return j
}

// pause waits a little before the store is asked again.
func (in *call) pause(ctx context.Context, t *term, err error) {
	if ctx.Err() != nil {
		return
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		in.trouble = t.noteStoreResult(err)
	}
	pause.For(ctx, t.pause()/10)
}

// name returns the name of the flow; empty if Options.Flow panics.
func (in *call) name() string {
	name, _ := safely("Options.Flow", func() (string, error) {
		payload, err := in.s.options.decode(in.data)
		if err != nil {
			return "", err
		}
		return in.s.options.flow(in.key, payload).name(), nil
	})
	return name
}

// unfinished is the error of a call whose ctx has ended. It is never Failed, even
// if the store was never reached: the key may be that of a job that was sent
// before. What the store said of this job comes before what it said of others.
func (in *call) unfinished(ctx context.Context) error {
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
func (in *call) isOwn(rec *jobRecord) bool { return rec.Intent.UnixNano() == in.intent }
