package consistency

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/poll"
)

// candidateError is the error of a Find that did not show exactly one candidate
// that is this write's.
type candidateError struct {
	listed   int      // candidates, each counted once
	proven   int      // those that are this write's
	unproven bool     // there is nothing to prove one by
	which    []string // the first of them
}

func (e *candidateError) Error() string {
	switch {
	case e.listed == 0:
		return ErrNotProvablyMine.Error() + ": none was found"
	case e.unproven && e.listed == 1:
		return fmt.Sprintf("%v: one was found, %s, and the flow has no Mine", ErrNotProvablyMine, e.which[0])
	case e.unproven:
		return fmt.Sprintf("%v: %d were found (%s), and the flow has no Mine", ErrNotProvablyMine, e.listed, strings.Join(e.which, ", "))
	}
	return fmt.Sprintf("%v: of %d found (%s), Mine proves %d", ErrNotProvablyMine, e.listed, strings.Join(e.which, ", "), e.proven)
}

func (e *candidateError) Unwrap() error { return ErrNotProvablyMine }

// find looks for the reference among the candidates.
func (r *run[W, R]) find(ctx context.Context) error {
	listed, err := r.flow.Find(ctx)
	if err != nil {
		return err
	}
	candidates := r.distinct(listed)
	missing := &candidateError{listed: len(candidates)}
	var mine []W
	for _, w := range candidates {
		is, err := r.isMine(ctx, w, len(candidates))
		if err != nil {
			return err
		}
		if is {
			mine = append(mine, w)
		}
		if len(missing.which) < 3 {
			missing.which = append(missing.which, candidateText(w))
		}
	}
	if missing.proven = len(mine); missing.proven == 1 {
		r.written, r.found, r.encoded, r.lacking = mine[0], true, nil, nil
		return nil
	}
	missing.unproven = !r.flow.proves()
	return missing
}

// distinct returns the candidates that name something, each once: pages of a list
// overlap.
func (r *run[W, R]) distinct(listed []W) []W {
	var candidates []W
	for i := range listed {
		if r.flow.lacks(&listed[i]) != nil {
			continue
		}
		twice := false
		for j := range candidates {
			twice = twice || reflect.DeepEqual(candidates[j], listed[i])
		}
		if !twice {
			candidates = append(candidates, listed[i])
		}
	}
	return candidates
}

// isMine reports whether a candidate, of so many, is this write's. Without a way to
// prove it, a thing that is to be created may be another's, unless the write is known
// to have been carried out and there is only one candidate. A thing that is to be
// changed needs no proof, since its state is what counts.
func (r *run[W, R]) isMine(ctx context.Context, w W, of int) (bool, error) {
	if !r.flow.proves() {
		return r.flow.goal != ToPresent || (r.class == Applied || r.succeeded) && of == 1, nil
	}
	if r.flow.Mine != nil && !r.flow.Mine(w) {
		return false, nil
	}
	if r.flow.MineValue == nil {
		return true, nil
	}
	call := r.note(ctx)
	value, err := r.flow.Read(call, w)
	body, whole := release(&value, call.Bodies)
	s := hear(&r.policy, PhaseRead, &value, err, call, r)
	if s.answer.Body == nil {
		s.answer.Body, s.answer.Whole = body, whole
	}
	switch status := s.answer.Status; {
	case status == http.StatusNotFound || status == http.StatusGone:
		return false, nil // not shown, at least
	case err != nil:
		return false, &heardError{said: s, err: err}
	case status >= 300:
		return false, statusError(status)
	}
	return presenceOf(&value, &s.answer) != nothing && r.flow.MineValue(w, value), nil
}

// heardError is the error of a read within a Find, with its answer: the trace of the
// Find does not have that.
type heardError struct {
	said said
	err  error
}

func (e *heardError) Error() string { return e.err.Error() }
func (e *heardError) Unwrap() error { return e.err }

// candidateText returns what an error says of a candidate.
func candidateText[W any](w W) (said string) {
	text := []byte(fmt.Sprintf("a %T", w))
	defer func() {
		_ = recover() // of a method of the caller's
		said = redact.Snippet(text, 80)
	}()
	if encoded, err := json.Marshal(w); err == nil {
		text = encoded
	}
	return said
}

// judgeCandidates says what it means that Find did not show what was looked for.
func (r *run[W, R]) judgeCandidates(j *poll.Judgement, e *candidateError, at time.Duration) {
	r.several = e.proven > 1
	switch {
	case e.listed == 0:
		r.pending(j, NotFound, at)
	case e.unproven && r.flow.goal == ToPresent && e.listed == 1:
		j.Verdict, j.Reason, j.Cause = poll.Stop, notProven, e
	case e.unproven && r.flow.goal == ToPresent && r.class != Ambiguous:
		j.Verdict, j.Reason, j.Cause = poll.Stop, notProven, errors.Join(ErrNoReference, e)
	case e.unproven && r.flow.goal == ToPresent:
		j.Verdict, j.Reason, j.Cause = poll.Stop, notProven, e
	default:
		r.pending(j, notProven, at)
	}
}
