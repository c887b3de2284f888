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
	// Store keeps the jobs. It is needed.
	Store Store

	// Flow returns the write of a job and how to read it back; it is needed.
	// It is called for every step of the job, in any process, and returns the
	// same flow for the same job, without doing anything.
	//
	// The key is that of the job: the write carries it, see [SetKey], and Find
	// looks for it. A flow without a Find leaves unconfirmed what a crash made
	// ambiguous. The contexts that its functions get are not that of Submit, and
	// have no values of it.
	Flow func(key string, job J) consistency.Flow[W, R]

	// Policy says how to read back. Its Observer is called from many
	// goroutines.
	Policy consistency.Policy

	// Resubmit says whether a write may be sent again after a crash. The zero
	// value says that it may not.
	Resubmit Resubmit

	// Workers is how many writes are under way at the same time, those of Submit
	// included, and how many reads beside them. Zero means 64.
	Workers int

	// Lease is how long after the last sign of life of a process others take
	// over its jobs; that is noticed within another two thirds of it. The same
	// in all processes. Zero means 15 s, and it is at least 1 s.
	Lease time.Duration

	// Keep is how long an outcome is kept for those who submit the same key
	// again. Afterwards the key is a new job. Zero means 7 days; Forever means
	// that the store grows.
	Keep time.Duration

	// KeepUnconfirmed is Keep for outcomes that are Unconfirmed. Zero means four
	// times as long.
	KeepUnconfirmed time.Duration

	// KeepPayload is up to how many bytes as JSON the payload of a job is kept
	// with its outcome, to tell whether somebody who submits the key again means
	// the same job; of one that is Unconfirmed any is, since it may be read
	// again. Zero means 16 KiB; negative means that no payload is kept with an
	// outcome, and fingerprints are compared, which is too strict once the type
	// of jobs has changed.
	KeepPayload int

	// Same says whether two jobs that were submitted with one key are the same:
	// then the second joins the first. First may have been made by an earlier
	// version of the program. Nil means that both are the same JSON, encoded as
	// this program does: a field that is new and zero, or that is no longer
	// there, changes nothing.
	Same func(first, again J) bool

	// JobVersion is that of J, which each job is stored with. A process leaves
	// alone the jobs of a greater one. At most 65535.
	JobVersion int

	// Lift reads a job that was stored with a lower version. Nil means that the
	// JSON is read as it is. What is stored stays as it is.
	Lift func(version int, job []byte) (J, error)

	// Ended is told of each outcome that this process has recorded, before those
	// who wait for it: see [Submitter.Feed] for one that no crash can lose. It
	// is called by many goroutines, and should not take long. Nil is silence.
	Ended func(key string, job J, res Result[W])

	// GiveUpAfter is how long after its intent a job is tried again whose tries
	// are all proven not to have been carried out: nothing was sent, or it was
	// answered with 429. The waits are those of Policy.Schedule, and no shorter
	// than a Retry-After. Then it is Failed, with [ErrGaveUp], and its key is
	// free. Every job is tried once, however late; a nanosecond means once only.
	// Zero means a day.
	GiveUpAfter time.Duration

	// ReadsPerSecond limits how many reads of one origin begin in a second. Zero
	// means no limit. A job whose turn comes after its time was up is still
	// read once, so that it is late rather than unread.
	ReadsPerSecond float64

	// WritesPerSecond limits how many writes to one origin begin in a second.
	// Zero means no limit.
	WritesPerSecond float64

	// Origin says what a job's reads and writes burden, such as a host. Nil means
	// that all burden the same.
	Origin func(job J) string

	// ReadMany reads many jobs of a group at once, such as one page of a list,
	// and returns what shows a single one: false if the list lacks it, which
	// is as good as a 404. It counts as one read. What is due within the time
	// that the last one took, or within a tenth of the age of a job and a second,
	// waits for one another. Nil means that all are read
	// one by one, as are those whose reference is not known, whose operation is
	// still followed, and those to delete something, since that a list lacks it
	// proves nothing.
	ReadMany func(ctx context.Context, group string, refs []W) (show func(W) (R, bool), err error)

	// Group says which jobs of an origin are read together. An empty group is
	// read one by one. Nil means that all are one group.
	Group func(job J) string
}

// Resubmit says whether a write that was being sent when its process died may be
// sent again, with the same idempotency key. It is, once after each crash, if
// the first look that is answered does not show the write, or none is in time.
type Resubmit struct {
	// KeyHonouredFor is how long the service remembers a key: no write is sent
	// again later than this after it was first sent, by the clock of the
	// machine. Leave room for the difference between the clocks of machines,
	// and for how long a write is under way. Zero means that none is sent
	// again.
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

func (o *Options[J, W, R]) fillIn() {
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

// keepFor returns how long an outcome is kept, as records say it.
func (o *Options[J, W, R]) keepFor(outcome consistency.Outcome) time.Duration {
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
func (o *Options[J, W, R]) keeps(outcome consistency.Outcome, bytes int) bool {
	return o.KeepPayload > 0 && (bytes <= o.KeepPayload || outcome == consistency.Unconfirmed)
}

func (o *Options[J, W, R]) validate() error {
	switch {
	case o.Store == nil:
		return errors.New("submit: Options.Store is missing")
	case o.Flow == nil:
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
		return errors.New("submit: Options.Lift without a JobVersion")
	case o.GiveUpAfter < 0:
		return fmt.Errorf("submit: Options.GiveUpAfter is negative: %v", o.GiveUpAfter)
	case !(o.WritesPerSecond >= 0):
		return fmt.Errorf("submit: Options.WritesPerSecond is negative or not a number: %v", o.WritesPerSecond)
	case !(o.ReadsPerSecond >= 0):
		return fmt.Errorf("submit: Options.ReadsPerSecond is negative or not a number: %v", o.ReadsPerSecond)
	case o.Resubmit.KeyHonouredFor < 0:
		return fmt.Errorf("submit: Options.Resubmit.KeyHonouredFor is negative: %v", o.Resubmit.KeyHonouredFor)
	case o.Group != nil && o.ReadMany == nil:
		return errors.New("submit: Options.Group without a ReadMany")
	}
	if err := o.Policy.Validate(); err != nil {
		return fmt.Errorf("submit: Options.Policy: %w", err)
	}
	return nil
}
