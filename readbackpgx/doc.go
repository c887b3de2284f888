// Package readbackpgx reads back what was written to PostgreSQL: by a transaction on
// the primary, and by reads on standbys that lag.
//
//	flow := readbackpgx.Create("place order", primary, standby,
//		func(ctx context.Context, tx pgx.Tx) (id int64, err error) {
//			return id, tx.QueryRow(ctx, "INSERT INTO orders (item) VALUES ($1) RETURNING id", item).Scan(&id)
//		},
//		func(ctx context.Context, tx pgx.Tx, id int64) (*Order, error) {
//			return getOrder(ctx, tx, id)
//		})
//	res, err := consistency.Do(ctx, policy, flow)
//
// # Writes
//
// An error before COMMIT is sent proves that nothing was carried out: the flow is
// Failed. So does an answer to COMMIT of the severity ERROR, such as a serialization
// failure, which Policy.Resend.When may let pass. FATAL, and no answer, prove nothing;
// nor does pgconn.SafeToRetry, which before pgx 5.13 is true of statements that were
// carried out.
//
// Then the primary is asked for the fate of the transaction, by the id that it had.
// The reference of the write, [Written], keeps that id with the system identifier of
// the cluster and the timeline.
//
//	rolled back      Failed
//	committed        read back, at a position that lies behind the commit
//	in progress      asked again: COMMIT may still arrive
//	not known        Unconfirmed with the reason, unless a MineValue proves the row
//
// It is not known if
//
//   - another timeline answers, as of a standby that was promoted, or another cluster:
//     there the id is somebody else's;
//   - the id is so old that vacuum has let go of it;
//   - COMMIT was sent with synchronous_commit or fsync off: what is committed may be
//     lost in a crash;
//   - the server crashed, the disk had nothing of the transaction when COMMIT was sent,
//     and the id is committed: ids of which the disk has nothing are given away again
//     after a crash. That it was given away again is noticed, and proves that the
//     write was not carried out, as long as the checkpoint that ended the crash is the
//     last one, which is for minutes.
//
// # Reads
//
// A read goes to any server that the pool gives, and is taken only if that is a standby
// which has replayed the write on its timeline, or the primary itself, see [AtLSN]. The
// role needs pg_read_all_stats, which is part of pg_monitor, to see the timeline of a
// standby; nothing here needs a superuser. While a standby receives nothing its
// timeline is not known, unless its disk shows it: reads are pending then.
//
// # Statements of your own
//
// A Write that is not made here is told to the flow by two lines: [Answer] in the
// policy, for what an error means, and [Tracer] in the configuration of pgx, for how
// often something was sent. If its answer is lost it needs a Find of its own.
//
// # What cannot be known
//
// A transaction is known to the process that sent it: a flow that resumes in another
// one, without the reference of an applied write, needs a Find by a key, and a
// MineValue. Two standbys of one primary that are promoted by themselves give their
// timelines the same number, and a copy of the files that is started without a
// recovery to a new timeline has the old one: such servers must not stand behind one
// address. A statement that ends the transaction in which it is run, such as a COMMIT
// in a text of several, is refused where it is seen; pgx.Tx.Conn leads around that.
package readbackpgx
