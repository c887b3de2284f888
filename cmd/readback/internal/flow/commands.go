package flow

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// Commands are what runs in place of a request. The zero value is none.
type Commands struct {
	Write []string  // in place of the write
	Read  []string  // in place of the read
	Stdin io.Reader // of the write; nil for none

	// Name is that of a write by another process, whose command is not known.
	Name string

	// Refused and Ambiguous say what ends of the write mean. 0 is applied, and
	// all else is ambiguous, since a command may fail after its work was done.
	Refused, Ambiguous ranges
}

// ranges are those of statuses: of answers, or of what commands end with.
type ranges [][2]int

// ParseEnds reads the exit statuses and ranges of them that a flag has, such as 1,3-5.
func (c *Commands) ParseEnds(refused, ambiguous []string) (err error) {
	if c.Refused, err = parseEnds("--refused-status", refused); err != nil {
		return err
	}
	c.Ambiguous, err = parseEnds("--ambiguous-status", ambiguous)
	return err
}

func parseEnds(flag string, texts []string) (ranges, error) {
	var all ranges
	for _, text := range texts {
		for part := range strings.SplitSeq(text, ",") {
			low, high, isRange := strings.Cut(part, "-")
			if !isRange {
				high = low
			}
			first, err := strconv.Atoi(low)
			last, errLast := strconv.Atoi(high)
			if err != nil || errLast != nil || first < 1 || last < first || last > 255 {
				return nil, exit.Usagef("%s %q: want what the command exits with, 1 to 255, such as 1,3-5", flag, text)
			}
			all = append(all, [2]int{first, last})
		}
	}
	return all, nil
}

func (all ranges) contain(status int) bool {
	for _, r := range all {
		if r[0] <= status && status <= r[1] {
			return true
		}
	}
	return false
}

func (p Plan) runsCommands() bool {
	return p.Commands.Write != nil || p.Commands.Read != nil || p.Commands.Name != ""
}

// IsCommand reports whether the write was a command.
func (c Commands) IsCommand() bool { return c.Write != nil || c.Name != "" }

// Last returns the last run of the command that reads, and nil if there was none.
func (f *Flow) Last() *Execution { return f.last }

// WriteEnd returns the run of the command that writes, and nil if there was none.
func (f *Flow) WriteEnd() *Execution { return f.writeEnd }

// buildCommands makes a flow of which the write or the read is a command.
func (p Plan) buildCommands(f *Flow) error {
	if err := p.Commands.exist(); err != nil {
		return err
	}
	f.commands = p.Commands
	method := "" // what is expected of it is its state, whoever made it so
	if !p.Commands.IsCommand() && !p.Elsewhere {
		method = p.Write.Verb()
	}
	var err error
	if f.Goal, err = p.goal(method); err != nil {
		return err
	}
	if p.Commands.Read != nil {
		if err := p.checkCommandRead(); err != nil {
			return err
		}
		f.Goal = consistency.ToMatch
	}
	if err := p.prepare(f); err != nil {
		return err
	}
	name, write, read, err := p.commandParts(f)
	if err != nil {
		return err
	}
	monitor, follows := f.Monitor, f.Follows
	switch f.Goal {
	case consistency.ToAbsent:
		f.Flow = consistency.Delete(name, readbackhttp.Ref{}, nil, read)
		f.Write = write
	case consistency.ToMatch:
		f.Flow = consistency.Update(name, write, read, f.match)
		f.Find = consistency.Known(readbackhttp.Ref{})
	default:
		f.Flow = consistency.Create(name, write, read)
		if f.expects() {
			f.Match = f.match
		}
	}
	f.Monitor, f.Follows = monitor, follows
	f.wrap()
	return nil
}

// exist reports a command that is empty or not to be found, before anything is run.
func (c Commands) exist() error {
	for _, args := range [][]string{c.Write, c.Read} {
		if args == nil {
			continue
		}
		if len(args) == 0 {
			return exit.Usagef("there is no command after --")
		}
		if _, err := exec.LookPath(args[0]); err != nil {
			return exit.Usagef("%w", err)
		}
	}
	return nil
}

