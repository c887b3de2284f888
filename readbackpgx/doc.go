// Package readbackpgx reads back what was written to PostgreSQL: by a transaction on
// the primary, and by reads on standbys that lag.
//
//	flow := readbackpgx.Create("place order", primary, standby,
//		func(ctx context.Context, tx pgx.Tx) (id int64, err error) {
//			err = tx.QueryRow(ctx, "INSERT INTO orders (item) VALUES ($1) RETURNING id", item).Scan(&id)
//			return id, err
//		},
//		func(ctx context.Context, tx pgx.Tx, id int64) (*Order, error) {
//			return getOrder(ctx, tx, id)
//		})
//	res, err := consistency.Do(ctx, policy, flow)
//
// # Writes
//
// An error before COMMIT is sent proves that nothing was carried out: the flow is Failed. An
// answer to COMMIT with the severity ERROR, such as a serialization failure, proves it too;
// Policy.Resend.When may allow another try. FATAL and a lost answer prove nothing. Neither
// does pgconn.SafeToRetry, which before pgx 5.13 is true for statements that were carried
// out.
//
// After a lost answer, the primary is asked for the fate of the transaction, by its id. The
// reference of the write, [Written], keeps that id with the system identifier of the cluster
// and the timeline.
//
//	rolled back      Failed
//	committed        read back, at a position that lies behind the commit
//	in progress      asked again: COMMIT may still arrive
//	not known        Unconfirmed with the reason, unless a MineValue proves the row
//
// It is not known if
//
//   - another timeline answers, such as of a promoted standby, or another cluster: there
//     the id may belong to another transaction;
//   - the id is so old that vacuum has removed its status;
//   - COMMIT was sent with synchronous_commit or fsync off: a committed transaction may be
//     lost in a crash;
//   - the server has crashed, its disk had nothing of the transaction when COMMIT was sent,
//     and the id is committed: after a crash, a server may give such an id to another
//     transaction. (For some minutes, until the next checkpoint, it can be proven that the
//     id was not used before the crash; then the write is known not to be carried out.)
//
// # Reads
//
// A read goes to the server that the pool gives. It counts only if that server is a standby
// that has replayed the write on its timeline, or the primary itself; see [AtLSN]. To see the
// timeline of a standby, the role needs pg_read_all_stats, which is part of pg_monitor;
// nothing here needs a superuser. If a standby receives no log, and its disk does not show
// its timeline, the timeline is not known, and reads are pending.
//
// # Statements of your own
//
// For a Write that you write yourself with pgx, set two things: [Answer] in the policy, which
// says what an error means, and [Tracer] in the configuration of pgx, which counts how often
// something was sent. Such a flow needs a Find of its own for lost answers.
//
// # What cannot be known
//
//   - Only the process that sent a transaction knows it. A flow that resumes in another
//     process, without the reference of an applied write, needs a Find by a key, and a
//     MineValue.
//   - If two standbys of one primary are promoted independently, their timelines have the
//     same number; a copy of the files that is started without a recovery has the old one.
//     Such servers must not be behind one address.
//   - A statement that ends the transaction in which it runs, such as a COMMIT in a text of
//     several statements, is refused where it is seen. A function that uses pgx.Tx.Conn can
//     avoid that check, and must not.
package readbackpgx
