package measure

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/report"
)

// load reads what --save wrote; no name is no measurement.
func load(name string) (*report.Run, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r, err := report.Load(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// outputs are the files that a measurement goes to. They are opened before it
// begins, so that none is made in vain.
type outputs struct{ save, page *os.File }

func openOutputs(o *options) (*outputs, error) {
	var out outputs
	for _, f := range []struct {
		flag, name string
		into       **os.File
	}{{"save", o.save, &out.save}, {"report", o.page, &out.page}} {
		switch f.name {
		case "":
			continue
		case "-":
			out.close()
			return nil, exit.Usagef("--%s: want the name of a file: stdout has the result, and --json is all of it", f.flag)
		}
		file, err := os.OpenFile(f.name, os.O_WRONLY|os.O_CREATE, 0o644) // what is in it stays until there is something new
		if err != nil {
			out.close()
			return nil, exit.Usagef("--%s: %w", f.flag, err)
		}
		*f.into = file
	}
	return &out, nil
}

func (out *outputs) close() {
	for _, file := range []*os.File{out.save, out.page} {
		if file != nil {
			_ = file.Close() // a second time, if it was written
		}
	}
}

// write writes the files, and the result to stdout.
func (out *outputs) write(streams cli.Streams, o *options, result, before *report.Run) error {
	err := errors.Join(
		overwrite(out.save, result.Save),
		overwrite(out.page, func(to io.Writer) error { return result.Page(to, before) }),
		result.Tell(streams.Out, before, o.json),
	)
	return exit.With(exit.Output, err)
}

func overwrite(file *os.File, with func(io.Writer) error) error {
	if file == nil {
		return nil
	}
	if info, err := file.Stat(); err != nil {
		return err
	} else if info.Mode().IsRegular() { // a pipe or a device has no old content
		if err := file.Truncate(0); err != nil {
			return err
		}
	}
	if err := with(file); err != nil {
		return fmt.Errorf("%s: %w", file.Name(), err)
	}
	return file.Close()
}
