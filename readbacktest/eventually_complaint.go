package readbacktest

import (
	"errors"
	"strings"

	"github.com/readback-go/readback/internal/redact"
)

// check notes the complaints of a check about the value of the current read.
func (r *report) check(said []string) {
	r.said = said
	gists := make([]string, len(said))
	for i := range said {
		gists[i] = gist(said[i])
	}
	r.timeline.complaint = strings.Join(gists, "; ")
}

// complaints returns complaints as they were made, with secrets hidden.
func complaints(said []string) string {
	texts := make([]string, len(said))
	for i := range said {
		text := strings.Trim(redact.Error(errors.New(untraced(said[i]))), "\n")
		texts[i] = "    " + strings.ReplaceAll(text, "\n", "\n    ")
	}
	return strings.Join(texts, "\n")
}

// gist returns a complaint in few words: without the trace and the diff that testify adds.
func gist(complaint string) string {
	var words []string
	skip := false
	for line := range strings.Lines(complaint) {
		line = strings.TrimSpace(line)
		rest, isError := strings.CutPrefix(line, "Error:")
		rest, isMessage := strings.CutPrefix(rest, "Messages:")
		switch {
		case isError || isMessage:
			skip = false
		case strings.HasPrefix(line, "Error Trace:"), strings.HasPrefix(line, "Diff:"):
			skip = true
		}
		if rest = strings.TrimSpace(rest); rest != "" && !skip {
			words = append(words, rest)
		}
	}
	return strings.Join(words, " ")
}

// untraced returns a complaint without the lines of testify's trace that are in this package.
func untraced(complaint string) string {
	var b strings.Builder
	skip := false
	for line := range strings.Lines(complaint) {
		skip = (skip || strings.Contains(line, "/readbacktest/eventually.go:")) && !strings.Contains(line, "Error:")
		if !skip {
			b.WriteString(line)
		}
	}
	return b.String()
}
