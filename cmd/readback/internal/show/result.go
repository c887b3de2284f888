package show

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/poll"
)

// Result is how a run ended, in the form of --json. Fields are added, but none
// changes its meaning.
type Result struct {
	Version int     `json:"readback"` // 1
	Command string  `json:"command"`
	Name    string  `json:"name"`
	Outcome string  `json:"outcome"` // confirmed, unconfirmed or failed
	Exit    int     `json:"exit"`
	Error   string  `json:"error,omitempty"`
	Write   *Answer `json:"write,omitempty"` // absent if nothing was sent
	Read    *Answer `json:"read,omitempty"`  // the last one; absent if none was answered
	Reads   int     `json:"reads"`
	// Elapsed is in milliseconds, as are the times of reads. All count from the
	// write's answer.
	Elapsed float64         `json:"elapsed_ms"`
	Value   json.RawMessage `json:"value,omitempty"`  // what reads showed last, if it is JSON
	Output  *string         `json:"output,omitempty"` // of the last command
	History []Step          `json:"history"`
	Omitted int             `json:"omitted,omitempty"` // reads that the history leaves out
	Handle  any             `json:"handle,omitempty"`
	Resume  string          `json:"resume,omitempty"` // the command line that goes on

	Text string `json:"-"` // the line for people
}

// Several is how a wait for several things ended.
type Several struct {
	Version int      `json:"readback"` // 1
	Command string   `json:"command"`
	Outcome string   `json:"outcome"`
	Exit    int      `json:"exit"`
	Items   []Result `json:"items"`
}

// Answer is a request and what it was answered.
type Answer struct {
	Method   string `json:"method,omitempty"`
	URL      string `json:"url,omitempty"`
	Status   int    `json:"status,omitempty"` // absent without an answer
	Class    string `json:"class,omitempty"`  // of a write: what the answer proves
	Exit     *int   `json:"exit,omitempty"`   // of a command
	Location string `json:"location,omitempty"`
	// Body is the write's answer, if it is JSON, without what looks like a secret.
	Body json.RawMessage `json:"body,omitempty"`
}

// Step is one read.
type Step struct {
	N       int     `json:"n"`
	Began   float64 `json:"began_ms"`
	Ended   float64 `json:"ended_ms"`
	Status  int     `json:"status,omitempty"`
	Verdict string  `json:"verdict"`
	Reason  string  `json:"reason,omitempty"`
	Note    string  `json:"note,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// ResultVersion is that of the form.
const ResultVersion = 1

// Milliseconds returns a time as results hold it, to the microsecond.
func Milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

// Steps returns the reads of a history.
func Steps(history *poll.History) []Step {
	steps := []Step{}
	if history == nil {
		return steps
	}
	for r := range history.All() {
		step := Step{
			N: r.N, Began: Milliseconds(r.Began), Ended: Milliseconds(r.Ended),
			Status: r.Status, Verdict: r.Verdict.String(), Reason: string(r.Reason), Note: r.Note,
		}
		if r.Err != nil {
			step.Error = ErrorText(r.Err)
		}
		steps = append(steps, step)
	}
	return steps
}

// JSON returns the result as one line.
func (r Result) JSON() (string, error) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return "", err
	}
	return b.String(), nil
}

// ErrorText returns what people read of an error: without secrets in its URLs,
// and without the names of packages and fields, of which they know nothing. It is
// empty for nil.
func ErrorText(err error) string {
	if err == nil {
		return ""
	}
	text := strings.TrimPrefix(redact.Error(err), "readback: ")
	for _, t := range translations {
		text = t.from.ReplaceAllString(text, t.to)
	}
	return text
}

// translations are what the library calls its fields, and what the command does.
var translations = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`readbackhttp: `), ""},
	{regexp.MustCompile(`; Policy\.Within is ([^;]+)`), "; --within is $1"},
	{regexp.MustCompile(`; Policy\.Windows\.\w+ is [^;]+`), ""},
	{regexp.MustCompile(`; set Flow\.Find, which looks for what may be this write's`), ""},
	{regexp.MustCompile(`the flow has no Mine`), "there is no --mine"},
	{regexp.MustCompile(`\bMine proves (\d+)`), "--mine proves $1"},
	{regexp.MustCompile(`; the callback Started: `), "; "},
	{regexp.MustCompile(`; no status was found in the error of the \w+, of type [^;]*consistency\.Status\(err, code\)`), ""},
	{regexp.MustCompile(`; readbackhttp\.Watch in the client would tell look-ups from tries`), ""},
	{regexp.MustCompile(`, which AllowOrigin does not allow`), ", without --allow-origin"},
}

// Confirmed returns the line of a run that ended well: name, outcome, numbers
// and what was seen.
func Confirmed(name string, reads int, elapsed time.Duration, seen string) string {
	times := fmt.Sprintf("%d reads", reads)
	if reads == 1 {
		times = "1 read"
	}
	return fmt.Sprintf("%s: %s after %s in %v: %s", name, consistency.Confirmed, times, elapsed.Round(time.Millisecond), seen)
}
