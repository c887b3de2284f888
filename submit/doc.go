// Package submit sends jobs once, whatever happens to the process in between.
//
// A job is one write that must not be lost and not be sent twice. [Submitter]
// records the intent in a [Store] before it sends the write, then records the
// answer, reads back until the read model shows the write, and records the
// outcome. A process may die at any instruction: afterwards each job is known to
// be confirmed, failed or still pending, and another process goes on with it.
//
//	jobs, err := submit.New(submit.Options[Order, string, *Receipt]{
//		Store: store,
//		Flow: func(key string, order Order) consistency.Flow[string, *Receipt] {
//			flow := consistency.Create("create order",
//				func(ctx context.Context) (string, error) { return api.Create(ctx, key, order) },
//				api.Get)
//			flow.Find = func(ctx context.Context) ([]string, error) { return api.Find(ctx, key) }
//			flow.Mine = func(string) bool { return true } // it is found by the key
//			return flow
//		},
//	})
//	go jobs.Run(ctx)
//	res, err := jobs.Submit(ctx, key, order)
//
// # States
//
//	Enqueue          Submit
//	   |               |
//	   v      sent     v    answered, or the answer was lost
//	queued -------> sending ------------------------> answered
//	   ^               |                                  |
//	   |  proven not   |  its holder died: sending, and   |  enough reads,
//	   +-- carried ----+  looked for by its next holder   |  or the time is up
//	       out         |                                  |
//	       refused, or |                                  v
//	       given up    +------------------------------> ended
//	                                                      |
//	aside <-- from any but ended, when code of the        |  Unconfirmed, and submitted again
//	  |       program panics                              |  or retried: answered, or sending
//	  +-- submitted again or retried: where it was        v
//
// Queued: whoever holds the job may send it. Sending: from just before the write on.
// What was sending when its process died is ambiguous: the write may have been
// carried out, may be yet, or may never have been sent. It is looked for by
// Flow.Find, and never sent again, unless [Resubmit] says that the service honours
// its idempotency key. Answered: it is read back. Ended: it has an outcome. The same
// is a table in the code, which holds all that can happen to a job.
//
// A write that is proven not to have been carried out, since nothing was sent or the
// answer was a 429, is tried again for as long as Options.GiveUpAfter says. A panic
// in the program's own code, in Flow, in what that returns, in Origin or Group, sets
// the job aside, with the panic and its stack, and all others go on. A function that
// ignores the end of its context is left behind when the term of its process ends.
//
// The same key submitted again joins the first, in whatever process and at
// whatever time until the outcome is forgotten; see [Submitter.Submit]. What ended
// without having been sent, given up or cancelled, leaves its key free.
//
// # Deploys
//
// Jobs outlive the program that submitted them. Two jobs of one key are compared as
// today's J, so that a new field that is zero changes nothing; Options.Same compares
// otherwise. Options.JobVersion and Options.Lift read what older programs stored. A
// record that this program cannot read is left alone and proves nothing, and what a
// newer one put into a record stays there. A job that does not come back from its own
// JSON as it was is refused.
//
// # Operation
//
// [Submitter.Jobs] lists jobs, also those that have ended; [Submitter.Cancel],
// [Submitter.Retry] and [Submitter.Forget] are for an operator; [Submitter.Feed]
// yields outcomes so that no crash loses one. Jobs of ended states and the feed need
// a Store that is a [Journal]. Many jobs share the durable steps of a [BatchStore]:
// by [Submitter.SubmitAll] and [Submitter.EnqueueAll], and whenever they are due
// together.
//
// # Leases
//
// A process holds its jobs by one lease, a record that it renews three times in
// the length of the lease. Whoever sees no renewal for a whole lease, by its own
// clock from when it saw the last one, first ends that lease in the store, by
// compare-and-set: a holder that was only slow has renewed it, or never can.
// Then a Run takes over all the jobs, and a Submit that waits for one of them
// that one, each by compare-and-set. No clock is compared with another's, so it
// does not matter how they are set. A holder that could not renew for two thirds
// of the lease sends nothing, and one whose lease was ended begins anew.
//
// All this guards the store, and not the service. A holder that is paused
// between the last look at its lease and the write, by its system or its virtual
// machine, may wake up after the takeover and send the write. Its change of the
// record is then refused, and the job is confirmed or not by whoever has it now.
// But if [Resubmit] let that one send the write again, the service gets both, and
// only the idempotency key keeps it from carrying out both. Without Resubmit,
// Flow.Write is called once at most, besides what Policy.Resend allows.
package submit
