package command

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/handle"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/cmd/readback/internal/show"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/poll"
	"github.com/readback-go/readback/readbackhttp"
)

type result = consistency.Result[readbackhttp.Ref, *readbackhttp.Document]

// statusOf returns the exit status of a run that ended so.
func statusOf(ctx context.Context, outcome consistency.Outcome, err error) int {
	signal, signalled := exit.Signalled(ctx)
	switch {
	case outcome == consistency.Confirmed:
		return exit.Confirmed
	case signalled:
		return signal.Status()
	case nothingSent(err):
		return exit.Usage
	case outcome == consistency.Failed:
		return exit.Failed
	case readRefused(err):
		return exit.ReadRefused
	}
	return exit.Unconfirmed
}

// readRefused reports whether a read was answered with what does not change by
// waiting: 400, 401, a certificate that is not to be trusted.
func readRefused(err error) bool {
	var e *consistency.Error
	if !errors.As(err, &e) || e.History == nil || e.Context != nil {
		return false
	}
	last, _ := e.History.Last()
	if last.Verdict != poll.Stop {
		return false
	}
	var target *readbackhttp.TargetError
	var certificate *tls.CertificateVerificationError
	return last.Status >= 400 || errors.As(last.Err, &certificate) && !errors.As(last.Err, &target)
}

// nothingSent reports whether a run refused its arguments.
func nothingSent(err error) bool {
	var e *consistency.Error
	return errors.As(err, &e) && errors.Is(e.Cause, consistency.ErrInvalid) && e.Reads == 0 && e.Write == nil
}

// end tells how the run ended, and returns its exit status as an error.
func (s *session) end(ctx context.Context, res result, err error) error {
	status, text := statusOf(ctx, res.Outcome, err), s.sentence(res, err)
	if status == exit.Usage {
		s.forget()
		return exit.With(status, err)
	}
	s.tellOutput()
	advice, resume, h := s.advice(res, err)
	bad := s.tell(res, text, status, resume, h)
	told := s.result(res, text, status, resume, nil)
	told.Text = text
	bad = errors.Join(bad, s.tellCI(s.streams, s.events, []show.Result{told}, s.scrub))
	for _, line := range advice {
		s.progress.Line("readback: " + line)
	}
	if resume != "" {
		s.progress.Line("  " + resume)
	}
	if bad != nil {
		s.progress.Line("readback: " + text + "; the result was not written: " + redact.Error(bad))
		status = unwritten(status)
	}
	return exit.Quiet(status)
}

// unwritten returns the exit status of a run whose result was not written.
func unwritten(status int) int {
	if status == exit.Confirmed {
		return exit.Output
	}
	return status
}

// sentence says in one line how the run ended.
func (s *session) sentence(res result, err error) string {
	text := ""
	if res.Outcome == consistency.Confirmed {
		text = show.Confirmed(s.flow.Name, res.History.Reads(), res.Elapsed, s.seenText()) + s.before(res)
	} else {
		text = show.ErrorText(err)
		text = strings.Replace(text, consistency.ErrNoFind.Error(), "the write may have been carried out, and there is no --find to look for it", 1)
		if end := s.lastEnd(); end != "" {
			text += end
		} else if what := s.notJSON(err); what != "" {
			text += "; the last answer is " + strings.TrimPrefix(what+", not JSON", flow.NoJSON+", ")
		} else if pair := s.flow.Unmet(); pair != "" {
			text += "; it does not show " + pair
		}
		if at := s.flow.Moved(); at != nil {
			text += "; it leads to " + redact.URL(at) + ": -L follows, on the same origin"
		}
		if nothingIn(err) {
			text += "; a good answer with nothing in it, such as [], shows nothing: --expect-status 2xx accepts it"
		}
		if s.emptyIsNotGone(err) {
			text += "; an empty answer, such as [], may be an error of the service: if it means gone, --expect 'length == 0' says so"
		}
		if errors.Is(err, readbackhttp.ErrNoTarget) {
			text += "; --monitor follows it, --then says what to read, and --accepted-location takes it for what was written"
		}
		if s.progress.Class() == consistency.NotExecuted.String() && s.flow.Answer() == nil {
			text += "; the write was not sent"
		}
		if tooLong := longBody.FindString(text); tooLong != "" {
			text = strings.Replace(text, tooLong, tooLong+"; --max-body allows more", 1)
		}
		text = strings.Replace(text, poll.ErrWindow.Error(), s.window(res), 1)
		if unknown := (x509.UnknownAuthorityError{}); errors.As(err, &unknown) {
			text += "; --cacert names whom to trust, and -k trusts anybody"
		}
	}
	return s.scrub(text)
}

