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
// records are kept in an existing cluster, on three of its servers unless
// Options.Replicas says otherwise. Everything else is the same.
//
// # One key, one record
//
// The records are the entries of a key-value bucket, one for each kind and key. A change
// names the revision that it replaces; the server refuses it if the record has another.
// Reads go to the leader of the bucket. A bucket that a client makes in the usual way
// allows direct reads from any replica, which may be stale. Open makes a bucket without
// direct reads, and refuses one that allows them.
//
// A list reads many records at once, from any server. It reads up to a mark that the leader
// wrote after the call began, so that it is not stale either.
//
// A list also reads the outcomes that are kept, which takes some 10 µs each. With a folder,
// a list notes in the bucket up to where all jobs are done, and later lists begin there: so
// outcomes slow down only the first list, unless an older job is still pending. There is no
// such note in a cluster, where a server that lacks records would hide them from lists by
// other servers, nor with NoSync, since a loss of power might lose changes from before the
// note.
//
// # What a fault may cost
//
// A leader that is cut off from the others, or was paused, may answer reads with stale
// records for some seconds, until it notices. It changes nothing in that time: a change
// that is based on such a read is refused by its revision.
//
// When Open starts a server in the process, it finds out whether the folder lacks a record
// that was acknowledged. Then Open returns [ErrDamaged], also each later time, and says how
// many records are missing. It knows that from a ledger beside the server's files, which
// gets an entry after each change. Two losses are not noticed: with NoSync, the last
// changes before a loss of power; and records whose entries in the ledger were lost by
// the same fault, which can be those of the last seconds before a loss of power.
//
// A copy of the folder may be restored that was made while no store had it open; one that was
// made of an open store may count as damaged. It knows nothing of what happened since: a Run
// sends what was queued then, also what was sent since. Cancel that before.
//
// An acknowledged change is on the disk of the one server, or in the log of most replicas.
// A cluster whose servers do not sync each write can lose it if most of them lose power at
// once: set sync_interval to always on them. Without that, a single fault loses nothing, but
// two at once may.
//
// No outcome is forgotten too early because the clock was wrong in one start of a store. An
// outcome is forgotten when its time is over by a stopwatch within one process, or by the
// clocks of two starts after it was written and of two starts now. So it may be kept up to
// twice as long as asked for if a store is seldom opened anew, and longer if it is opened
// for less than a second each time.
//
// The versions of server and client are pinned by this module's go.mod.
package natsstore
