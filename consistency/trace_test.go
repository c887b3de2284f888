package consistency_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/readback-go/readback/consistency"
)

// spans is a Tracer that notes what lies below what.
type spans struct {
	begun []string
	ended []string
}

type spanKey struct{}

func (s *spans) Begin(ctx context.Context, e consistency.Event) (context.Context, func(consistency.Event)) {
	above, _ := e.Context.Value(spanKey{}).(string)
	name := fmt.Sprintf("%s %d", e.Phase, e.N)
	s.begun = append(s.begun, fmt.Sprintf("%s of %s below %q, after %q", name, e.Instance, above, e.Trace))
	return context.WithValue(ctx, spanKey{}, name), func(end consistency.Event) {
		within, _ := end.Context.Value(spanKey{}).(string)
		s.ended = append(s.ended, fmt.Sprintf("%s ended in %q", end.Phase, within))
	}
}

func (s *spans) Handle(ctx context.Context) string {
	return "trace of " + ctx.Value(spanKey{}).(string)
}

// Each step runs in the context that the Tracer gave it, which lies in the flow's.
func TestPolicy_tracer(t *testing.T) {
	t.Parallel()
	bubble(t, "a flow, and one that goes on", func(t *testing.T) {
		s := &service{writes: answers(202), monitored: answers(202, 200), reads: answers(404)}
		var tracer spans
		p := consistency.Policy{Schedule: everySecond, Tracer: &tracer, Within: 3 * time.Second}
		f := s.to(consistency.ToPresent)
		f.Instance = "order 7"
		write, read := f.Write, f.Read
		var inWrite, inRead any
		f.Write = func(ctx context.Context) (ref, error) { inWrite = ctx.Value(spanKey{}); return write(ctx) }
		f.Read = func(ctx context.Context, w ref) (*item, error) { inRead = ctx.Value(spanKey{}); return read(ctx, w) }
		res, err := consistency.Do(t.Context(), p, f)
		require.ErrorIs(t, err, consistency.ErrUnconfirmed)
		assert.Equal(t, "write 1", inWrite)
		assert.Equal(t, "read 5", inRead)
		assert.Equal(t, "trace of flow 0", res.Pending.Trace())
		assert.Equal(t, []string{
			`flow 0 of order 7 below "", after ""`,
			`write 1 of order 7 below "flow 0", after "trace of flow 0"`,
			`monitor 1 of order 7 below "flow 0", after "trace of flow 0"`,
			`monitor 2 of order 7 below "flow 0", after "trace of flow 0"`,
			`read 3 of order 7 below "flow 0", after "trace of flow 0"`,
			`read 4 of order 7 below "flow 0", after "trace of flow 0"`,
			`read 5 of order 7 below "flow 0", after "trace of flow 0"`,
		}, tracer.begun)
		assert.Equal(t, []string{
			`write ended in "write 1"`, `monitor ended in "monitor 1"`, `monitor ended in "monitor 2"`,
			`read ended in "read 3"`, `read ended in "read 4"`, `read ended in "read 5"`, `end ended in "flow 0"`,
		}, tracer.ended)

		kept, err := json.Marshal(res.Pending)
		require.NoError(t, err)
		var h consistency.Pending
		require.NoError(t, json.Unmarshal(kept, &h))
		s.reads = answers(200)
		tracer = spans{}
		_, err = consistency.Resume(t.Context(), p, f, h)
		require.NoError(t, err)
		assert.Equal(t, `flow 0 of order 7 below "", after "trace of flow 0"`, tracer.begun[0], "to link to")
	})
}

