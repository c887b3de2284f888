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
// answer proves one of five things, see [Class]: by the first rule of Policy.Rules
// that fits, or else by the first row of this table.
//
//	answer      to      proves
//	202         any     accepted
//	200 to 299  any     applied
//	301 to 303  any     accepted
//	307 to 308  any     not executed
//	404         absent  applied
//	410         absent  applied
//	400 to 406  any     refused
//	409 to 417  any     refused
//	422         any     refused
//	426         any     refused
//	428 to 429  any     refused
//	431         any     refused
//	451         any     refused
//	501         any     refused
//	all else    any     ambiguous
//
// To says what the flow's reads are to show: that something is there (present, of
// [Create]), that it is as wanted (match, of [Update] and [Await]), or that it is
// gone (absent, of [Delete]). A 403 that says when to come back, or that a rate
// limit is used up, is a 429 for Resend.OnRateLimited.
//
// Without a status, an answer is ambiguous if there is an error, and applied if
// there is none. A write that was never sent is not executed: that is proven where
// no connection was got, see [Do]. With a Monitor any good answer that names an
// operation is accepted. After a 409 or a 412 there is one look, if the flow has a
// Mine: what is provably this write's was carried out.
//
// Refused and not executed are Failed, unless another try was ambiguous or its
// answer was not seen: then they prove nothing. Such a write, and one that was
// ambiguous by itself, is looked for by Flow.Find, and a created thing must be
// proven by Flow.Mine, or it stays Unconfirmed.
//
// # Reads
//
// A read is ready, pending for a reason that is still taken for lag, unknown, or a
// reason to stop: by the first rule of Policy.Rules that fits, or else by the first
// row of this table. 404, then 403, then 200 is one road.
//
//	answer                         to      verdict  reason
//	202                            absent  pending  still there
//	202                            any     pending  stale
//	200 to 299                     absent  pending  still there
//	200 to 299                     any     ready
//	300 to 399                     any     unknown  redirected or cached
//	403 of a rate limit            absent  unknown  unavailable, a setback
//	403                            absent  unknown  forbidden
//	403 that names a missing role  any     stop     role missing
//	403 of a rate limit            any     unknown  unavailable
//	403                            any     pending  forbidden
//	404                            absent  ready
//	404                            any     pending  not found
//	410                            absent  ready    settles at once
//	410                            any     pending  not found
//	408                            absent  unknown  unavailable, a setback
//	425                            absent  unknown  unavailable, a setback
//	429                            absent  unknown  unavailable, a setback
//	499                            absent  unknown  unavailable, a setback
//	408                            any     unknown  unavailable
//	425                            any     unknown  unavailable
//	429                            any     unknown  unavailable
//	499                            any     unknown  unavailable
//	400 to 499                     any     stop     refused
//	all else                       absent  unknown  unavailable, a setback
//	all else                       any     unknown  unavailable
//
// What is ready with a good status is then judged by its value, which is
//
//   - nothing, if it is nil, null or false;
//   - empty, if it is a list or a map without members, or with nothing but nils; a struct
//     whose fields are all zero; no body, or the body [], {} or ""; an object, or a map to
//     lists, maps or values of any type, that holds only what is nothing, zero or empty, as
//     {"deleted":false} does; or a text that is null, or such a body in JSON;
//   - something, if it is anything else, such as a number or any other text.
//
// An update asks its match. A creation takes what is nothing or empty for not found, unless
// its match accepts it. For a deletion, nothing is gone; what is empty is unknown, unless
// Flow.Gone accepts it, and a setback: the next read that finds nothing does not count.
//
// A problem of RFC 9457 with a good status is unknown, if its media type is known and there
// is no match to ask.
//
// A read that stops the run after a write that was applied leaves it Unconfirmed, since the
// write stays what it was. Only a Fault makes it Failed, if it was seen as often as a ready
// value must be.
//
// # What an answer is
//
// A status is looked for in these places, in this order:
//
//  1. the caller's word, by [As] or [Status];
//  2. Policy.Answer;
//  3. the error, by a method Answer() Answer, StatusCode() int or HTTPStatusCode() int, if
//     that is 100 to 999;
//  4. the value, by the same methods. A *http.Response has one; its body is drained and
//     closed. So has a struct that holds its response and the body read of it, as generated
//     clients return it. Beside an error, a status of success does not count;
//  5. the wire, if the client's RoundTripper is that of readbackhttp.Watch.
//
// Of several errors that are joined, the ambiguous one counts. A call without an error and
// without a status is a success. An error without a status says nothing, and the text of the
// run's error says so.
//
// # Times
//
// All times count from the write's answer, or from the end of the operation that was
// followed, unless the table says otherwise. The policy changes them.
//
//	Within, after a write that was applied                30s
//	Within, after one that was ambiguous                  2m0s
//	Within, after one that was accepted, or an operation  10m0s
//	Windows.Forbidden, from the first 403 of a run on     10s
//	the other windows                                     as long as Within
//	Settle, of Create, Update and Await                   1
//	Settle, of Delete                                     2
//	a 404 of an operation that was never seen is lag for  10s
//
// The window of a reason is how long a read that is pending for it is taken for lag:
// when the window of the reason seen last ends, so does the flow. After an ambiguous
// write only that of 403s, and of replicas behind a token, is shorter than Within.
//
// # Going on later
//
// A run that is Unconfirmed leaves a [Pending] handle, JSON that another process
// can [Resume] with. Flow.Started gets it even before the first read.
//
// Package submit runs more writes than there can be goroutines, and keeps them over
// a crash. It takes each flow one step at a time, with a [Stepper].
package consistency
