package command

import (
	"errors"

	"github.com/readback-go/readback/cmd/readback/internal/ci"
	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/show"
)

// open opens what events go to, and checks where a report goes, before anything is
// sent.
func (o *output) open(scrub func(string) string) (*ci.Events, error) {
	if o.junit == "-" {
		return nil, exit.Usagef("--report-junit: want the name of a file: stdout has the result")
	}
	if o.junit != "" {
		if err := openable(o.junit); err != nil {
			return nil, exit.Usagef("--report-junit: %w", err)
		}
	}
	if o.eventsFD == 0 {
		return nil, nil
	}
	w, err := ci.Descriptor(o.eventsFD)
	if err != nil {
		return nil, exit.Usagef("--events-fd: %w", err)
	}
	return ci.NewEvents(w, scrub), nil
}

// tellCI tells those who asked for it how runs ended.
func (o *output) tellCI(streams cli.Streams, events *ci.Events, results []show.Result, scrub func(string) string) error {
	for i := range results {
		r := &results[i]
		for j := range r.History {
			r.History[j].Error, r.History[j].Note = scrub(r.History[j].Error), scrub(r.History[j].Note)
		}
		r.Text, r.Error, r.Name = scrub(r.Text), scrub(r.Error), scrub(r.Name)
	}
	events.End(results)
	var bad error
	if o.junit != "" {
		bad = ci.JUnit(o.junit, results)
	}
	if o.github {
		bad = errors.Join(bad, ci.GitHub(streams.LookupEnv, streams.Err, results))
	}
	return bad
}