// nothingIn reports whether the last read had a good answer in which there was
// nothing.
func nothingIn(err error) bool {
	var e *consistency.Error
	return errors.As(err, &e) && e.Reason == consistency.NotFound && e.Phase == consistency.PhaseRead && e.Status/100 == 2
}

// emptyIsNotGone reports whether the run waited for a thing to be gone, and its last
// answer was good, but empty: that shows neither that it is gone nor that it is there.
func (s *session) emptyIsNotGone(err error) bool {
	var e *consistency.Error
	return errors.As(err, &e) && s.flow.Goal == consistency.ToAbsent && e.Phase == consistency.PhaseRead &&
		e.Status/100 == 2 && e.Status != http.StatusAccepted && e.Reason != "" && e.Reason != consistency.StillThere
}

// longBody finds what the library says of a body over the limit.
var longBody = regexp.MustCompile(`over [0-9]+ bytes`)

// windowNames are what --window calls reasons, and how long they last without it.
var windowNames = map[poll.Reason]string{
	consistency.NotFound: "404", consistency.Forbidden: "403", consistency.Stale: "stale",
	consistency.StillThere: "still-there", consistency.BehindToken: "behind-token",
}

// window says that a window ended a run, and what widens it.
func (s *session) window(res result) string {
	last := lastPending(res.History)
	name := windowNames[last]
	if name == "" {
		return poll.ErrWindow.Error()
	}
	return fmt.Sprintf("%q is not taken for lag any longer; --window %s=TIME widens that", string(last), name)
}

// lastPending returns the reason of the last read that was pending, or "".
func lastPending(history *poll.History) (reason poll.Reason) {
	for read := range history.All() {
		if read.Verdict == poll.Pending {
			reason = read.Reason
		}
	}
	return reason
}

// before says, of what is gone, what showed that it was ever there.
func (s *session) before(res result) string {
	if s.flow.Goal != consistency.ToAbsent || s.command == "wait" {
		return ""
	}
	if s.found != "" {
		return "; before, " + s.found
	}
	for read := range res.History.All() {
		if read.Reason == consistency.StillThere {
			return ""
		}
	}
	if a := s.flow.Answer(); a != nil && (a.Status == http.StatusNotFound || a.Status == http.StatusGone) {
		return fmt.Sprintf("; the %s itself was answered %d: nothing shows that it was ever there", a.Method, a.Status)
	}
	return "; no read showed it before: --seen looks first"
}

// seenText says what the last read was.
func (s *session) seenText() string {
	if s.flow.Last() != nil {
		return "exit status 0"
	}
	last := s.flow.LastRead()
	if last == nil {
		return "nothing was read"
	}
	return fmt.Sprintf("%s %s answered %d", last.Method, redact.URL(last.URL), last.Status)
}

// notJSON returns what was answered where JSON was needed.
func (s *session) notJSON(err error) string {
	if what := s.flow.NotJSON(); what != "" {
		return what
	}
	var target *readbackhttp.TargetError
	answer := s.flow.Answer()
	if !errors.As(err, &target) || target.URL != nil || answer == nil || json.Valid(answer.Body) || len(answer.Body) == 0 {
		return ""
	}
	media, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	return media
}

