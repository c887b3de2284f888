package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// otherWords are flags of other programs, and what does their job here.
var otherWords = map[string]string{
	"timeout": "--within", "wait-timeout": "--within", "retry-timeout": "--within", "max-wait": "--within", "deadline": "--within",
	"retry": "--within, since reads go on by themselves", "retries": "--within, since reads go on by themselves",
	"max-attempts": "--within", "retry-delay": "--interval", "retry-max-time": "--within", "delay": "--interval", "sleep": "--interval",
	"until": "--expect", "jq": "--expect", "jsonpath": "--expect", "assert": "--expect", "status": "--expect-status", "http-code": "--expect-status",
	"data-ascii": "--data", "body": "--data", "url": "the URL itself", "bearer": "--oauth2-bearer", "token-auth": "--oauth2-bearer",
	"head": "-X HEAD", "method": "--request", "format": "--write-out", "compressed": "nothing: answers may be compressed anyway",
	"http2": "nothing: HTTP/2 is spoken where it is offered", "then-url": "--then", "poll-interval": "--interval", "success": "--settle", "consecutive": "--settle",
}

// otherLetters are short flags of curl's that have no use here, and what does their
// job.
var otherLetters = map[byte]string{
	'I': "-X HEAD", 'O': "-o FILE", 'e': "-H 'Referer: ...'", 'c': "-b, and nothing that keeps cookies",
	'r': "-H 'Range: ...'", 'K': "variables such as READBACK_HEADER", 'n': "-u, or READBACK_USER", 'Z': "nothing: a run has one write",
}

// otherLetter returns what does the job of a short flag that is none, or the long one
// that lacks a dash, as the end of a sentence, or "".
func otherLetter(cmd *cobra.Command, unknown *pflag.NotExistError) string {
	long, _, _ := strings.Cut(unknown.GetSpecifiedShortnames(), "=")
	if len(long) > 1 && cmd.Flags().Lookup(long) != nil {
		return "; did you mean --" + long + "?"
	}
	if other := otherLetters[unknown.GetSpecifiedName()[0]]; other != "" {
		return "; here it is " + other
	}
	return ""
}

// suggestion returns what may have been meant by a flag that is none, as the end
// of a sentence, or "".
func suggestion(cmd *cobra.Command, name string) string {
	var close []string
	best := 2 // as many letters may be wrong
	if len(name) <= 4 {
		best = 1
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		switch d := distance(name, f.Name); {
		case f.Hidden || d > best:
		case d < best:
			best, close = d, []string{"--" + f.Name}
		default:
			close = append(close, "--"+f.Name)
		}
	})
	if other, known := otherWords[name]; known {
		return "; here it is " + other
	}
	if len(close) == 0 || len(close) > 3 {
		return ""
	}
	text := close[0]
	for _, other := range close[1:] {
		text += " or " + other
	}
	return fmt.Sprintf("; did you mean %s?", text)
}

// distance returns how many letters must be changed, added, left out or swapped
// with their neighbour to make b of a.
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row := rows[0], rows[1], rows[2]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = slices.Min([]int{last[j] + 1, row[j-1] + 1, last[j-1] + change})
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		rows[0], rows[1], rows[2] = last, row, before
	}
	return rows[1][len(b)]
}
