package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/show"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
	"github.com/readback-go/readback/readbackhttp"
)

// lookFirst reads the thing that is to be deleted, before anything is sent. If it is
// not there, the run ends with status 1. A read without an answer is repeated.
func (s *session) lookFirst(ctx context.Context, policy consistency.Policy) error {
	// The first 404 is an answer, not lag, and so is what looks deleted.
	policy.Windows.NotFound, policy.Windows.Stale, policy.Rules.Read = time.Nanosecond, time.Nanosecond, nil
	_, err := consistency.Await(ctx, policy, s.flow.Name, func(ctx context.Context) (*readbackhttp.Document, error) {
		return s.flow.Read(ctx, readbackhttp.Ref{})
	}, func(doc *readbackhttp.Document) bool { return s.flow.Gone == nil || !s.flow.Gone(doc) })
	if err == nil {
		s.found = s.seenText()
		return nil
	}
	var e *consistency.Error
	forbidden := errors.Is(err, poll.ErrWindow) && errors.As(err, &e) && lastPending(e.History) == consistency.Forbidden
	signal, signalled := exit.Signalled(ctx)
	switch last := s.flow.LastRead(); {
	case signalled:
		return exit.With(signal.Status(), fmt.Errorf("%w; nothing was sent", signal))
	case forbidden:
		return exit.With(exit.ReadRefused, fmt.Errorf("%s: whether it is there cannot be told, since reads of it are forbidden (403); nothing was sent", s.flow.Name))
	case last != nil && (last.Status == 404 || last.Status == 410 || errors.Is(err, poll.ErrWindow)):
		return exit.With(exit.Failed, fmt.Errorf("%s: it is not there: %s; nothing was sent", s.flow.Name, s.seenText()))
	case readRefused(err):
		return exit.With(exit.ReadRefused, fmt.Errorf("%s; nothing was sent", show.ErrorText(err)))
	}
	return exit.With(exit.Unconfirmed, fmt.Errorf("%s; nothing was sent", show.ErrorText(err)))
}
