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
//		Enqueue          Submit
//		   |               |
//		   v      sent     v    answered, or the answer was lost
//		queued -------> sending ------------------------> answered
//		   ^               |                                  |
//		   |  proven not   |  its holder died: sending, and   |  enough reads,
//		   +-- carried ----+  looked for by its next holder   |  or the time is up
//		       out         |                                  |
//		       refused, or |                                  v
//		       given up    +------------------------------> ended
//		                                                      |
//		aside <-- from any but ended, when code of the        |  Unconfirmed, and submitted again
//		  |       program panics                              |  or retried: answered
//		  +-- submitted again or retried: where it was        v
//
//	  - Queued: the process that holds the job may send it.
//	  - Sending: from just before the write until its answer is recorded. A job that is
//	    sending when its process dies is ambiguous: the write may have been carried out,
//	    may still be carried out, or may never have been sent. Flow.Find looks for it. It
//	    is never sent again, unless [Resubmit] says that the service honours its
//	    idempotency key.
//	  - Answered: the job is read back.
//	  - Ended: the job has an outcome.
//
// The table of these transitions is in state.go; nothing else can happen to a job.
//
// A write that was provably not carried out (nothing was sent, or the answer was 429)
// is tried again until Options.GiveUpAfter is over. If the program's own code panics
// (Flow, the functions of a flow, Origin or Group), the job is set aside with the panic
// and its stack, and all other jobs go on. A function that ignores the end of its
// context is left behind when the term of its process ends. Code that never returns as a job
// is taken over (Lift, Origin, Group) holds up no other job. Both are logged, and so is that
// all workers are busy for long.
//
// A key that is submitted again joins the first job, in any process and at any time
// until the outcome is forgotten; see [Submitter.Submit]. A job that ended without
// being sent, because it was given up or cancelled, leaves its key free.
//
// # Deploys
//
// Jobs outlive the program that submitted them. Two jobs of one key are compared after
// both are read as today's J, so that a new field that is zero changes nothing;
// Options.Same compares in another way. Options.JobVersion and Options.Lift read what
// older programs stored. A job that was not sent is not sent without a field that has
// another name now, and a reference that today's type does not hold as a whole is found
// again by Flow.Find. A record that this program cannot read is left alone and
// proves nothing. Fields that a newer program put into a record stay there. A job that
// changes when it is encoded as JSON and decoded again is refused.
//
// # Operation
//
// [Submitter.Jobs] lists jobs, also those that have ended; [Submitter.Cancel],
// [Submitter.Retry] and [Submitter.Forget] are for an operator; [Submitter.Feed]
// yields outcomes so that no crash loses one. To list ended jobs, and for the feed, the
// Store must be a [Journal]. Jobs that are due together, or that come from
// [Submitter.SubmitAll] or [Submitter.EnqueueAll], share the durable steps of a
// [BatchStore].
//
// # Leases
//
// A process holds its jobs by one lease: a record that it renews every third of
// Options.Lease. Another process that sees no renewal for a whole lease, measured by
// its own clock, ends that lease in the store by compare-and-set. A holder that was
// only slow has renewed before that and keeps its lease; otherwise it can never renew
// again. Then a Run takes over all the jobs of that holder, and a Submit takes over the
// one job that it waits for, each by compare-and-set. Clocks of different machines are
// never compared, so it does not matter how they are set. A holder that could not renew
// for two thirds of the lease sends nothing, and a holder whose lease was ended starts
// a new one.
//
// The lease guards the store, not the service. A holder may be paused by its system or
// its virtual machine between its last look at the lease and the write, wake up after
// the takeover, and send the write. Its change of the record is then refused, and the
// new holder finds the outcome. But if [Resubmit] let the new holder send the write
// again, the service gets both, and only the idempotency key keeps it from carrying out
// both. Without Resubmit, Flow.Write is called again only after tries that were provably
// not carried out, and where Policy.Resend allows it.
package submit
