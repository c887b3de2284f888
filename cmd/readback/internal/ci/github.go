package ci

import (
	"errors"
	"fmt"
	"html"
	"io"
	"os"
	"strings"

	"github.com/readback-go/readback/cmd/readback/internal/show"
)

var (
	message  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// GitHub writes an annotation for each result that is not confirmed to w, and a
// table of all to the job's summary. Where GitHub's variables are not, it does
// nothing.
func GitHub(lookup func(string) (string, bool), w io.Writer, results []show.Result) error {
	if on, _ := lookup("GITHUB_ACTIONS"); on != "true" {
		return nil
	}
	for _, r := range results {
		if r.Exit != 0 {
			_, _ = fmt.Fprintf(w, "::error title=%s::%s\n", property.Replace("readback: "+r.Outcome), message.Replace(r.Text))
		}
	}
	summary, _ := lookup("GITHUB_STEP_SUMMARY")
	if summary == "" {
		return nil
	}
	var b strings.Builder
	b.WriteString("| | readback | reads | after | |\n|---|---|--:|--:|---|\n")
	for _, r := range results {
		mark := ":white_check_mark:"
		if r.Exit != 0 {
			mark = ":x:"
		}
		fmt.Fprintf(&b, "| %s %s | %s | %d | %s s | %s |\n", mark, r.Outcome, cell(r.Name), r.Reads, seconds(r.Elapsed), cell(r.Error))
	}
	b.WriteByte('\n')
	f, err := os.OpenFile(summary, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(b.String())
	return errors.Join(err, f.Close())
}

// cell returns a text that stays in its cell of a table, and is text there.
func cell(text string) string {
	text = html.EscapeString(strings.Join(strings.Fields(text), " "))
	return strings.NewReplacer("|", "&#124;", "`", "&#96;", "*", "&#42;", "_", "&#95;", "[", "&#91;", "\\", "&#92;").Replace(text)
}
