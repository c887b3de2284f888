package submit_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

type nilErr struct{ text string }

func (e *nilErr) Error() string   { return e.text }
func (e *nilErr) StatusCode() int { return len(e.text) }

// Errors that are nil pointers, with methods that panic, are errors like others.
func TestErrors_nilPointers(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"write", "write ok", "read", "find"} {
		bubble(t, in, func(t *testing.T) {
			w := &world{lag: 2 * time.Second}
			if in == "find" {
				w.answer = errLost
			}
			n := 0
			var none *nilErr
			s := w.on(t, submit.NewMemory(), everySecond, func(o *options) {
				o.Flow = func(key string, o order) consistency.Flow[string, *thing] {
					f := w.flow(key, o)
					write, read := f.Write, f.Read
					switch in {
					case "write":
						f.Write = func(context.Context) (string, error) { return "", none }
					case "write ok":
						f.Write = func(ctx context.Context) (string, error) { id, _ := write(ctx); return id, none }
					case "read":
						f.Read = func(ctx context.Context, id string) (*thing, error) {
							n++
							if n < 3 {
								return nil, none
							}
							return read(ctx, id)
						}
					case "find":
						find := f.Find
						f.Find = func(ctx context.Context) ([]string, error) {
							n++
							if n < 3 {
								return nil, none
							}
							return find(ctx)
						}
					}
					return f
				}
			})
			defer running(s)()
			res, _ := s.Submit(within(t, time.Hour), "a", order{"x"})
			if in == "write" {
				assert.Equal(t, unconfirmed, res.Outcome)
				return
			}
			assert.Equal(t, confirmed, res.Outcome)
			assert.LessOrEqual(t, w.sent("a"), 1)
		})
	}
}

// A logger may ask for the progress.
func TestLog_asksBack(t *testing.T) {
	t.Parallel()
	bubble(t, "until the end", func(t *testing.T) {
		w := &world{}
		var s *submitter
		hook := func(zapcore.Entry) error { s.Progress(); s.Stats(); return nil }
		log := zap.New(zapcore.RegisterHooks(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zapcore.DebugLevel), hook))
		store := submit.NewMemory()
		s = w.on(t, store, func(o *options) {
			o.Policy.Logger = log
			flow := o.Flow
			o.Flow = func(key string, o order) consistency.Flow[string, *thing] {
				f := flow(key, o)
				if key == "bad" {
					f.Write = func(context.Context) (string, error) { panic("x") }
				}
				if key == "deaf" {
					f.Write = func(context.Context) (string, error) { time.Sleep(time.Hour); return "", nil }
				}
				return f
			}
		})
		stop := running(s)
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		require.NoError(t, s.Enqueue(t.Context(), "bad", order{"x"}))
		require.NoError(t, s.Enqueue(t.Context(), "deaf", order{"x"}))
		time.Sleep(time.Second)
		stop()
		time.Sleep(2 * time.Hour)
	})
}
