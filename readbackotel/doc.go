// Package readbackotel shows flows to OpenTelemetry: as spans, and as metrics.
//
//	policy.Tracer = readbackotel.NewTracer(readbackotel.TracerOptions{})
//	policy.Observer = readbackotel.NewMetrics(readbackotel.MetricsOptions{}).Observe
//
// Both take the global providers, unless others are set.
//
// # Spans
//
// A flow is a span with the flow's name, and each write, look at an operation and
// read is a span below it, in whose context the client's own spans are. With
// TracerOptions.Events these are events of the flow's span instead: for flows of many
// reads.
//
//	create order                     readback.outcome = confirmed
//	├─ write                         readback.class = ambiguous
//	│  └─ HTTP POST                  of the client's own instrumentation
//	├─ read 1                        readback.verdict = pending, readback.reason = not found
//	└─ read 2                        readback.verdict = ready
//
// A flow that goes on with what another one left, here or in another process, has a
// link to that one's span: the handle carries it, as a traceparent of W3C without a
// tracestate. So the flow of a job of package submit is linked to the span in which
// it was submitted, and each process that goes on with it to the one before. With
// TracerOptions.SameTrace it is also a child of that span, where its context has no
// span of its own: the whole way of the job is then one trace.
//
// The attributes:
//
//	readback.flow.name         the flow's name
//	readback.flow.instance     which of that name it is, such as the key of a job
//	readback.outcome           confirmed, unconfirmed or failed; none if the flow was left for another to go on with
//	readback.class             what the answer to a write proves; of the flow, to all its tries
//	readback.reason            why a read is pending; of the flow, what was seen last
//	readback.verdict           of a read: pending, ready, unknown or stop
//	readback.reads             how many there were
//	readback.attempt           number of the write or read
//	readback.lag.after         seconds from the write's answer to the begin of the last read that missed it
//	readback.lag.by            seconds from there to the begin of the first read that showed it
//	readback.code              the client's own code of an answer
//	readback.note              what else there is to know
//	error.type                 see Reason; of a step, its status or "error"
//	http.response.status_code  of an answer, also as its protocol maps to HTTP
//
// The status of a span is Error for a flow that is not confirmed, for a write that is
// refused or ambiguous, and for a look that failed in another way than by lag. It
// has the error's text, in which secrets are hidden.
//
// # Metrics
//
//	readback.flows            {flow}   outcomes, by name, outcome, class and error.type
//	readback.flow.duration    s        from the write's answer to the outcome, by name and outcome
//	readback.flow.lag         s        from there to the begin of the first read that showed it, of the confirmed, by name
//	readback.flow.reads       {read}   reads of a flow, by name and outcome
//	readback.writes           {write}  writes, by name and class: the ambiguous ones are of interest
//	readback.holds            {hold}   reads that a Transport or an interceptor held, by name and outcome
//	readback.hold.duration    s        how long, from the write's answer, by name and outcome
//	readback.coverage         {write}  writes that a Transport saw, by name and whether they cover anything
//	readback.jobs             {job}    jobs held, by readback.jobs.name and state
//	readback.jobs.oldest      s        age of the oldest of them
//	readback.jobs.ended       {job}    outcomes, by outcome
//	readback.jobs.unconfirmed.oldest  s  since the intent of the oldest that ended unconfirmed; 0 if none did
//	readback.jobs.not_confirmed  {job} those that are not confirmed, by error.type
//	readback.jobs.set_aside   {job}    jobs whose own code panicked
//	readback.jobs.calls       {call}   writes and reads under way, by readback.phase
//	readback.jobs.store.duration  s    how long changes of jobs took in it, by quantile
//	readback.jobs.store.trouble        1 if the last call of the store failed
//
// The names of flows are labels: keep them few, and put what differs from write to
// write into Flow.Instance, which is in no metric.
//
// Histograms come with buckets from 5 ms to 10 min. For exponential ones, give the
// SDK the view
//
//	metric.NewView(metric.Instrument{Name: "readback.*", Kind: metric.InstrumentKindHistogram}, metric.Stream{Aggregation: metric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}})
//
// Measurements are made in the flow's context, so that the SDK adds exemplars of
// flows that are sampled.
//
// A dashboard for Grafana and alert rules for Prometheus are in docs/observability.
package readbackotel
