package pgstore

import (
	"context"
	"fmt"
	"hash/fnv"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/readback-go/readback/submit"
)

// Options say where a [Store] keeps its records, and how it finds out about changes. The zero
// value is ready for use. All processes that share a table must set Schema, Table and Notify
// alike.
type Options struct {
	// Schema and Table name the table. Empty means public and readback_records. The
	// search path of a connection does not matter. A name has lower-case letters,
	// digits and underscores; a table's has at most 40 of them. Each kind of Submitter
	// needs a table of its own.
	Schema, Table string

	// Notify makes a transaction with EnqueueTx send a NOTIFY at its commit, so that a
	// Run takes the job at once. Such commits wait for each other, since a NOTIFY
	// locks the whole database until its commit is on the disk, and they cannot be
	// prepared for a two-phase commit. False means that each Run polls.
	Notify bool

	// NoListen is for poolers through which LISTEN does not work. Then all changes
	// are found by polling.
	NoListen bool

	// Poll is how often a Run looks for jobs that transactions have recorded, and how
	// often a Watch looks if LISTEN does not work. One look costs the server some
	// 50 µs if there is nothing new; if looks take long, they are made less often.
	// Zero means 50 ms; with Notify, where polling only makes up for lost notices,
	// 500 ms.
	Poll time.Duration

	// NoSync accepts a server that acknowledges a commit before its disk has it: with
	// synchronous_commit or fsync off, a crash of the server may lose records, and
	// then a job may be sent twice.
	NoSync bool

	// Ended is called with each outcome, in the transaction that records it: what Ended
	// writes by tx exists if and only if the outcome is recorded. [submit.ResultOf]
	// decodes r. If Ended returns an error or panics, or the commit fails, the outcome is recorded
	// later, and Ended is called again. It is also called again for a job that ended
	// Unconfirmed and was read back once more. Ended must be quick, since other changes
	// share the transaction, and must neither commit nor roll back. Nil means no calls.
	Ended func(ctx context.Context, tx pgx.Tx, r submit.Record) error

	// Logger gets an entry when the connection that listens is lost or comes back, and
	// when old outcomes cannot be deleted. Nil means silence.
	Logger *zap.Logger
}

const (
	defaultSchema = "public"
	defaultTable  = "readback_records"
	defaultPoll   = 50 * time.Millisecond
	notifyPoll    = 500 * time.Millisecond
)

var (
	schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)
	tableName  = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,39}$`)
)

func (o Options) withDefaults() Options {
	if o.Schema == "" {
		o.Schema = defaultSchema
	}
	if o.Table == "" {
		o.Table = defaultTable
	}
	switch {
	case o.Poll != 0:
	case o.Notify && !o.NoListen:
		o.Poll = notifyPoll
	default:
		o.Poll = defaultPoll
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	return o
}

func (o Options) validate() error {
	switch {
	case o.Schema != "" && !schemaName.MatchString(o.Schema):
		return fmt.Errorf("pgstore: a schema cannot be named %q: lower case letters, digits and underscores, 63 at most", o.Schema)
	case o.Table != "" && !tableName.MatchString(o.Table):
		return fmt.Errorf("pgstore: a table cannot be named %q: lower case letters, digits and underscores, 40 at most", o.Table)
	case o.Poll < 0:
		return fmt.Errorf("pgstore: Options.Poll is negative: %v", o.Poll)
	case o.Poll > 0 && o.Poll < time.Millisecond:
		return fmt.Errorf("pgstore: Options.Poll is shorter than a millisecond: %v", o.Poll)
	}
	return nil
}

// sql fills in the names of the table and of what belongs to it.
func (o Options) sql(text string) string {
	name := func(suffix string) string { return pgx.Identifier{o.Table + suffix}.Sanitize() }
	return strings.NewReplacer(
		"{table}", o.table(),
		"{lock}", fmt.Sprint(o.lock()),
		"{revisions}", pgx.Identifier{o.Schema, o.Table + "_revisions"}.Sanitize(),
		"{pending}", name("_pending"), "{fresh}", name("_fresh"), "{forget}", name("_forget"), "{ended}", name("_ended"), "{labels}", name("_labels"), "{states}", name("_states"),
	).Replace(text)
}

func (o Options) table() string { return pgx.Identifier{o.Schema, o.Table}.Sanitize() }

// channel is the channel of the table's notices. A hash keeps the name short enough.
func (o Options) channel() string { return fmt.Sprintf("readback_%016x", o.hash()) }

// lock is the number of the advisory lock that each transaction holds that draws a revision.
// It is positive.
func (o Options) lock() uint64 { return o.hash() >> 1 }

func (o Options) hash() uint64 {
	sum := fnv.New64a()
	sum.Write([]byte(o.table()))
	return sum.Sum64()
}
