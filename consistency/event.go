package consistency

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/poll"
)

// Phase is the part of a flow that an [Event] belongs to.
type Phase string

const (
	PhaseFlow    Phase = "flow" // the whole; only a Tracer is told of it
	PhaseWrite   Phase = "write"
	PhaseMonitor Phase = "monitor" // of an operation that goes on
	PhaseRead    Phase = "read"    // Find included
	PhaseEnd     Phase = "end"
)

// Event is one step of a flow. Times count from the write's answer, so that of
// a write began before zero.
type Event struct {
	Context  context.Context // in which the step ran; at the end the flow's
	Flow     string          // the flow's name
	Instance string          // which one of that name it is, see Flow.Instance
	Trace    string          // of the handle, see Pending.Trace; as a flow begins, of the one that it goes on with

	Phase      Phase
	N          int // number of the write or read; of all reads at the end
	Began      time.Duration
	Ended      time.Duration
	Status     int           // 0 if none is known
	Code       string        // the client's own code; empty if it has none
	Class      Class         // of a write, and at the end that of all its tries
	RetryAfter time.Duration // of a write's answer; 0 if it says nothing
	Verdict    poll.Verdict  // of a read
	Reason     poll.Reason   // of a read that is not ready
	Note       string        // what else there is to know
	Outcome    Outcome       // at the end
	Lag        readback.Lag  // at the end: when it became visible, as far as the reads tell
	Err        error         // its text hides secrets
}

// A Tracer follows flows step by step, as spans do. Its methods are called on the
// flow's goroutine, and concurrently by concurrent flows.
type Tracer interface {
	// Begin is told of a step that begins, by a PhaseFlow, PhaseWrite, PhaseMonitor
	// or PhaseRead event of which nothing is known yet but what it is. It returns
	// the context in which the step runs, which comes from ctx, and a function
	// that is told how it ended. If that is nil for a flow, nobody is told of its
	// steps either.
	//
	// The end of a flow is a PhaseEnd event, or a PhaseFlow event if it is left for
	// another run to go on with.
	//
	// Event.Context of a step that begins is what Begin returned for its flow. Ctx
	// comes from it, but for a flow that goes on over many calls of [Stepper.Visit].
	Begin(ctx context.Context, e Event) (context.Context, func(Event))

	// Handle returns the trace context that the handle of the flow in ctx keeps,
	// for another process to link to; see [Pending.WithTrace]. If it is empty, the
	// handle keeps the one that it had. Package submit asks it of the context of
	// Submit, too, for the job's record.
	Handle(ctx context.Context) string
}

// String says in one line what the event tells, and nothing of the fields that its
// phase does not have.
func (e Event) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Flow, e.Phase)
	if e.N > 0 {
		fmt.Fprintf(&b, " %d", e.N)
	}
	fmt.Fprintf(&b, " at %v for %v: ", e.Began, e.Ended-e.Began)
	switch e.Phase {
	case PhaseWrite:
		b.WriteString(e.Class.String())
	case PhaseEnd:
		b.WriteString(e.Outcome.String())
	default:
		b.WriteString(e.Verdict.String())
	}
	for _, more := range []string{string(e.Reason), e.Code, e.Note} {
		if more != "" {
			b.WriteString(", " + more)
		}
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, ", status %d", e.Status)
	}
	if e.Err != nil {
		b.WriteString(": " + redact.Error(e.Err))
	}
	return redact.OneLine(b.String())
}

func (p *Policy) observed() bool {
	return p.Observer != nil || p.Logger != nil && p.Logger.Core().Enabled(zapcore.DebugLevel)
}

func (p *Policy) tell(e Event) {
	if p.Observer != nil {
		p.Observer(e)
	}
	if p.Logger == nil {
		return
	}
	if entry := p.Logger.Check(zapcore.DebugLevel, e.message()); entry != nil {
		entry.Write(e.fields()...)
	}
}

// fields returns the event as zap fields, under the names of attrs.
func (e Event) fields() []zap.Field {
	attrs := e.attrs()
	fields := make([]zap.Field, len(attrs))
	for i, a := range attrs {
		switch a.Value.Kind() {
		case slog.KindInt64:
			fields[i] = zap.Int64(a.Key, a.Value.Int64())
		case slog.KindDuration:
			fields[i] = zap.Duration(a.Key, a.Value.Duration())
		default:
			fields[i] = zap.String(a.Key, a.Value.String())
		}
	}
	return fields
}
