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

	// Payload is the job that was submitted. It is zero if the record no longer has
	// it, or if this program cannot read it: then Unreadable says why.
	Payload J

	// Result has the outcome, the reference, the handle and the error.
	Result[W]

	// Steps are the known steps of the job, in the order of time.
	Steps []Step

	// Tries counts the tries that were provably not carried out, and Tried says why
	// the last of them was not.
	Tries int
	Tried string

	// Panic and Stack are of a job that is set aside.
	Panic, Stack string

	// Free says that the key may be used for another job. Forgotten says that
	// [Submitter.Forget] was called for this one.
	Free, Forgotten bool

	// Holder is the process that holds the job, or did last.
	Holder string

	// Revision is the revision of the record. A Feed goes on after it, and Cancel,
	// Retry and Forget take it to make sure that the job has not changed.
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

// Filter selects jobs. Its zero value selects all.
type Filter struct {
	States    []State               // jobs in one of these states; empty means any state
	Outcomes  []consistency.Outcome // ended jobs with one of these outcomes; empty means any
	KeyPrefix string                // jobs whose key begins with this

	// OlderThan and NewerThan bound the time since the intent, by the clock of
	// this machine. Zero means no bound.
	OlderThan, NewerThan time.Duration

	// After is the Cursor of the last job of the page before. Empty means the first page.
	After string

	// Limit is the greatest number of jobs. Zero means no limit.
	Limit int
}

// validate refuses what no job can be: it would be asked of a store, and found nowhere.
func (f *Filter) validate() error {
	for _, s := range f.States {
		if !slices.Contains([]State{Queued, Sending, Answered, Ended, SetAside}, s) {
			return invalid("Filter.States has no state %q", s)
		}
	}
	for _, o := range f.Outcomes {
		if o != consistency.Confirmed && o != consistency.Unconfirmed && o != consistency.Failed {
			return invalid("Filter.Outcomes has an outcome that is none: %d", o)
		}
	}
	if f.Limit < 0 {
		return invalid("Filter.Limit is negative: %d", f.Limit)
	}
	return nil
}

// labels returns the labels of the records that may fit; none means all.
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

// position is the place of a job in the order of Jobs: the newest intent first.
type position struct {
	intent int64
	key    string
}

func (s position) cursor() string { return strconv.FormatInt(s.intent, 10) + " " + s.key }

func (s position) compare(other position) int {
	return cmp.Or(cmp.Compare(other.intent, s.intent), cmp.Compare(s.key, other.key))
}

func parseCursor(cursor string) (s position, err error) {
	intent, key, _ := strings.Cut(cursor, " ")
	s.key = key
	if s.intent, err = strconv.ParseInt(intent, 10, 64); err != nil {
		return s, invalid("Filter.After is not the Cursor of a Job: %q", cursor)
	}
	return s, nil
}

// Jobs yields the jobs that fit a filter, pending and ended, the newest intent first.
// Each is read when it is yielded. A job that changes meanwhile is neither yielded twice
// nor left out for that, also from page to page. A record that cannot be read is yielded
// if its key fits and the filter names no state or outcome.
//
// An error is yielded once, with a zero Job, and ends the loop. It matches
// errors.ErrUnsupported if the filter may select ended jobs and the Store is not a
// [Journal].
func (s *Submitter[J, W, R]) Jobs(ctx context.Context, f Filter) iter.Seq2[Job[J, W], error] {
	return func(yield func(Job[J, W], error) bool) {
		found, err := s.positions(ctx, f)
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
			if rec != nil && at.intent != 0 && at.intent != rec.Intent.UnixNano() {
				continue // another job has taken the key: it has its own place, or is newer than the list
			}
			if job.Cursor = at.cursor(); !yield(job, nil) {
				return
			}
			n++
		}
	}
}

// positions returns the positions of the jobs that fit a filter, in order.
func (s *engine) positions(ctx context.Context, f Filter) (found []position, err error) {
	if err := f.validate(); err != nil {
		return nil, err
	}
	var after position
	if f.After != "" {
		if after, err = parseCursor(f.After); err != nil {
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
		at := position{key: r.Key}
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
	slices.SortFunc(found, position.compare)
	return slices.Compact(found), nil
}

// view returns a record as a Job. The jobRecord is nil if the record cannot be read.
func (s *Submitter[J, W, R]) view(r Record) (job Job[J, W], _ *jobRecord) {
	job.Key, job.Revision = r.Key, r.Revision
	rec, err := decode(r.Value)
	if err != nil {
		job.Unreadable = err
		return job, nil
	}
	job.State, job.Holder, job.Tries, job.Tried = State(rec.State.String()), rec.Holder, rec.Tries, rec.Tried
	job.Result, _ = resultIn[W](&rec)
	job.Steps = rec.steps()
	if rec.Broken != nil {
		job.Panic, job.Stack = rec.Broken.Panic, rec.Broken.Stack
	}
	if rec.End != nil {
		job.Free, job.Forgotten = rec.End.Free, rec.End.Forgotten
	}
	if data, version := rec.payload(); len(data) > 0 {
		var payload any
		payload, job.Unreadable = s.options.readStored(data, version)
		job.Payload = as[J](payload)
	}
	return job, &rec
}

// steps returns the steps of the job that its record names.
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

// Feed yields jobs that have ended, in the order in which their ends were recorded. It
// begins after the revision that is given, zero being the beginning, and waits for more
// until ctx ends. A caller that stores the Revision of the last job that it has handled,
// and goes on from there after a crash, misses no job. It may see a job more than once,
// also because a job that ended Unconfirmed can end again.
//
// A job that is forgotten before it was yielded, or whose free key another job has taken, is
// left out. An error, also that of ctx, is yielded once, with a zero Job, and ends the loop.
// It matches errors.ErrUnsupported if the Store is not a [Journal], and [ErrAhead] if the
// Store has not reached the revision: after an older copy of a store was restored, begin at
// zero. That is not noticed once the copy has gone beyond that revision.
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
			job.Cursor = position{rec.Intent.UnixNano(), r.Key}.cursor()
			if !yield(job, nil) {
				return
			}
		}
	}
}
