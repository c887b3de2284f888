package pgstore

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// statements are the SQL statements of a store, with its names filled in.
type statements struct {
	change                         [remove + 1]string
	get, list, fresh, sweep, watch string
	enqueue, enqueueTell, found    string
	replace, replaceTell           string
	prepare, last, open            string
	pending, ended                 string // records in the order of their revisions
	waiting, labelled              string // the same, for one label
}

// alive selects the records whose time is not over. Others count as deleted.
const alive = `(NOT done OR forget IS NULL OR forget > clock_timestamp())`

// columns are the columns that the function record scans.
const columns = `kind, key, revision, done, keep, label, value`

// announce takes a lock, shared until the end of the transaction, which says that the
// transaction may draw a revision.
const announce = `pg_advisory_xact_lock_shared({lock})`

// Pieces of statements.
const (
	drawnRevision = `CASE WHEN ` + announce + `::text IS NOT NULL THEN nextval('{revisions}') END`
	// The sequence makes revisions grow. In a copy of the database it may be behind
	// the records, so a revision is also greater than the one before.
	nextRevision  = `greatest(nextval('{revisions}'), revision + 1)`
	changedValues = `$3::boolean, false, $4::bigint, clock_timestamp(), ` + forget + `, $5::bytea, $6::text`
	insertInto    = `INSERT INTO {table} AS t (kind, key, revision, done, fresh, keep, changed, forget, value, label)`
	insertQueued  = insertInto + ` VALUES (1, $1, ` + drawnRevision + `, false, true, 0, clock_timestamp(), NULL, $2::bytea, $3::text)
			ON CONFLICT (kind, key) DO NOTHING RETURNING revision, `
	updateQueued = `UPDATE {table} SET (revision, done, fresh, keep, changed, forget, value, label) =
			(greatest(` + drawnRevision + `, revision + 1), false, true, 0, clock_timestamp(), NULL, $2::bytea, $3::text)
			WHERE kind = 1 AND key = $1::text AND revision = $%d::bigint RETURNING revision, `
)

func newStatements(o Options) statements {
	s := statements{
		// A record whose time is over is replaced.
		change: [...]string{
			create: insertInto + ` VALUES ($1, $2, nextval('{revisions}'), ` + changedValues + `)
				ON CONFLICT (kind, key) DO UPDATE SET (revision, done, fresh, keep, changed, forget, value, label) = (` + strings.ReplaceAll(nextRevision, "revision +", "t.revision +") + `, ` + changedValues + `)
				WHERE t.done AND t.forget <= clock_timestamp() RETURNING revision`,
			update: `UPDATE {table} SET (revision, done, fresh, keep, changed, forget, value, label) = (` + nextRevision + `, ` + changedValues + `)
				WHERE kind = $1::smallint AND key = $2::text AND revision = $7::bigint AND ` + alive + ` RETURNING revision`,
			remove: `DELETE FROM {table} WHERE kind = $1::smallint AND key = $2::text AND revision = $3::bigint AND ` + alive + ` RETURNING revision`,
		},
		// There is always one row: it says whether the server is a standby, which may
		// be behind, also if there is no such record.
		get: `SELECT pg_is_in_recovery(), t.revision, t.done, t.keep, t.label, t.value FROM (SELECT 1) one
			LEFT JOIN {table} t ON t.kind = $1 AND t.key = $2 AND ` + alive,
		list:  `SELECT ` + columns + ` FROM {table} WHERE kind = $1 AND NOT done AND key > $2 ORDER BY key LIMIT $3`,
		fresh: `SELECT ` + columns + ` FROM {table} WHERE fresh AND key > $1 ORDER BY key LIMIT $2`,
		watch: `SELECT w.n FROM unnest($1::smallint[], $2::text[], $3::bigint[]) WITH ORDINALITY AS w (kind, key, revision, n)
			LEFT JOIN {table} t ON t.kind = w.kind AND t.key = w.key AND ` + alive + `
			WHERE t.revision IS DISTINCT FROM w.revision`,
		sweep: `WITH old AS (SELECT kind, key, revision FROM {table} WHERE done AND forget <= clock_timestamp()
				ORDER BY forget LIMIT $1 FOR UPDATE SKIP LOCKED)
			DELETE FROM {table} t USING old WHERE t.kind = old.kind AND t.key = old.key AND t.revision = old.revision`,
		enqueue:     insertQueued + `''`,
		enqueueTell: insertQueued + `pg_notify($4, '')::text`,
		found:       `SELECT revision, done, keep, value, ` + alive + ` FROM {table} WHERE kind = 1 AND key = $1`,
		replace:     fmt.Sprintf(updateQueued, 4) + `''`,
		replaceTell: fmt.Sprintf(updateQueued, 5) + `pg_notify($4, '')::text`,
	}
	// open finds the transactions that hold the lock of announce.
	s.prepare = `SELECT set_config('lock_timeout', $1, true), ` + announce
	s.last = `SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {revisions}`
	s.open = `SELECT virtualtransaction FROM pg_locks WHERE locktype = 'advisory' AND granted AND mode = 'ShareLock'
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND (classid::bigint << 32 | objid::bigint) = {lock} AND objsubid = 1`
	part := `(SELECT ` + columns + ` FROM {table} WHERE kind = $1::smallint AND revision > $2 AND revision <= $3 AND `
	s.pending = part + `NOT done ORDER BY revision LIMIT $4)`
	s.waiting = part + `NOT done AND label = $%d ORDER BY revision LIMIT $4)`
	s.ended = part + `done AND ` + alive + ` ORDER BY revision LIMIT $4)`
	s.labelled = part + `done AND label = $%d AND ` + alive + ` ORDER BY revision LIMIT $4)`
	for _, text := range []*string{
		&s.prepare, &s.last, &s.open, &s.pending, &s.ended, &s.waiting, &s.labelled,
		&s.change[create], &s.change[update], &s.change[remove], &s.get, &s.list, &s.fresh, &s.sweep, &s.watch,
		&s.enqueue, &s.enqueueTell, &s.found, &s.replace, &s.replaceTell,
	} {
		*text = o.sql(*text)
	}
	return s
}

// forget is the time when a done record with a Keep of $4 nanoseconds may be deleted, rounded
// up to microseconds, as the server has them.
const forget = `CASE WHEN $3::boolean AND $4::bigint > 0 THEN clock_timestamp() + (($4::bigint - 1) / 1000 + 1) * interval '1 microsecond' END`

// queue adds the statement of a change.
func (s *Store) queue(b *pgx.Batch, c *change) {
	r := &c.r
	switch value := notNil(r.Value); c.what {
	case create:
		b.Queue(s.sql.change[create], int16(r.Kind), r.Key, r.Done, int64(r.Keep), value, r.Label)
	case update:
		b.Queue(s.sql.change[update], int16(r.Kind), r.Key, r.Done, int64(r.Keep), value, r.Label, int64(r.Revision))
	case remove:
		b.Queue(s.sql.change[remove], int16(r.Kind), r.Key, int64(r.Revision))
	}
}

// notNil returns an empty value for nil, which would be stored as NULL.
func notNil(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}
