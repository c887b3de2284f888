// Package flow makes flows of package consistency from the command line: flags
// for what the reads are to show and for how long, and what curl's flags say of
// the write and of the read.
package flow

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// Flags are those of every command that reads until something is so. What was
// not given is zero.
type Flags struct {
	For          string
	ExpectStatus []string
	ExpectJSON   []string
	Expect       []string // expressions
	Fail         []string
	Lag          []string
	AllowOrigin  []string
	Token        string
	MaxBody      Size

	Settle      int
	Within      time.Duration
	ReadTimeout time.Duration
	WriteTime   time.Duration
	FirstRead   time.Duration
	Interval    time.Duration
	MaxInterval time.Duration
	Window      []string
}

// AddFlags adds the flags of what reads are to show, and of when they are sent.
func (f *Flags) AddFlags(fs *pflag.FlagSet) {
	f.AddGoalFlags(fs)
	fs.StringArrayVar(&f.ExpectStatus, "expect-status", nil, "`STATUS` of a read that counts as good, such as 200 or 2xx, in place of the usual ones; any of several")
	fs.StringArrayVar(&f.AllowOrigin, "allow-origin", nil, "another `ORIGIN`, such as https://other.example, to which reads may go, without credentials")
	fs.Var(&f.MaxBody, "max-body", "largest `SIZE` of a body that is judged, such as 64M (default 16M)")
	fs.StringVar(&f.Token, "token", "", "consistency token of the service: mittwald, vault, cosmos or `ANSWERED:ASKED[:BEHIND]`, two headers and a status")
	cli.Section(fs, "What reads are to show")
	f.AddTimeFlags(fs)
	cli.Section(fs, "When")
}

// AddGoalFlags adds the flags of what reads are to show.
func (f *Flags) AddGoalFlags(fs *pflag.FlagSet) {
	fs.StringVar(&f.For, "for", "", "`GOAL` of the reads: present, absent or match; by default the method decides")
	fs.StringArrayVar(&f.ExpectJSON, "expect-json", nil, "member of the document and its value, as `POINTER=VALUE`, such as /status=done; all of several")
	fs.StringArrayVar(&f.Expect, "expect", nil, "`EXPRESSION` in jq's language that must be true of the document, such as '.state == \"done\"'; it knows $status, $headers, $text and $write, the answer to the write; all of several")
	fs.StringArrayVar(&f.Fail, "fail", nil, "`EXPRESSION` that is true if what is expected will never be: the run is failed then; any of several")
	fs.StringArrayVar(&f.Lag, "lag", nil, "`EXPRESSION` for answers to reads that mean \"not visible yet\" at this service, whatever their status, such as '$status == 400 and .code == \"NotFound\"'; any of several")
}

// AddTimeFlags adds the flags of when reads are sent.
func (f *Flags) AddTimeFlags(fs *pflag.FlagSet) {
	fs.Var(&count{&f.Settle}, "settle", "`N` reads in a row that must show it (default 1, and 2 for absent)")
	fs.Var(&duration{&f.Within}, "within", "`TIME` after the write's answer at which the run ends unconfirmed (default 30s; 2m if the answer was lost, 10m after a 202)")
	fs.Var(&duration{&f.ReadTimeout}, "read-timeout", "longest `TIME` of one read (default 10s)")
	fs.Var(&duration{&f.FirstRead}, "first-read", "`TIME` from the write's answer to the first read (default: at once)")
	fs.Var(&duration{&f.Interval}, "interval", "about the `TIME` of the first wait between reads; later ones are longer (default 60ms)")
	fs.Var(&duration{&f.MaxInterval}, "max-interval", "longest `TIME` of a wait between reads (default 5s)")
	fs.StringArrayVar(&f.Window, "window", nil, "how long an answer counts as lag, as `REASON=TIME`, such as 403=10s; other reasons are 404, stale, still-there and behind-token")
}

// duration is the value of a flag for a time above 0: 0 means the same nowhere.
type duration struct{ d *time.Duration }

func (v *duration) Type() string { return "duration" }

func (v *duration) String() string {
	if v.d == nil || *v.d == 0 {
		return ""
	}
	return v.d.String()
}

func (v *duration) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return errors.New("want a time above 0 with its unit, such as 500ms or 1m30s")
	}
	*v.d = d
	return nil
}

// Duration returns a flag's value for a time above 0.
func Duration(d *time.Duration) pflag.Value { return &duration{d} }

// mostReads is how many reads in a row the library can be asked for.
const mostReads = math.MaxInt16

type count struct{ n *int }

func (v *count) Type() string { return "int" }

func (v *count) String() string {
	if v.n == nil || *v.n == 0 {
		return ""
	}
	return strconv.Itoa(*v.n)
}

func (v *count) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > mostReads {
		return fmt.Errorf("want a number of reads from 1 to %d", mostReads)
	}
	*v.n = n
	return nil
}

// Policy returns the policy that the flags ask for.
func (f *Flags) Policy() (consistency.Policy, error) {
	p := consistency.Policy{Within: f.Within, Settle: f.Settle, ReadTimeout: f.ReadTimeout}
	p.Schedule = readback.Backoff{FirstRead: f.FirstRead, Initial: f.Interval, Max: f.MaxInterval}
	if f.MaxInterval > 0 && f.Interval > f.MaxInterval {
		return p, exit.Usagef("--interval %v is longer than --max-interval %v", f.Interval, f.MaxInterval)
	}
	var err error
	if p.Windows, err = ParseWindows(f.Window); err != nil {
		return p, err
	}
	if err := p.Validate(); err != nil {
		return p, exit.With(exit.Usage, err)
	}
	return p, nil
}

// ParseWindows reads the values of --window.
func ParseWindows(texts []string) (w consistency.Windows, _ error) {
	for _, text := range texts {
		if err := setWindow(&w, text); err != nil {
			return w, err
		}
	}
	return w, nil
}

func setWindow(w *consistency.Windows, text string) error {
	reason, rest, _ := strings.Cut(text, "=")
	d, err := time.ParseDuration(rest)
	if err != nil || d <= 0 {
		return exit.Usagef("--window %q: want REASON=TIME with a time above 0, such as 403=10s", text)
	}
	switch reason {
	case "404", "not-found":
		w.NotFound = d
	case "403", "forbidden":
		w.Forbidden = d
	case "stale":
		w.Stale = d
	case "still-there":
		w.StillThere = d
	case "412", "behind-token":
		w.BehindToken = d
	default:
		return exit.Usagef("--window %q: want one of 404, 403, stale, still-there, behind-token", text)
	}
	return nil
}

// ParseToken reads the value of --token. Empty is no token.
func ParseToken(text string) (readbackhttp.Token, error) {
	switch strings.ToLower(text) {
	case "":
		return nil, nil
	case "mittwald":
		return readbackhttp.Mittwald(), nil
	case "vault":
		return readbackhttp.Vault(), nil
	case "cosmos":
		return readbackhttp.Cosmos(), nil
	}
	parts := strings.Split(text, ":")
	bad := fmt.Errorf("--token %q: want mittwald, vault, cosmos or two headers, such as ETag:If-Event-Reached:412", text)
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" || parts[1] == "" {
		return nil, exit.With(exit.Usage, bad)
	}
	token := readbackhttp.HeaderToken{Answer: parts[0], Request: parts[1]}
	if len(parts) == 3 {
		status, err := strconv.Atoi(parts[2])
		if err != nil || status < 400 || status > 599 {
			return nil, exit.With(exit.Usage, bad)
		}
		token.BehindStatus = status
	}
	return token, nil
}
