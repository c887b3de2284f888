// Package natsstore keeps the jobs of package submit in NATS JetStream: in a
// server within the process, or in a cluster that many processes share.
//
//	store, err := natsstore.Open(ctx, natsstore.Options{Dir: "/var/lib/orders"})
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//
// With a folder, a nats-server runs in the process. It has no listening socket,
// writes to the folder, and waits for the disk at each change. With a URL the
// records lie in an existing cluster, on three of its servers unless told
// otherwise. All else is the same.
//
// # One key, one record
//
// The records are the entries of a key-value bucket, one for each kind and key,
// and change by the revision alone: the server refuses a change that expects
// another one. Reads go to the leader of the bucket. A client that makes a bucket
// in the usual way allows reads from any replica, which may be behind; Open makes
// it otherwise, and refuses one that was made so.
//
// A list reads many records at once from any server. It is read up to a mark that
// the leader wrote after the call began, so that it is not behind either.
//
// It reads the outcomes that are kept too: some 10 µs each. With a folder, a list of
// jobs begins behind those that an earlier one saw done, without a gap from the
// first, as is noted in the bucket: then they slow down the first list alone, unless
// a job older than they is pending. Not so in a cluster, where a server that lacks
// something must not hide it from those that have it, and with NoSync, since a loss
// of power might take changes from before the note.
//
// # What a fault may cost
//
// A leader that was cut off from the others, or paused, may answer reads with what
// it had until it notices, for some seconds. It changes nothing meanwhile: what was
// decided by such a read is refused by revision.
//
// A server in the process finds out when it starts whether the folder lacks
// something that was acknowledged: then Open returns [ErrDamaged], again and again,
// and says how many records are missing. It knows by a ledger beside the server's
// files, which has an entry for each change and is written behind it. With NoSync,
// what came last may be missing without a word; and what a loss of power took of the
// ledger, some seconds as a rule, is not missed if the same fault took the records.
//
// A change that was acknowledged is on the disk of the one server, or in the log
// of most replicas. A cluster whose servers do not sync each write can lose it
// if most of them lose power at once: set sync_interval to always on them. Treat
// what lies in a cluster as something that may be forgotten by a double fault,
// and never by a single one.
//
// A clock that is wrong in one start of a store costs no outcome. An outcome is
// forgotten once it was kept for long enough by the time that passed in one process,
// or by the clocks of two starts after it was written and of two starts by now. So it
// may be kept for up to twice as long as was asked for where a store is seldom
// opened anew, and longer where it is opened for less than a second each time.
//
// The versions of server and client are pinned by this module's go.mod.
package natsstore
