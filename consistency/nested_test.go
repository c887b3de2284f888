package consistency_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

func TestOutcomeOf(t *testing.T) {
	t.Parallel()
	in := &consistency.Error{Outcome: failed}
	out := &consistency.Error{Outcome: unconfirmed, Write: in}
	tests := []struct {
		name string
		err  error
		want consistency.Outcome
	}{
		{"nil", nil, confirmed},
		{"failed", in, failed},
		{"unconfirmed", out, unconfirmed},
		{"wrapped", fmt.Errorf("job 7: %w", out), unconfirmed},
		{"joined", errors.Join(errLost, out), unconfirmed},
		{"another error", errLost, 0},
		{"the sentinel alone", consistency.ErrFailed, 0},
		{"a poll's", &poll.NotReadyError{}, 0},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, consistency.OutcomeOf(tt.err), tt.name)
	}
	assert.ErrorIs(t, out, consistency.ErrFailed, "errors.Is finds the inner one too")
	assert.ErrorIs(t, out, consistency.ErrUnconfirmed)
	assert.NotErrorIs(t, in, consistency.ErrUnconfirmed)
}

func TestOutcome_String(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "confirmed unconfirmed failed invalid outcome",
		fmt.Sprint(confirmed, " ", unconfirmed, " ", failed, " ", consistency.Outcome(0)))
	assert.Equal(t, "applied accepted not executed refused ambiguous invalid class",
		fmt.Sprint(applied, " ", accepted, " ", notExecuted, " ", refused, " ", ambiguous, " ", consistency.Class(0)))
	assert.Equal(t, "present match absent any",
		fmt.Sprint(consistency.ToPresent, " ", consistency.ToMatch, " ", consistency.ToAbsent, " ", consistency.Goal(0)))
}

// inner runs a flow of its own, whose write and reads answer with the statuses.
func inner(ctx context.Context, write, read int) error {
	s := &service{writes: answers(write), reads: answers(read)}
	_, err := consistency.Do(ctx, s.policy(), s.create())
	return err
}

// A write that is itself a flow is what that flow says, and not what the status
// of its last read seems to say.
func TestDo_nestedInWrite(t *testing.T) {
	t.Parallel()
	polled := func(ctx context.Context) error {
		_, err := poll.Until(ctx, func(context.Context) (int, error) { return 0, &fault{status: 404} },
			poll.When(func(int) bool { return false }), poll.Options{Schedule: everySecond})
		return err
	}
	tests := []struct {
		name  string
		write func(context.Context) error
		class consistency.Class
		want  consistency.Outcome
	}{
		{"confirmed", func(ctx context.Context) error { return inner(ctx, 201, 200) }, applied, confirmed},
		{"failed", func(ctx context.Context) error { return inner(ctx, 422, 200) }, refused, failed},
		{"unconfirmed, last read 404", func(ctx context.Context) error { return inner(ctx, 201, 404) }, ambiguous, unconfirmed},
		{"unconfirmed, last read 401", func(ctx context.Context) error { return inner(ctx, 201, 401) }, ambiguous, unconfirmed},
		{"unconfirmed, write 503", func(ctx context.Context) error { return inner(ctx, 503, 404) }, ambiguous, unconfirmed},
		{"wrapped", func(ctx context.Context) error { return fmt.Errorf("parent: %w", inner(ctx, 201, 404)) }, ambiguous, unconfirmed},
		{"joined with a refusal", func(ctx context.Context) error {
			return errors.Join(&fault{status: 422}, inner(ctx, 201, 404))
		}, ambiguous, unconfirmed},
		{"failed and unconfirmed", func(ctx context.Context) error {
			return errors.Join(inner(ctx, 422, 0), inner(ctx, 201, 404))
		}, ambiguous, unconfirmed},
		{"a poll whose last read was 404", polled, ambiguous, unconfirmed},
		{"an await", func(ctx context.Context) error {
			_, err := consistency.Await(ctx, consistency.Policy{Schedule: everySecond}, "in", func(context.Context) (int, error) {
				return 0, &fault{status: 404}
			}, nil)
			return err
		}, ambiguous, unconfirmed},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{writes: answers(200), reads: answers(200)}
			f := s.create()
			calls := 0
			f.Write = func(ctx context.Context) (ref, error) {
				calls++
				return ref{ID: "w1"}, tt.write(ctx)
			}
			res, err := consistency.Do(t.Context(), s.policy(), f)
			assert.Equal(t, res.Outcome, consistency.OutcomeOf(err))
			assert.Equal(t, 1, calls)
			assert.Equal(t, tt.class, s.class())
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
		})
	}
}

func TestDo_nestedInRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		write, read int
		want        poll.Verdict
	}{
		{"failed", 422, 200, poll.Stop},
		{"unconfirmed, last read 404", 201, 404, poll.Unknown},
		{"unconfirmed, last read 401", 201, 401, poll.Unknown},
	}
	for _, tt := range tests {
		for _, goal := range goals {
			bubble(t, fmt.Sprintf("%s, to %s", tt.name, goal), func(t *testing.T) {
				s := &service{writes: answers(200)}
				f := s.to(goal)
				f.Read = func(ctx context.Context, _ ref) (*item, error) {
					return nil, inner(ctx, tt.write, tt.read)
				}
				res, err := consistency.Do(t.Context(), s.policy(), f)
				assert.Len(t, s.writeAt, 1)
				assert.Equal(t, unconfirmed, res.Outcome)
				verdict, _ := s.judged(1)
				assert.Equal(t, tt.want, verdict)
				assert.Equal(t, unconfirmed, consistency.OutcomeOf(err), "the outer one's")
			})
		}
	}
}

// An inner flow that failed is no proof for what else its outer write sent.
func TestDo_nestedAfterAnotherRequest(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		posts := 0
		site := newSite(t, onPost(func(w http.ResponseWriter, _ *http.Request) {
			if posts++; posts == 1 {
				w.WriteHeader(503) // may be carried out later
				return
			}
			w.WriteHeader(422)
		}))
		f := site.create()
		f.Write = func(ctx context.Context) (string, error) {
			if _, err := site.post(ctx); err == nil {
				return "1", nil
			}
			_, err := consistency.Do(ctx, consistency.Policy{}, consistency.Create("again", site.post, site.get))
			return "1", err
		}
		var s service
		res, err := consistency.Do(t.Context(), s.policy(), f)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrFailed, "the inner one's")
		assert.Equal(t, ambiguous, s.class())
		assert.Equal(t, 2, posts)
	})
}
