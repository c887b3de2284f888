// Package cli is what all commands share of the process around them: its
// streams, and its environment as values of flags.
package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Streams are those of the process. One result goes to Out and everything else
// to Err.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer

	// Terminal says that Err is a terminal that can rewrite a line.
	Terminal bool

	// Color says that colours are welcome on Err.
	Color bool

	// Width returns the columns of the terminal, as they are now. It is never
	// nil, and at least 20.
	Width func() int

	// LookupEnv finds a variable of the environment.
	LookupEnv func(string) (string, bool)
}

// System returns the streams of this process.
func System() Streams {
	fd := int(os.Stderr.Fd())
	terminal := term.IsTerminal(fd) && os.Getenv("TERM") != "dumb"
	return Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Terminal:  terminal,
		Color:     terminal && os.Getenv("NO_COLOR") == "",
		Width:     func() int { return width(fd) },
		LookupEnv: os.LookupEnv,
	}
}

const (
	usualWidth = 80
	leastWidth = 20
)

func width(fd int) int {
	columns, _, err := term.GetSize(fd)
	if err != nil || columns == 0 {
		return usualWidth
	}
	return max(columns, leastWidth)
}
