package poll_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/poll"
)

// onlyAtTheEnd plans nothing but the closing reads.
type onlyAtTheEnd struct{}

func (onlyAtTheEnd) First(time.Duration) time.Duration { return 0 }
func (onlyAtTheEnd) Plan() readback.Plan               { return onlyAtTheEnd{} }
func (onlyAtTheEnd) Next(readback.Step) time.Duration  { return -1 }

// What a poll has kept for each of the reads that follow it is theirs: a read that
// is slower than the looks before, and fits its reserve, takes nothing from the next.
func TestUntil_keptForTheReadsThatFollow(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"in one go", "in visits"} {
		bubble(t, name, func(t *testing.T) {
			start, history := time.Now(), new(poll.History)
			look := func(context.Context) (time.Duration, error) {
				time.Sleep(50 * time.Millisecond)
				return time.Since(start), nil
			}
			ended := func(at time.Duration, _ error, _ poll.Read) poll.Judgement {
				if at > 5*time.Second {
					return poll.Judgement{Verdict: poll.Ready}
				}
				return poll.Judgement{Reason: "running"}
			}
			takes := 80 * time.Millisecond // the first; within 100 ms, which is kept for each, all of them
			read := func(ctx context.Context) (time.Duration, error) {
				select {
				case <-ctx.Done():
					return 0, ctx.Err()
				case <-time.After(takes):
					takes = 97 * time.Millisecond
					return time.Since(start), nil
				}
			}
			shown := func(_ time.Duration, err error, _ poll.Read) poll.Judgement {
				if err != nil {
					return poll.Judgement{Verdict: poll.Unknown}
				}
				return poll.Judgement{Verdict: poll.Ready}
			}
			first := poll.Options{Schedule: onlyAtTheEnd{}, Within: 10 * time.Second, Since: start, History: history, Reserve: time.Millisecond, KeepReads: 4}
			then := first
			then.KeepReads, then.Settle = 0, 4
			if name == "in one go" {
				_, err := poll.Until(t.Context(), look, ended, first)
				require.NoError(t, err)
				_, err = poll.Until(t.Context(), read, shown, then)
				require.NoError(t, err)
				return
			}
			var c poll.Course
			visits := func(s poll.Stepper[time.Duration]) {
				for done := false; !done; {
					time.Sleep(time.Until(start.Add(c.Next())))
					var err error
					_, done, err = s.Visit(t.Context(), &c, time.Time{})
					require.NoError(t, err)
				}
			}
			visits(poll.NewStepper(look, ended, first))
			c.Again()
			visits(poll.NewStepper(read, shown, then))
			assert.Less(t, time.Since(start), 10*time.Second)
		})
	}
}