// advice says what became of a write that is not confirmed, and how to go on.
func (s *session) advice(res result, cause error) (lines []string, resume string, h *handle.Handle) {
	if res.Outcome != consistency.Unconfirmed {
		s.forget()
		return nil, "", nil
	}
	if s.command == "wait" {
		return nil, "", nil
	}
	var target *readbackhttp.TargetError
	how, adjust := "To go on reading:", func(*handle.Handle) {}
	switch {
	case errors.As(cause, &target) && target.URL != nil:
		how = "To go on reading, if that place may be read:"
		adjust = func(h *handle.Handle) { h.Again.Origin = true }
	case errors.Is(cause, readbackhttp.ErrNoTarget):
		how = "To go on reading, with --then URL, or with --accepted-location:"
	case errors.As(cause, &target):
		how = "To go on reading, with the URL of what was written:"
		adjust = (*handle.Handle).NeedReadURL
	case s.flow.Find == nil && !found(res.Pending) && s.plan.Commands.IsCommand():
		return []string{s.fate(res) + "; do not run it again before you know. That something is there proves nothing of it: readback wait with --expect can look for what is its own"}, "", nil
	case s.flow.Find == nil && !found(res.Pending):
		how = "Nothing tells where it is; to look for it:"
		adjust = func(h *handle.Handle) { h.Again.Lost = true }
	}
	if what := s.answerText(); what != "" && s.command == "run" && s.flow.LastRead() == nil {
		lines = append(lines, "its answer was: "+what)
	}
	lines = append(lines, s.fate(res)+"; do not send it again. "+how)
	kept, err := s.handle(res.Pending, s.printed(res.Written))
	if len(kept.Again.Write)+len(kept.Again.Read) > 0 {
		kept.Again.Named = s.flow.Origins()
	}
	adjust(&kept)
	where := ""
	if err == nil {
		where, err = kept.Text()
	}
	if err != nil {
		return append(lines, "the handle cannot be made: "+redact.Error(err)), "", nil
	}
	if len(s.files) == 0 {
		return lines, kept.Again.Command(where), &kept
	}
	whole, err := s.handle(res.Pending, s.scrub)
	adjust(&whole)
	if err == nil {
		err = s.save(whole)
	}
	if err != nil {
		lines = append([]string{"the handle is not in " + s.files[0].Name + ": " + redact.Error(err)}, lines...)
		return lines, kept.Again.Command(where), &kept
	}
	whole.Again.Named = nil // the file is the run's own
	return lines, whole.Again.Command(s.files[0].Name), &kept
}

// fate says what the write's answer tells of it.
func (s *session) fate(res result) string {
	class := fieldsOf(res.Pending).Class
	answer := s.flow.Answer()
	answered := "no answer came"
	switch {
	case s.plan.Commands.IsCommand():
		if answered = "it was not seen to end"; s.flow.WriteEnd() != nil {
			answered = fmt.Sprintf("exit status %d", s.flow.WriteEnd().Status)
		}
	case answer != nil:
		answered = fmt.Sprintf("answered %d", answer.Status)
	}
	if s.command == "resume" {
		answered = "by another run"
	}
	switch class {
	case consistency.Applied.String():
		return "the write was sent and carried out (" + answered + ")"
	case consistency.Accepted.String():
		return "the write was sent and accepted (" + answered + ")"
	}
	return "the write was sent and may have been carried out, or may be later (" + answered + ")"
}

// pendingFields are those of a handle that the command looks into.
type pendingFields struct {
	Class     string          `json:"class"`
	Written   json.RawMessage `json:"written"`
	Monitored bool            `json:"monitored"`
}

func fieldsOf(pending consistency.Pending) (fields pendingFields) {
	data, _ := json.Marshal(pending)
	_ = json.Unmarshal(data, &fields)
	return fields
}

// found reports whether it is known where to read back.
func found(pending consistency.Pending) bool { return fieldsOf(pending).Written != nil }

// handle returns the handle of the write, less what a function hides in it:
// then the URL to read must be given again.
func (s *session) handle(pending consistency.Pending, hide func(string) string) (handle.Handle, error) {
	h := s.kept
	if a := s.keptAnswer(hide); a != nil {
		h.Answer = a
	}
	data, err := json.Marshal(pending)
	if err != nil {
		return h, err
	}
	if clean := request.ScrubJSON(hide, string(data), false); clean != string(data) {
		data = []byte(clean)
		h.NeedReadURL()
	}
	err = json.Unmarshal(data, &h.Pending)
	return h, err
}

// printed returns what hides in a handle that is printed what only a file of the
// user's own may hold: the secrets that the service put into a URL.
func (s *session) printed(ref readbackhttp.Ref) func(string) string {
	return request.Scrub(slices.Concat(s.secrets, request.SecretParams(ref.Location), request.SecretParams(ref.Monitor)))
}
