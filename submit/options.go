package submit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"go.uber.org/zap"

	"github.com/readback-go/readback/consistency"
)

// Options make a [Submitter] of jobs J, whose writes return a reference W, and
// whose reads return an R. J and W are stored as JSON: no secret belongs in
// them. All functions must be safe for concurrent use.
type Options[J, W, R any] struct {
	// Store keeps the jobs. It is required.
	Store Store

	// Flow returns the write of a job and how to read it back. It is required. It is
	// called for every step of the job, in any process; it must return the same flow
	// for the same job, and have no side effects.
	//
	// The key is the job's: the write carries it, see [SetKey], and Find looks for it.
	// Without a Find, a job that a crash made ambiguous stays Unconfirmed. The
	// functions of the flow do not get the context of Submit, nor its values. A Write
	// that submits its own job, with its own context, gets an error at once.
	Flow func(key string, job J) consistency.Flow[W, R]

	// Policy says how to read back. Its Observer is called from many
	// goroutines.
	Policy consistency.Policy

	// Resubmit says whether a write may be sent again after a crash. The zero
	// value says that it may not.
	Resubmit Resubmit

	// Workers is how many writes are under way at the same time, including those of
	// Submit; and as many reads besides. A Write, Read or Ended that waits for another
	// job keeps its own place meanwhile. Zero means 64.
	Workers int

	// Lease is how long a process may show no sign of life before others take over
	// its jobs; they notice within another two thirds of it. It must be the same in
	// all processes, and at least 1 s. Zero means 15 s.
	Lease time.Duration

	// Keep is how long an outcome is kept for those who submit the same key
	// again. Afterwards the key is a new job. Zero means 7 days; Forever means
	// that the store grows.
	Keep time.Duration

	// KeepUnconfirmed is Keep for outcomes that are Unconfirmed. Zero means four
	// times Keep.
	KeepUnconfirmed time.Duration

	// KeepPayload is the greatest size, in bytes of JSON, of a payload that is kept
	// with its outcome. A kept payload tells whether somebody who submits the key
	// again means the same job. The payload of an Unconfirmed job is kept whatever
	// its size, since the job may be read again. Zero means 16 KiB. Negative means that
	// no payload is kept with an outcome: then fingerprints are compared, and a job
	// counts as another one once the type of jobs has changed.
	KeepPayload int

	// Same says whether two jobs that were submitted with one key are the same:
	// then the second joins the first. First may have been made by an earlier
	// version of the program. Nil means that they are the same if this program
	// encodes both as the same JSON: a field that is new and zero, or that was
	// removed, changes nothing.
	Same func(first, again J) bool

	// JobVersion is the version of J. Each job is stored with it, and a process leaves
	// jobs of a greater version alone. So it does with jobs of no greater one that have
	// fields which J lacks, and lack fields that J has: one is likely to have another
	// name now. A new version, and Lift, say what became of it. (A field that is left
	// out where it is empty is not seen to be lacking.) At most 65535.
	JobVersion int

	// Lift decodes a job that was stored with a lower version. Nil means that its JSON
	// is decoded as J. The stored record does not change.
	Lift func(version int, job []byte) (J, error)

	// Ended is called with each outcome that this process has recorded, also by
	// [Submitter.Cancel], before the callers of Submit get it. A crash may lose calls;
	// [Submitter.Feed] loses none. Ended is called by many goroutines, and should not
	// take long. It may call the Submitter, also for the same job. Nil means no calls.
	Ended func(key string, job J, res Result[W])

	// GiveUpAfter is how long after its intent a job may be tried again if all its
	// tries were provably not carried out: nothing was sent, the answer was 429, or
	// Policy.Resend.When says that the reason of a refusal will pass. The waits between
	// tries are those of Policy.Schedule, and at least a Retry-After. After that time the
	// job is Failed with [ErrGaveUp], and its key is free unless the last try was refused
	// otherwise than by a 429. Every job is tried once, however late; a nanosecond means
	// once only. Zero means a day.
	GiveUpAfter time.Duration

	// ReadsPerSecond limits how many reads of one origin begin in a second. Zero
	// means no limit. A job whose turn comes after its deadline is still read once,
	// before it ends.
	ReadsPerSecond float64

	// WritesPerSecond limits how many writes to one origin begin in a second.
	// Zero means no limit.
	WritesPerSecond float64

	// Origin names what the reads and writes of a job load, such as a host. Nil means
	// that all jobs have the same origin.
	Origin func(job J) string

	// ReadMany reads many jobs of a group at once, such as one page of a list. It
	// returns a function that shows a single one: false if the list lacks it, which
	// counts as a 404. One call counts as one read. Jobs that are due soon after each
	// other wait and are read together: soon is within the time that the last call
	// took, or within a tenth of the age of the first job, at most a second.
	//
	// If a call panics, or ignores the end of its context, its jobs are read one by one.
	//
	// Nil means that all jobs are read one by one. So are, in any case, jobs whose
	// reference is not known or whose operation is still monitored, and deletions,
	// since absence from a list does not prove that a thing is gone.
	ReadMany func(ctx context.Context, group string, refs []W) (show func(W) (R, bool), err error)

	// Group says which jobs of an origin are read together. Jobs with an empty group
	// are read one by one. Nil means that all are one group.
	Group func(job J) string
}

