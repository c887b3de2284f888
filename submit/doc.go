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
// A job is queued, and then whoever holds it may send it; or sending, from just
// before the write on; or answered; or ended, with an outcome. What was sending
// when its process died is ambiguous: the write may have been carried out, may
// be yet, or may never have been sent. It is looked for by Flow.Find, and never
// sent again, unless [Resubmit] says that the service honours its idempotency
// key.
//
// The same key submitted again joins the first, in whatever process and at
// whatever time until the outcome is forgotten; see [Submitter.Submit].
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
