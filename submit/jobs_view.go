package submit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
)

// State is how far a job is, as its record says.
type State string

// The states, see the documentation of the package.
const (
	Queued   State = "queued"
	Sending  State = "sending" // or it was when its process died
	Answered State = "answered"
	Ended    State = "ended"
	SetAside State = "aside"
)

// Job is what the store knows of a job.
type Job[J, W any] struct {
	Key   string
	State State

	// Payload is zero if the record does not have it any more, or has one that
	// this program cannot read.
	Payload J

	// Result has the outcome, the reference, the handle and the error.
	Result[W]

	// Steps are what is known of the job's course, in order.
	Steps []Step

	// Tries are those that are proven not to have been carried out, and Tried is
	// why the last of them was not.
	Tries int
	Tried string

	// Panic and Stack are of a job that is set aside.
	Panic, Stack string

	// Free says that the key may be used for another job, Forgotten that an
	// operator has asked to forget this one.
	Free, Forgotten bool

	// Holder is the process that holds the job, or did last.
	Holder string

	// Revision is that of the record. It is the cursor of a Feed, and tells
	// Cancel, Retry and Forget at what state the caller saw the job.
	Revision uint64

	// Cursor is where Jobs can go on after this one.
	Cursor string

	// Unreadable says why the record or its payload cannot be read; nil if they
	// can. It matches [ErrUnreadable].
	Unreadable error
}

// Step is one step of a job.
type Step struct {
	At   time.Time
	What string
}

// Filter says which jobs are wanted. Its zero value says all.
type Filter struct {
	States    []State               // one of these; none is any
	Outcomes  []consistency.Outcome // one of these, of jobs that ended; none is any
	KeyPrefix string                // of the key

	// OlderThan and NewerThan are of the time since the intent, by the clock of
	// this machine. Zero is no bound.
	OlderThan, NewerThan time.Duration

	// After is the cursor of the last job of an earlier page.
	After string

	// Limit is how many are wanted. Zero is no limit.
	Limit int
}

// labels returns those of the records that may fit; none is all.
func (f *Filter) labels() (labels []string) {
	for _, s := range f.states() {
		if s != Ended {
			labels = append(labels, string(s))
			continue
		}
		outcomes := f.Outcomes
		if len(outcomes) == 0 {
			outcomes = []consistency.Outcome{consistency.Confirmed, consistency.Unconfirmed, consistency.Failed}
		}
		for _, o := range outcomes {
			labels = append(labels, o.String())
		}
	}
	return labels
}

func (f *Filter) states() []State {
	if len(f.States) == 0 && len(f.Outcomes) > 0 {
		return []State{Ended}
	}
	return f.States
}

func (f *Filter) ended() bool { return len(f.states()) == 0 || slices.Contains(f.states(), Ended) }

func (f *Filter) fits(key string, rec *jobRecord, now time.Time) bool {
	age := now.Sub(rec.Intent)
	states := f.states()
	return strings.HasPrefix(key, f.KeyPrefix) &&
		(len(states) == 0 || slices.Contains(states, State(rec.State.String()))) &&
		(len(f.Outcomes) == 0 || rec.End != nil && slices.Contains(f.Outcomes, rec.End.outcome())) &&
		(f.OlderThan == 0 || age > f.OlderThan) && (f.NewerThan == 0 || age < f.NewerThan)
}

// spot is where a job stands in the order of Jobs.
type spot struct {
	intent int64
	key    string
}

func (s spot) cursor() string { return strconv.FormatInt(s.intent, 10) + " " + s.key }

func (s spot) compare(other spot) int {
	return cmp.Or(cmp.Compare(other.intent, s.intent), cmp.Compare(s.key, other.key))
}

func spotOf(cursor string) (s spot, err error) {
	intent, key, _ := strings.Cut(cursor, " ")
	s.key = key
	if s.intent, err = strconv.ParseInt(intent, 10, 64); err != nil {
		return s, invalid("Filter.After is no cursor: %q", cursor)
	}
	return s, nil
}

// Jobs yields the jobs that fit a filter, pending and ended, the newest intent first.
// Each is as it stands when it is yielded, and none is yielded twice or passed over
// for its changes, also from page to page. A record that cannot be read is yielded if
// its key fits and no state or outcome is asked for.
//
// Ended jobs need a Store that is a [Journal]; of another, the error matches
// errors.ErrUnsupported unless the filter asks for pending states. An error is
// yielded once, with a zero Job, and ends the loop.
func (s *Submitter[J, W, R]) Jobs(ctx context.Context, f Filter) iter.Seq2[Job[J, W], error] {
	return func(yield func(Job[J, W], error) bool) {
		found, err := s.spots(ctx, f)
		if err != nil {
			yield(Job[J, W]{}, err)
			return
		}
		n := 0
		for _, at := range found {
			if f.Limit > 0 && n == f.Limit {
				return
			}
			r, err := s.options.Store.Get(ctx, KindJob, at.key)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				yield(Job[J, W]{}, err)
				return
			}
			job, rec := s.view(r)
			if rec != nil && !f.fits(at.key, rec, time.Now()) {
				continue
			}
			if job.Cursor = at.cursor(); !yield(job, nil) {
				return
			}
			n++
		}
	}
}

