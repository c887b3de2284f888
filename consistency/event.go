package consistency

import (
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/poll"
)

// Phase is the part of a flow that an [Event] belongs to.
type Phase string

const (
	PhaseWrite   Phase = "write"
	PhaseMonitor Phase = "monitor" // of an operation that goes on
	PhaseRead    Phase = "read"    // Find included
	PhaseEnd     Phase = "end"
)

// Event is one step of a flow. Times count from the write's answer, so that of
// a write began before zero.
type Event struct {
	Flow       string
	Phase      Phase
	N          int // number of the write or read; of all reads at the end
	Began      time.Duration
	Ended      time.Duration
	Status     int           // 0 if none is known
	Class      Class         // of a write
	RetryAfter time.Duration // of a write's answer; 0 if it says nothing
	Verdict    poll.Verdict  // of a read
	Reason     poll.Reason   // of a read that is not ready
	Note       string        // what else there is to know
	Outcome    Outcome       // at the end
	Err        error         // its text hides secrets
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
	if entry := p.Logger.Check(zapcore.DebugLevel, "readback "+string(e.Phase)); entry != nil {
		entry.Write(e.fields()...)
	}
}

// fields returns the event as zap fields, under names that do not change.
func (e Event) fields() []zap.Field {
	fields := append(make([]zap.Field, 0, 10),
		zap.String("flow", e.Flow),
		zap.String("phase", string(e.Phase)),
		zap.Int("n", e.N),
		zap.Duration("began", e.Began),
		zap.Duration("ended", e.Ended))
	if e.Status != 0 {
		fields = append(fields, zap.Int("status", e.Status))
	}
	switch e.Phase {
	case PhaseWrite:
		fields = append(fields, zap.Stringer("class", e.Class))
	case PhaseEnd:
		fields = append(fields, zap.Stringer("outcome", e.Outcome))
	default:
		fields = append(fields, zap.Stringer("verdict", e.Verdict))
	}
	if e.Reason != "" {
		fields = append(fields, zap.String("reason", string(e.Reason)))
	}
	if e.Note != "" {
		fields = append(fields, zap.String("note", e.Note))
	}
	if e.Err != nil {
		fields = append(fields, zap.String("error", redact.Error(e.Err)))
	}
	return fields
}
