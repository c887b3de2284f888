package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/readback-go/readback/cmd/readback/internal/handle"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/cmd/readback/internal/show"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/readbackhttp"
)

// tell writes the result to stdout, and documents to where -o says.
func (s *session) tell(res result, text string, status int, resume string, h *handle.Handle) error {
	confirmed := res.Outcome == consistency.Confirmed
	var bad []error
	onStdout := false
	for _, out := range []struct {
		to      string
		include bool
		answer  *request.Answer
	}{
		{s.plan.Write.Output, s.plan.Write.Include, s.firstOutput(res)},
		{s.plan.Read.Output, s.plan.Read.Include, documentOf(res.Value)},
	} {
		onStdout = onStdout || out.to == "-"
		if out.to != "" && out.answer != nil {
			bad = append(bad, s.put(out.to, out.include, out.answer))
		}
	}
	switch {
	case s.json || s.out != "":
		line, err := s.result(res, text, status, resume, h).JSON()
		if err != nil {
			return errors.Join(append(bad, err)...)
		}
		line = request.ScrubJSON(s.scrub, line, false)
		if s.out != "" {
			line = show.Out(s.out, line)
		}
		bad = append(bad, s.write(line))
	case s.print != "" && confirmed:
		filled, missing := request.Fill(s.print, s.sources(res)...)
		if missing != "" {
			bad = append(bad, fmt.Errorf("--print: no answer has {%s}", missing))
			break
		}
		bad = append(bad, s.write(s.scrub(filled)+"\n"))
	case s.print != "" || onStdout:
		if !confirmed || s.level(false) != show.Quiet {
			s.progress.Line("readback: " + text)
		}
	default:
		bad = append(bad, s.write(text+"\n"))
	}
	return errors.Join(bad...)
}

// firstOutput returns what -o before --then gets: the answer to the write, or,
// if the write happened elsewhere, what reads showed.
func (s *session) firstOutput(res result) *request.Answer {
	if s.plan.Elsewhere {
		return documentOf(res.Value)
	}
	return s.flow.Answer()
}

func (s *session) write(text string) error {
	_, err := io.WriteString(s.streams.Out, text)
	return err
}

// put writes a document to a file, or to stdout.
func (s *session) put(to string, include bool, a *request.Answer) error {
	var b strings.Builder
	if include {
		fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", a.Status, http.StatusText(a.Status))
		_ = a.Header.Write(&b)
		b.WriteString("\r\n")
	}
	b.Write(a.Body)
	if to == "-" {
		return s.write(b.String())
	}
	return os.WriteFile(to, []byte(b.String()), 0o666)
}

func documentOf(doc *readbackhttp.Document) *request.Answer {
	if doc == nil {
		return nil
	}
	return &request.Answer{Status: doc.Status, Header: doc.Header, Body: doc.Body}
}

// sources returns where --print looks for fields: in the answer to the write, if
// that was a good one, in what a handle kept of it, and in what reads showed.
func (s *session) sources(res result) []request.Source {
	var all []request.Source
	if a := s.flow.Answer(); a != nil && a.Status < 300 {
		all = append(all, a)
	}
	all = append(all, reference(res.Written))
	if doc := documentOf(res.Value); doc != nil {
		all = append(all, doc)
	}
	return all
}

// reference has the fields of a write's answer that a handle keeps.
type reference readbackhttp.Ref

// Field returns a field that is kept.
func (r reference) Field(name string) (string, bool) {
	value, found := r.Fields[name]
	if name == request.LocationField && !found {
		value, found = r.Location, r.Location != ""
	}
	return value, found
}

// result returns the result for programs.
func (s *session) result(res result, text string, status int, resume string, h *handle.Handle) show.Result {
	r := show.Result{
		Version: show.ResultVersion, Command: s.command, Name: s.flow.Name,
		Outcome: res.Outcome.String(), Exit: status,
		Reads: res.History.Reads(), Elapsed: show.Milliseconds(res.Elapsed),
		History: show.Steps(res.History), Omitted: res.History.Omitted(), Resume: resume,
	}
	if res.Outcome != consistency.Confirmed {
		r.Error = text
	}
	if h != nil {
		r.Handle = h
	}
	if class := s.progress.Class(); class != "" {
		r.Write = &show.Answer{Class: class}
		r.Write.Method, _, _ = strings.Cut(s.flow.Name, " ")
		r.Write.URL = s.plan.Write.Shown()
		if s.plan.Commands.IsCommand() {
			r.Write.Method, r.Write.URL = "", ""
			if end := s.flow.WriteEnd(); end != nil {
				r.Write.Exit = &end.Status
			}
		}
		if a := s.flow.Answer(); a != nil {
			r.Write.Status, r.Write.Location = a.Status, redact.URLString(res.Written.Location)
		}
		if kept := s.keptAnswer(s.scrub); kept != nil {
			r.Write.Body = kept.Body
		}
	}
	r.Output = s.lastOutput()
	for i := range r.History {
		if reason := s.reasons[r.History[i].N]; reason != "" {
			r.History[i].Reason = reason
		}
	}
	if last := s.flow.LastRead(); last != nil {
		r.Read = &show.Answer{Method: last.Method, URL: redact.URL(last.URL), Status: last.Status}
	}
	if res.Value != nil && len(res.Value.Body) > 0 && json.Valid(res.Value.Body) {
		r.Value = json.RawMessage(request.ScrubJSON(s.scrub, string(res.Value.Body), true))
	}
	return r
}