// checkCommandRead refuses flags that have no meaning if a command reads.
func (p Plan) checkCommandRead() error {
	switch {
	case p.For == "absent":
		return exit.Usagef("with a command, --for absent has no meaning: let the command exit with 0 when it is gone")
	case len(p.ExpectStatus) > 0 || p.Token != "" || len(p.AllowOrigin) > 0:
		return exit.Usagef("--expect-status, --token and --allow-origin have no use with a command")
	case p.Find != "" || p.Mine != nil || p.Found != "":
		return exit.Usagef("--find and --mine have no use with a command: let the command exit with 0 for what is yours")
	}
	return nil
}

type (
	writeFunc func(context.Context) (readbackhttp.Ref, error)
	readFunc  func(context.Context, readbackhttp.Ref) (*readbackhttp.Document, error)
)

// commandParts returns the name, the write and the read of a flow: of each a command's, or
// a request's.
func (p Plan) commandParts(f *Flow) (name string, write writeFunc, read readFunc, err error) {
	write, read = f.runWrite, f.runRead
	if p.Commands.IsCommand() {
		if name = p.Commands.Name; name == "" {
			name = filepath.Base(p.Commands.Write[0]) // the rest may hold secrets
		}
	}
	switch {
	case p.Elsewhere:
		name = filepath.Base(p.Commands.Read[0])
	case p.Commands.Read == nil:
		read, err = p.requestRead(f)
	case !p.Commands.IsCommand():
		name, write, err = p.requestWrite(f)
	}
	return name, write, read, err
}

// requestWrite returns the write of a flow whose read is a command.
func (p Plan) requestWrite(f *Flow) (string, writeFunc, error) {
	write, err := p.writeRequest()
	if err != nil {
		return "", nil, err
	}
	q := p
	q.Read = request.Spec{}
	trip, err := q.tripper(f, write.URL)
	if err != nil {
		return "", nil, err
	}
	f.trip = trip
	ex := readbackhttp.Exchange{
		Client: &http.Client{Transport: trip}, Write: write, Goal: consistency.ToMatch, Match: f.match, MaxBody: f.maxBody,
	}
	monitor, err := p.Operation.monitor()
	if err != nil {
		return "", nil, err
	}
	ex.Monitor = monitor
	flow := ex.Flow()
	f.Monitor, f.Follows = flow.Monitor, flow.Follows
	return flow.Name, flow.Write, refused(flow)
}

// requestRead returns the read of a flow whose write is a command.
func (p Plan) requestRead(f *Flow) (readFunc, error) {
	if err := p.checkGoal(f, nil); err != nil {
		return nil, err
	}
	origin := literalOrigin(p.Read.URL)
	at, err := url.Parse(origin)
	if err != nil || at.Host == "" {
		return nil, exit.Usagef("after a command, --then needs an absolute URL whose host is known, or -- and a command")
	}
	q := p
	q.Elsewhere, q.Write, q.Read = true, p.Read, request.Spec{}
	q.Write.URL = origin + "/"
	stand, err := q.writeRequest() // a GET of the same origin, which is not sent
	if err != nil {
		return nil, err
	}
	trip, err := q.tripper(f, stand.URL)
	if err != nil {
		return nil, err
	}
	f.trip = trip
	ex := readbackhttp.Exchange{
		Client: &http.Client{Transport: trip}, Write: stand, Goal: f.Goal, Read: readbackhttp.Template(p.Read.URL),
		Header: stand.Header, AllowOrigin: trip.allowed, MaxBody: f.maxBody,
	}
	if f.Goal != consistency.ToAbsent && f.expects() {
		ex.Match = f.match
	}
	flow := ex.Flow()
	f.template = p.Read.URL
	return flow.Read, refused(flow)
}