// settings are Options without their types: a job is an any that holds a J.
type settings struct {
	Store                           Store
	Policy                          consistency.Policy
	Resubmit                        Resubmit
	Workers                         int
	Lease, Keep, KeepUnconfirmed    time.Duration
	KeepPayload, JobVersion         int
	GiveUpAfter                     time.Duration
	ReadsPerSecond, WritesPerSecond float64

	decode func(data []byte) (job any, err error)
	flow   func(key string, job any) flow

	// Nil if the Options have none.
	Lift          func(version int, data []byte) (any, error)
	Same          func(first, again any) bool
	Ended         func(key string, job any, m *details)
	Origin, Group func(job any) string
	newList       func() list
}

// Resubmit says whether a write that was being sent when its process died may be sent
// again, with the same idempotency key. It is sent again once after each crash, if the
// first look that is answered does not show the write, or if no look is answered in time.
type Resubmit struct {
	// KeyHonouredFor is how long the service remembers a key. No write is sent again
	// later than this after it was first sent, by the clock of the machine. Subtract
	// the difference between the clocks of your machines, and the longest time that a
	// write is under way. Zero means that no write is sent again.
	KeyHonouredFor time.Duration
}

// Forever as Options.Keep means that outcomes are never forgotten.
const Forever time.Duration = math.MaxInt64

const (
	defaultWorkers = 64
	defaultLease   = 15 * time.Second
	minLease       = time.Second
	defaultKeep    = 7 * 24 * time.Hour
	defaultGiveUp  = 24 * time.Hour
	defaultPayload = 16 << 10
	unconfirmedFor = 4 // times Keep
)

func (o *settings) fillIn() {
	if o.Workers == 0 {
		o.Workers = defaultWorkers
	}
	if o.Lease == 0 {
		o.Lease = defaultLease
	}
	if o.Keep == 0 {
		o.Keep = defaultKeep
	}
	if o.KeepUnconfirmed == 0 {
		o.KeepUnconfirmed = Forever
		if o.Keep < Forever/unconfirmedFor {
			o.KeepUnconfirmed = unconfirmedFor * o.Keep
		}
	}
	if o.KeepPayload == 0 {
		o.KeepPayload = defaultPayload
	}
	if o.GiveUpAfter == 0 {
		o.GiveUpAfter = defaultGiveUp
	}
	if o.Policy.Logger == nil {
		o.Policy.Logger = zap.NewNop()
	}
	o.Policy.Schedule = compact(o.Policy.Schedule)
}

// keepFor returns how long an outcome is kept, as Record.Keep: zero means for ever.
func (o *settings) keepFor(outcome consistency.Outcome) time.Duration {
	keep := o.Keep
	if outcome == consistency.Unconfirmed {
		keep = o.KeepUnconfirmed
	}
	if keep == Forever {
		return 0
	}
	return keep
}

// keeps reports whether a payload is kept with an outcome.
func (o *settings) keeps(outcome consistency.Outcome, bytes int) bool {
	return o.KeepPayload > 0 && (bytes <= o.KeepPayload || outcome == consistency.Unconfirmed)
}

func (o *settings) validate() error {
	switch {
	case o.Store == nil:
		return errors.New("submit: Options.Store is missing")
	case o.flow == nil:
		return errors.New("submit: Options.Flow is missing")
	case o.Workers < 0:
		return fmt.Errorf("submit: Options.Workers is negative: %d", o.Workers)
	case o.Lease != 0 && o.Lease < minLease:
		return fmt.Errorf("submit: Options.Lease is shorter than %v: %v", minLease, o.Lease)
	case o.Keep < 0:
		return fmt.Errorf("submit: Options.Keep is negative: %v", o.Keep)
	case o.KeepUnconfirmed < 0:
		return fmt.Errorf("submit: Options.KeepUnconfirmed is negative: %v", o.KeepUnconfirmed)
	case o.JobVersion < 0 || o.JobVersion > math.MaxUint16:
		return fmt.Errorf("submit: Options.JobVersion is negative or greater than %d: %d", math.MaxUint16, o.JobVersion)
	case o.Lift != nil && o.JobVersion == 0:
		return errors.New("submit: Options.Lift needs Options.JobVersion greater than 0")
	case o.GiveUpAfter < 0:
		return fmt.Errorf("submit: Options.GiveUpAfter is negative: %v", o.GiveUpAfter)
	case !(o.WritesPerSecond >= 0):
		return fmt.Errorf("submit: Options.WritesPerSecond is negative or not a number: %v", o.WritesPerSecond)
	case !(o.ReadsPerSecond >= 0):
		return fmt.Errorf("submit: Options.ReadsPerSecond is negative or not a number: %v", o.ReadsPerSecond)
	case o.Resubmit.KeyHonouredFor < 0:
		return fmt.Errorf("submit: Options.Resubmit.KeyHonouredFor is negative: %v", o.Resubmit.KeyHonouredFor)
	case o.Group != nil && o.newList == nil:
		return errors.New("submit: Options.Group needs Options.ReadMany")
	}
	if err := o.Policy.Validate(); err != nil {
		return fmt.Errorf("submit: Options.Policy: %w", err)
	}
	return nil
}