// The events of slog are those of zap: messages, levels, fields.
func TestLogTo(t *testing.T) {
	t.Parallel()
	bubble(t, "like zap", func(t *testing.T) {
		core, logs := observer.New(zap.DebugLevel)
		var out bytes.Buffer
		logger := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		s := &service{writes: answers(503), reads: answers(404, 200), found: [][]string{{"w1"}}}
		p := consistency.Policy{Schedule: everySecond, Logger: zap.New(core), Observer: consistency.LogTo(logger)}
		f := s.to(consistency.ToPresent)
		f.Instance = "order 7"
		_, err := consistency.Do(t.Context(), p, f)
		require.NoError(t, err)
		entries := logs.All()
		lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
		require.Len(t, lines, len(entries))
		for i, line := range lines {
			var got map[string]any
			require.NoError(t, json.Unmarshal(line, &got))
			assert.Equal(t, entries[i].Message, got["msg"])
			assert.Equal(t, "DEBUG", got["level"])
			delete(got, "msg")
			delete(got, "level")
			delete(got, "time")
			want, err := json.Marshal(entries[i].ContextMap())
			require.NoError(t, err)
			have, err := json.Marshal(got)
			require.NoError(t, err)
			assert.JSONEq(t, string(want), string(have))
		}
	})
	bubble(t, "silent above debug", func(t *testing.T) {
		var out bytes.Buffer
		s := &service{writes: answers(201), reads: answers(200)}
		p := consistency.Policy{Observer: consistency.LogTo(slog.New(slog.NewTextHandler(&out, nil)))}
		_, err := consistency.Do(t.Context(), p, s.create())
		require.NoError(t, err)
		assert.Empty(t, out.String())
	})
}

func TestLogTo_nil(t *testing.T) {
	bubble(t, "silence", func(t *testing.T) {
		s := &service{writes: answers(201), reads: answers(200)}
		p := consistency.Policy{Schedule: everySecond, Observer: consistency.LogTo(nil)}
		_, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
		assert.NoError(t, err)
		assert.False(t, p.Observed())
	})
}

// A function that panics, or ends the goroutine, leaves no span open.
func TestPolicy_tracerAfterPanic(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"write 1", "read 1", "monitor 1"} {
		for name, leave := range map[string]func(){"panics": func() { panic("no") }, "ends its goroutine": runtime.Goexit} {
			bubble(t, phase+" "+name, func(t *testing.T) {
				s := &service{writes: answers(201), reads: answers(200)}
				var tracer spans
				f := s.to(consistency.ToPresent)
				f.Monitor = nil
				write, read := f.Write, f.Read
				switch phase {
				case "write 1":
					write = func(context.Context) (ref, error) { leave(); return ref{}, nil }
				case "read 1":
					read = func(context.Context, ref) (*item, error) { leave(); return nil, nil }
				default:
					f.Monitor = func(context.Context, *ref) (bool, error) { leave(); return true, nil }
				}
				f.Write, f.Read = write, read
				p := consistency.Policy{Schedule: everySecond, Tracer: &tracer}
				gone := make(chan struct{})
				go func() {
					defer close(gone)
					defer func() { _ = recover() }()
					_, _ = consistency.Do(t.Context(), p, f)
					t.Error("it returned")
				}()
				<-gone
				open := map[string]int{}
				for _, begun := range tracer.begun {
					open[strings.Fields(begun)[0]]++
				}
				for _, ended := range tracer.ended {
					open[strings.Fields(ended)[0]]--
				}
				for step, n := range open {
					assert.Zero(t, n, step)
				}
				assert.Equal(t, `flow ended in "flow 0"`, tracer.ended[len(tracer.ended)-1])
				assert.Equal(t, fmt.Sprintf("%s ended in %q", strings.Fields(phase)[0], phase), tracer.ended[len(tracer.ended)-2])
			})
		}
	}
}

// What an adapter notes of an answer is shown without its secrets, in errors, to zap, to
// slog and to an observer.
func TestPolicy_secretsInNotes(t *testing.T) {
	t.Parallel()
	bubble(t, "everywhere", func(t *testing.T) {
		var out bytes.Buffer
		core, logs := observer.New(zap.DebugLevel)
		slogs := consistency.LogTo(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
		p := consistency.Policy{
			Schedule: everySecond, Within: 2 * time.Second, Logger: zap.New(core),
			Observer: func(e consistency.Event) { slogs(e); out.WriteString(e.String() + e.Note) },
			Answer: func(phase consistency.Phase, _ any, err error) (consistency.Answer, bool) {
				return consistency.Answer{Status: 404, Note: "no such thing for token=hunter2"}, phase == consistency.PhaseRead
			},
		}
		s := &service{writes: answers(201), reads: answers(404)}
		res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
		require.ErrorIs(t, err, consistency.ErrUnconfirmed)
		for read := range res.History.All() {
			out.WriteString(read.Note)
		}
		shown := fmt.Sprint(out.String(), err, logs.All())
		assert.Contains(t, shown, "no such thing for token=REDACTED")
		assert.NotContains(t, shown, "hunter2")
	})
}
