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

// Options say where a [Store] keeps its records, and how it hears of changes. The
// zero value is ready for use. All processes that share a table set Schema, Table
// and Notify alike.
type Options struct {
	// Schema and Table name the table. Empty means public and readback_records.
	// They are used as they are, whatever the search path of a connection: lower
	// case letters, digits and underscores; a table's name has 40 at most. A table
	// is for the jobs of one kind of Submitter.
	Schema, Table string

	// Notify has a transaction with EnqueueTx notify at its commit, so that a Run
	// has the job at once. Such commits wait for each other, since a NOTIFY takes
	// a lock of the whole database until its commit is on the disk, and they cannot
	// be prepared for a two-phase commit. False means that each Run polls.
	Notify bool

	// NoListen is for poolers that do not let a client LISTEN: all is heard of by
	// polling.
	NoListen bool

	// Poll is how often a Run looks for jobs that were recorded by transactions,
	// and how often a Watch looks where nobody can LISTEN. One look costs the
	// server some 50 µs while there is nothing. Zero means 50 ms, and with Notify
	// 500 ms, for notices that were lost. Where looks take long they are made less
	// often.
	Poll time.Duration

	// NoSync accepts a server that acknowledges before its disk has what was
	// written: with synchronous_commit or fsync off, a crash of the server may
	// lose records, and a job may be sent twice.
	NoSync bool

	// Ended is called with each outcome, in the transaction that records it: what
	// it writes by tx is there if and only if the outcome is. [submit.ResultOf]
	// reads r. After an error, or a commit that fails, the outcome is recorded
	// later, and Ended called again; so it is for a job that ended Unconfirmed and
	// is read back once more. It must be quick, since other changes share the
	// transaction, and it must neither commit nor roll back. Nil means that nobody
	// wants to know.
	Ended func(ctx context.Context, tx pgx.Tx, r submit.Record) error

	// Logger gets what happens to the connection that listens, and what cannot be
	// tidied. Nil means silence.
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

// channel is where changes of the table are told. Its name fits into what a name
// may have.
func (o Options) channel() string { return fmt.Sprintf("readback_%016x", o.hash()) }

// lock is the number of the lock that all have who draw a revision. It is positive.
func (o Options) lock() uint64 { return o.hash() >> 1 }

func (o Options) hash() uint64 {
	sum := fnv.New64a()
	sum.Write([]byte(o.table()))
	return sum.Sum64()
}
