package command

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/handle"
	"github.com/readback-go/readback/cmd/readback/internal/request"
)

// keptFlags are those that a handle may hold: they say what reads are to show
// and when, and neither open a file nor send anything anywhere by themselves.
var keptFlags = []string{
	"for", "expect-json", "expect-status", "token", "allow-origin", "max-body",
	"settle", "within", "read-timeout", "first-read", "interval", "max-interval", "window",
	"find", "mine", "found", "accepted-location",
	"monitor", "monitor-state", "monitor-done", "monitor-failed", "monitor-error", "monitor-resource", "monitor-status-only",
}

// expressionFlags have values that a handle never holds: expressions, and what could make
// a write of a read.
var expressionFlags = []string{"expect", "fail", "lag", "find-data"}

// keep returns the handle of a write, without its pending part.
func (o *options) keep(fs *pflag.FlagSet, plan flow.Plan, f *flow.Flow) (handle.Handle, error) {
	h := handle.Handle{Version: handle.Version, Origins: f.Origins()}
	h.Command = handle.Command{Writes: plan.Commands.IsCommand(), Reads: plan.Commands.Read != nil}
	h.Again.ByCommand = h.Command.Reads
	var err error
	if !h.Command.Writes {
		if h.Write, h.Again.Write, err = plan.Write.KeepWrite(plan.Input, plan.ReadsItself()); err != nil {
			return h, err
		}
	}
	if h.Read, h.Again.Read, err = plan.Read.KeepRead(plan.Input); err != nil {
		return h, err
	}
	fs.Visit(func(f *pflag.Flag) {
		values := flagValues(f)
		expression := func(value string) bool { return slices.Contains(expressionFlags, f.Name) || !data(f.Name, value) }
		values = slices.DeleteFunc(values, func(value string) bool {
			if expression(value) {
				h.Again.Expressions = append(h.Again.Expressions, request.Need{Flag: "--" + f.Name, Shown: value})
			}
			return expression(value)
		})
		switch {
		case len(values) == 0:
		case f.Name == "find" && request.HidesSecrets(plan.Find):
			h.Again.Find = true
		case slices.Contains(keptFlags, f.Name):
			if h.Flags == nil {
				h.Flags = make(map[string][]string)
			}
			h.Flags[f.Name] = values
		}
	})
	return h, nil
}

// data reports whether a handle may hold this value of one of its flags: not an
// expression, a search by POST, or a token that puts a header of its own into reads.
func data(flag, value string) bool {
	switch flag {
	case "mine":
		return !flow.IsExpression(value)
	case "monitor-done", "monitor-failed":
		expressions, _ := flow.SplitStates([]string{value})
		return expressions == nil
	case "find":
		return !strings.Contains(value, " ")
	case "token":
		return !strings.Contains(value, ":")
	}
	return true
}

func flagValues(f *pflag.Flag) []string {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return list.GetSlice()
	}
	return []string{f.Value.String()}
}

// restore gives fs the flags of a handle. Others than it may hold are an error.
func restore(fs *pflag.FlagSet, h handle.Handle) error {
	for name, values := range h.Flags {
		if !slices.Contains(keptFlags, name) {
			return exit.Usagef("the handle holds --%.30q, which no handle may hold", name)
		}
		for _, value := range values {
			if !data(name, value) {
				return exit.Usagef("the handle holds a value of --%s that no handle may hold", name)
			}
			if err := fs.Set(name, value); err != nil {
				return exit.Usagef("the handle does not fit this command: %w", err)
			}
		}
	}
	return nil
}

// reserve creates the file of the handle before the write is sent: as long as
// nothing is known, the write may have been sent. So a crash loses nothing, and
// of two runs with one file, one sends.
func (s *session) reserve(name string) error {
	for _, to := range []string{s.plan.Write.Output, s.plan.Read.Output} {
		if to != "" && to != "-" && samePath(to, name) {
			return exit.Usagef("--handle-file and -o name the same file, %s", name)
		}
	}
	h, err := s.handle(s.flow.Lost(), s.scrub)
	if err != nil {
		return err
	}
	return s.create(name, h)
}

// create makes the file of --handle-file, which is the first to be written from then on.
func (s *session) create(name string, h handle.Handle) error {
	file, err := handle.Create(name, h)
	switch {
	case errors.Is(err, handle.ErrTaken):
		return taken(name)
	case err != nil:
		return exit.Usagef("--handle-file: %w", err)
	}
	s.files = append([]*handle.File{file}, s.files...)
	return nil
}

// taken says what stands in the way of a file for a handle.
func taken(name string) error {
	if _, file, err := handle.Read(name, nil); err == nil && file != nil {
		return exit.Usagef("--handle-file: %s holds the handle of a write that is not confirmed: go on with readback resume %[1]s, or remove it", name)
	}
	return exit.Usagef("--handle-file: %s is there already, and holds no handle: name a file that is not there", name)
}

func samePath(a, b string) bool {
	a, errA := filepath.Abs(a)
	b, errB := filepath.Abs(b)
	return errA == nil && errB == nil && a == b
}

// save writes the handle to its file.
func (s *session) save(h handle.Handle) error { return s.files[0].Save(h) }

// forget removes the handle of a write whose outcome is certain.
func (s *session) forget() {
	for _, file := range s.files {
		if err := file.Remove(); err != nil {
			s.tellLine("readback: the handle is still in " + file.Name + ": " + err.Error())
		}
	}
}
