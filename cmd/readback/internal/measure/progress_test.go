package measure_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/examples/workspaces"
)

// Without a terminal there is a line for the first flow, then one every ten
// seconds, and one for the last.
func TestProgress_lines(t *testing.T) {
	t.Parallel()
	bubble(t, "", workspaces.Options{WorkspacesLag: 1500 * ms}, func(t *testing.T, w *world) {
		w.run(t.Context(), create("--count", "10", "--settle-for", "500ms", "--pause", "0")...)
		lines := strings.Split(strings.TrimSpace(w.Err.String()), "\n")
		assert.Len(t, lines, 3, w.Err.String())
		assert.Regexp(t, `^readback: 1 of 10 flows, about (18|19)s left$`, lines[0])
		assert.Regexp(t, `^readback: 6 of 10 flows, about (7|8)s left$`, lines[1])
		assert.Equal(t, "readback: 10 of 10 flows", lines[len(lines)-1])
	})
}

func TestProgress_quiet(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"-q", "-s"} {
		bubble(t, flag, workspaces.Options{}, func(t *testing.T, w *world) {
			w.Streams.Terminal = flag == "-q"
			w.run(t.Context(), create("--count", "2", "--settle-for", "0", flag)...)
			assert.Empty(t, w.Err.String())
		})
	}
}

var control = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)

// On a terminal a bar says how far it is and how long it takes, in as many
// columns as there are, and goes when all is done.
func TestProgress_bar(t *testing.T) {
	t.Parallel()
	for _, width := range []int{40, 100} {
		bubble(t, "", workspaces.Options{WorkspacesLag: time.Second}, func(t *testing.T, w *world) {
			w.Streams.Terminal, w.Streams.Width = true, func() int { return width }
			w.run(t.Context(), create("--count", "5", "--settle-for", "500ms", "--pause", "0")...)
			all := w.Err.String()
			assert.NotContains(t, all, "\n")
			assert.Contains(t, all, "3/5")
			assert.Regexp(t, `\[\d+s:\d+s\]`, all)
			drawn := strings.Split(control.ReplaceAllString(all, ""), "\r")
			for _, line := range drawn {
				assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, " ")), width, line)
			}
			assert.Empty(t, strings.TrimSpace(drawn[len(drawn)-1]), "the bar is gone")
			assert.Contains(t, w.Out.String(), "5 flows: 5 confirmed")
		})
	}
}
