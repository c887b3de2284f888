package consistency

import (
	"context"
	"log/slog"

	"github.com/readback-go/readback/internal/redact"
)

// LogTo returns an observer, for Policy.Observer, that logs each event to l at
// debug level, with the messages and the field names of Policy.Logger. It may be
// called concurrently. Nil means silence: then there is no observer.
func LogTo(l *slog.Logger) func(Event) {
	if l == nil {
		return nil
	}
	return func(e Event) {
		ctx := e.Context
		if ctx == nil {
			ctx = context.Background()
		}
		if l.Enabled(ctx, slog.LevelDebug) {
			l.LogAttrs(ctx, slog.LevelDebug, e.message(), e.attrs()...)
		}
	}
}

// message is what an event is logged as.
func (e Event) message() string { return "readback " + string(e.Phase) }

// attrs returns the event as attributes, under names that do not change.
func (e Event) attrs() []slog.Attr {
	attrs := append(make([]slog.Attr, 0, 12),
		slog.String("flow", e.Flow),
		slog.String("phase", string(e.Phase)),
		slog.Int("n", e.N),
		slog.Duration("began", e.Began),
		slog.Duration("ended", e.Ended))
	if e.Instance != "" {
		attrs = append(attrs, slog.String("instance", e.Instance))
	}
	if e.Status != 0 {
		attrs = append(attrs, slog.Int("status", e.Status))
	}
	switch e.Phase {
	case PhaseWrite:
		attrs = append(attrs, slog.String("class", e.Class.String()))
	case PhaseEnd:
		attrs = append(attrs, slog.String("outcome", e.Outcome.String()))
	default:
		attrs = append(attrs, slog.String("verdict", e.Verdict.String()))
	}
	for _, more := range []struct{ name, value string }{
		{"code", e.Code}, {"reason", string(e.Reason)}, {"note", e.Note},
	} {
		if more.value != "" {
			attrs = append(attrs, slog.String(more.name, more.value))
		}
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", redact.Error(e.Err)))
	}
	return attrs
}
