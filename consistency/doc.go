// Package consistency sends one write, reads until the read model shows it, and
// reports one of three truths.
//
// Many APIs answer a write before their read models know of it. [Do] takes a
// [Flow], which is the write and how to read it back, and a [Policy], which the
// application's flows share:
//
//	flow := consistency.Create("create workspace", create, get)
//	res, err := consistency.Do(ctx, consistency.Policy{}, flow)
//
// # Outcomes
//
// Confirmed means that the read model shows what was asked; Failed, that there is
// proof that the write was not carried out as asked and will not be; Unconfirmed,
// that neither could be shown in time. Two laws hold:
//
//   - Soundness: never Confirmed for what reads do not show, never Failed for a
//     write that was, or still may be, carried out.
//   - Promptness: a write that reads show in time is never Unconfirmed. What in
//     time means is said in package poll.
//
// The error is nil only if the outcome is Confirmed. Otherwise it is an [*Error]
// that keeps every reason, and [OutcomeOf] tells its outcome.
//
// # Writes
//
// A write is sent once, unless Policy.Resend says that it may be sent again. Its
// answer proves one of five things, see [Class]. A 503, a 504 and a lost answer
// are ambiguous: the write may run later. Such a write is looked for by
// Flow.Find, and a created thing must be proven by Flow.Mine, or it stays
// Unconfirmed. Once a try was ambiguous, a refusal that follows proves nothing.
//
// # Reads
//
// A read is ready, pending for a reason that is still taken for lag, unknown, or
// a reason to stop; [Rules] holds the tables. 404, then 403, then 200 is one
// road. After a write that was applied, a read that stops the run leaves it
// Unconfirmed, since the write stays what it was.
//
// The status is found in the error or, for generated clients, in the value: by a
// method Answer() Answer, StatusCode() int or HTTPStatusCode() int, in a
// *http.Response (whose body is drained and closed), or by Policy.Answer. A call
// without an error and without a status is a success; an error without a status
// says nothing.
//
// # Going on later
//
// A run that is Unconfirmed leaves a [Pending] handle, JSON that another process
// can [Resume] with. Flow.Started gets it even before the first read.
//
// [Send] and [Visit] are [Do] in pieces, for who has more writes under way than
// there can be goroutines; package submit does that, and keeps them over a crash.
package consistency