// runWrite runs the command that writes. What it printed is its answer.
func (f *Flow) runWrite(ctx context.Context) (readbackhttp.Ref, error) {
	f.answer, f.writeEnd = nil, nil
	run, err := execute(ctx, command{args: f.commands.Write, stdin: f.commands.Stdin, separate: true, most: keptBody})
	var classed error
	if err != nil && run == nil && ctx.Err() == nil {
		return readbackhttp.Ref{}, consistency.As(consistency.NotExecuted, err)
	}
	consistency.CountTry(ctx)
	switch {
	case err != nil:
		return readbackhttp.Ref{}, consistency.As(consistency.Ambiguous, err)
	case run.Status == 0:
	case f.commands.Refused.contain(run.Status) && !f.commands.Ambiguous.contain(run.Status):
		classed = consistency.As(consistency.Refused, endError(run))
	default:
		classed = consistency.As(consistency.Ambiguous, endError(run))
	}
	f.writeEnd = run
	f.answer = &request.Answer{Body: run.Stdout}
	ref := readbackhttp.Ref{}
	for _, name := range request.Fields(f.template) {
		if value, found := f.answer.Field(name); found {
			if ref.Fields == nil {
				ref.Fields = make(map[string]string)
			}
			ref.Fields[name] = value
		}
	}
	return ref, classed
}

// endError says what a command ended with, and the last that it printed.
func endError(run *Execution) error {
	const most = 300
	text := strings.Join(strings.Fields(string(run.All)), " ")
	if len(text) > most {
		text = "…" + strings.ToValidUTF8(text[len(text)-most:], "")
	}
	if text != "" {
		text = ": " + text
	}
	return fmt.Errorf("exit status %d%s", run.Status, text)
}

// runRead runs the command that reads.
func (f *Flow) runRead(ctx context.Context, _ readbackhttp.Ref) (*readbackhttp.Document, error) {
	args, err := f.fillArgs(f.commands.Read)
	if err != nil {
		return nil, consistency.As(consistency.Refused, err)
	}
	needed := f.expects() || len(f.exprs.fail.sources) > 0 || !f.bodyless
	run, err := execute(ctx, command{args: args, env: f.environment(), separate: needed, most: int(f.maxBody)})
	if run != nil {
		f.last = run
	}
	if err != nil {
		return nil, err
	}
	return &readbackhttp.Document{Status: run.Status, Body: run.Stdout}, nil
}

// wholeField is an argument that is nothing but a field. Braces with a space, or
// with anything beside them, are the command's own.
var wholeField = regexp.MustCompile(`^\{([A-Za-z0-9_./:~-]+)\}$`)

// fillArgs puts fields of the write's answer in the place of arguments that are
// nothing but one. What an answer says never becomes a part of an argument, nor a
// flag.
func (f *Flow) fillArgs(args []string) ([]string, error) {
	a := cmp.Or(f.answer, f.kept)
	if a == nil {
		return args, nil
	}
	filled := make([]string, len(args))
	for i, arg := range args {
		filled[i] = arg
		found := wholeField.FindStringSubmatch(arg)
		if i == 0 || found == nil {
			continue
		}
		value, known := a.Field(found[1])
		switch {
		case !known || value == "":
			return nil, fmt.Errorf("the write's answer has no {%s} for the command", found[1])
		case value[0] == '-' || strings.Contains(value, "\x00"):
			return nil, fmt.Errorf("what the write's answer has for {%s} begins like a flag, or cannot be an argument", found[1])
		}
		filled[i] = value
	}
	return filled, nil
}

// mostVariable is how long a variable of the environment may be.
const mostVariable = 64 << 10

// environment returns what a command finds of the write's answer. What cannot be a
// variable is left out.
func (f *Flow) environment() []string {
	a := cmp.Or(f.answer, f.kept)
	if a == nil {
		return nil
	}
	var all []string
	add := func(name, value string) {
		if len(value) <= mostVariable && !strings.Contains(value, "\x00") {
			all = append(all, "READBACK_WRITE_"+name+"="+value)
		}
	}
	add("BODY", string(a.Body))
	if a.Status != 0 {
		add("STATUS", strconv.Itoa(a.Status))
	}
	if at, found := a.Field(request.LocationField); found && a.Header != nil {
		add("LOCATION", at)
	}
	return all
}