// spots returns where the jobs stand that fit a filter, in order.
func (s *Submitter[J, W, R]) spots(ctx context.Context, f Filter) (found []spot, err error) {
	var after spot
	if f.After != "" {
		if after, err = spotOf(f.After); err != nil {
			return nil, err
		}
	}
	journal, ok := s.options.Store.(Journal)
	var records iter.Seq2[Record, error]
	switch {
	case ok:
		records = journal.Since(ctx, KindJob, 0, f.labels(), false)
	case f.ended():
		return nil, fmt.Errorf("submit: the store cannot list jobs that have ended: %w", errors.ErrUnsupported)
	default:
		records = s.options.Store.List(ctx, KindJob)
	}
	now := time.Now()
	for r, err := range records {
		if err != nil {
			return nil, err
		}
		rec, err := decode(r.Value)
		at := spot{key: r.Key}
		switch {
		case err != nil && (len(f.states()) > 0 || !strings.HasPrefix(r.Key, f.KeyPrefix)),
			err == nil && !f.fits(r.Key, &rec, now):
			continue
		case err == nil:
			at.intent = rec.Intent.UnixNano()
		}
		if f.After == "" || after.compare(at) < 0 {
			found = append(found, at)
		}
	}
	slices.SortFunc(found, spot.compare)
	return slices.Compact(found), nil
}

// view returns what a record says; no jobRecord if it cannot be read.
func (s *Submitter[J, W, R]) view(r Record) (job Job[J, W], _ *jobRecord) {
	job.Key, job.Revision = r.Key, r.Revision
	rec, err := decode(r.Value)
	if err != nil {
		job.Unreadable = err
		return job, nil
	}
	job.State, job.Holder, job.Tries, job.Tried = State(rec.State.String()), rec.Holder, rec.Tries, rec.Tried
	job.Result, _ = resultOf[W](&rec)
	job.Steps = rec.steps()
	if rec.Broken != nil {
		job.Panic, job.Stack = rec.Broken.Panic, rec.Broken.Stack
	}
	if rec.End != nil {
		job.Free, job.Forgotten = rec.End.Free, rec.End.Forgotten
	}
	if data, version := rec.payload(); len(data) > 0 {
		job.Payload, job.Unreadable = s.options.read(data, version)
	}
	return job, &rec
}

// steps returns what a record tells of the course of its job.
func (rec *jobRecord) steps() []Step {
	steps := []Step{{rec.Intent, "recorded"}}
	if !rec.Sent.IsZero() {
		what := "sent"
		if rec.Tries > 0 {
			what = fmt.Sprintf("sent, after %d tries that were not carried out", rec.Tries)
		}
		steps = append(steps, Step{rec.Sent, what})
	}
	if rec.Broken != nil {
		steps = append(steps, Step{rec.Broken.At, "set aside, when it was " + rec.Broken.Was.String()})
	}
	if rec.End != nil {
		steps = append(steps, Step{rec.End.At, rec.End.outcome().String()})
	}
	return steps
}

// Feed yields jobs that have ended, in the order in which that was recorded, from
// after the revision of the job that was yielded last on; zero is the beginning. It
// waits for more until ctx ends. Whoever keeps the revision of the last job that it
// has dealt with misses none, whatever dies, and may see one more than once: also
// since a job that ended Unconfirmed can end again.
//
// What is forgotten before it was yielded is not. It needs a Store that is a
// [Journal]. An error, also that of ctx, is yielded once, with a zero Job.
func (s *Submitter[J, W, R]) Feed(ctx context.Context, after uint64) iter.Seq2[Job[J, W], error] {
	return func(yield func(Job[J, W], error) bool) {
		journal, ok := s.options.Store.(Journal)
		if !ok {
			yield(Job[J, W]{}, fmt.Errorf("submit: the store has no feed: %w", errors.ErrUnsupported))
			return
		}
		f := Filter{States: []State{Ended}}
		for r, err := range journal.Since(ctx, KindJob, after, f.labels(), true) {
			if err != nil {
				yield(Job[J, W]{}, err)
				return
			}
			job, rec := s.view(r)
			if rec == nil || rec.State != ended || job.Forgotten {
				continue
			}
			job.Cursor = spot{rec.Intent.UnixNano(), r.Key}.cursor()
			if !yield(job, nil) {
				return
			}
		}
	}
}
