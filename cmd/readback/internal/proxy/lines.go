package proxy

import (
	"errors"
	"io"
	"log"
	"regexp"
	"strings"

	"github.com/readback-go/readback/internal/redact"
)

// lines is the writer of a logger of net/http. Its lines go where those of the
// proxy go, without secrets: what they quote may be a body, and is left out.
type lines struct{ warn func(line string) }

// unquote returns the text of an error of net/http on one line, without its
// secrets, and without what it quotes of the bytes that it got.
func unquote(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n") // behind a panic stands a stack
	line = quotation.ReplaceAllString(line, `"…"`)
	return redact.Error(errors.New(headerLine.ReplaceAllString(line, "$1…")))
}

var (
	quotation  = regexp.MustCompile(`"(?:[^"\\]|\\.)*"?`)
	headerLine = regexp.MustCompile(`(malformed MIME header.* line: ).*`)
)

func (l lines) Write(p []byte) (int, error) {
	l.warn(unquote(errors.New(string(p))))
	return len(p), nil
}

// logTo returns a logger for net/http that writes to warn, which may be nil.
func logTo(warn func(line string)) *log.Logger { return log.New(writerTo(warn), "", 0) }

func writerTo(warn func(line string)) io.Writer {
	if warn == nil {
		return io.Discard
	}
	return lines{warn}
}
