// Package pgstore keeps the jobs of package submit in a table of PostgreSQL, and
// records a job in the transaction of the data that it belongs to.
//
//	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
//	...
//	err = pgstore.Migrate(ctx, pool, pgstore.Options{})
//	...
//	store, err := pgstore.Open(ctx, pool, pgstore.Options{})
//	...
//	defer store.Close()
//
// # A job in your own transaction
//
// [Store.EnqueueTx] records a job in a transaction of pgx, [Store.EnqueueSQL] in
// one of database/sql: the job exists if and only if that commits.
//
//	job, err := jobs.Draft(ctx, "order-42", order) // jobs is a submit.Submitter on the store
//	...
//	tx, err := pool.Begin(ctx)
//	...
//	_, err = tx.Exec(ctx, "INSERT INTO orders ...")
//	...
//	err = store.EnqueueTx(ctx, tx, job)
//	...
//	err = tx.Commit(ctx)
//
// Nobody sees the job before the commit. Soon after the commit a Run takes it, in any
// process: within [Options.Poll], or at once with [Options.Notify]. If the answer to the
// commit is lost, either both the job and the data exist or neither does; to enqueue again
// with the same key is harmless.
//
// # One key, one record
//
// A record changes by one statement that names the revision which it replaces. Changes that
// one process makes at the same time share a transaction, and so the wait for the disk. The
// clock of the server alone decides when an outcome has been kept for long enough.
//
// Pending jobs have an index of their own, so that outcomes that are kept do not slow them
// down. A transaction that stays open for hours, anywhere in the database, prevents vacuum
// from cleaning that index, like any other.
//
// # Rights
//
// No superuser is needed. The role that calls [Migrate] creates the table and owns it. A role
// that only uses the store needs USAGE on the schema, USAGE and SELECT on the sequence (named
// like the table, with the suffix _revisions), and SELECT, INSERT, UPDATE and DELETE on the
// table.
//
// # What a fault may cost
//
// An acknowledged change is as durable as a commit of the server. [Open] refuses a server
// that acknowledges before its disk has the change (synchronous_commit or fsync is off),
// since a job whose record was lost could be sent twice. With asynchronous replication, a
// failover may lose the last acknowledged changes; with a synchronous standby and
// synchronous_commit = remote_write or on, it does not. Reads must go to the primary: Open
// and every read return an error if the pool leads to a standby.
//
// # Poolers
//
// LISTEN does not work behind a pooler that may give each transaction another connection,
// such as PgBouncer in transaction mode: set [Options.NoListen]. Older poolers do not support
// prepared statements either: set default_query_exec_mode=exec in the connection string.
package pgstore
