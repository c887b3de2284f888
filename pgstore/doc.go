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
// Nobody sees the job before the commit. Soon after it some Run has it, in
// whatever process: within [Options.Poll], or at once with [Options.Notify]. If the
// answer to the commit is lost, the job and the data still go together; to do it
// again with the same key is harmless.
//
// # One key, one record
//
// A record changes by the revision alone, in one statement. Changes that are made
// at the same time by one process share a transaction, and the wait for the disk.
// Only the clock of the server says when an outcome has been kept for long enough.
//
// Pending jobs are found by an index that holds them alone, so that the number of
// outcomes that are kept slows nothing down. A transaction that stays open for
// hours, anywhere in the database, keeps vacuum from tidying that index, as it does
// everywhere.
//
// # Rights
//
// No superuser is needed. Whoever calls [Migrate] makes the table and owns it; a role
// that only uses it needs USAGE on the schema, USAGE and SELECT on the sequence, whose
// name is the table's and _revisions, and SELECT, INSERT, UPDATE and DELETE on the
// table.
//
// # What a fault may cost
//
// What was acknowledged is durable as far as the server's commits are: [Open]
// refuses a server that acknowledges before its disk has it (synchronous_commit or
// fsync is off), since a job whose record was lost could be sent twice. With
// asynchronous replication, a failover may lose what was acknowledged last; with
// synchronous_commit = remote_write or on, and a synchronous standby, it does not.
// Reads go to the primary: a pool that hands out standbys is refused, at Open and
// at every read.
//
// # Poolers
//
// Behind a pooler that gives each transaction another connection, such as PgBouncer
// in transaction mode, nobody can LISTEN: set [Options.NoListen]. Older ones know no
// prepared statements either: set default_query_exec_mode=exec in the connection
// string.
package pgstore
