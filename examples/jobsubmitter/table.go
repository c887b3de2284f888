package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/examples/internal/api"
	"github.com/readback-go/readback/examples/workspaces"
	"github.com/readback-go/readback/submit"
)

// table counts jobs by what the service did with the answer to the write, and by
// outcome.
type table struct {
	rows   map[string]map[consistency.Outcome]int
	made   map[string]int // workspaces by fault
	lost   int
	double int
	wrong  int
}

// faults are the rows, in order.
var faults = []struct{ fault, title string }{
	{"", "answered"},
	{"503 at-once", "503, and carried out"},
	{"504 later 400ms", "504, and carried out later"},
	{"503 never", "503, and never carried out"},
}

// compare asks the store for each job, and holds that against the service's log.
func compare(ctx context.Context, n int, store submit.Store, service *workspaces.Service) (t table, err error) {
	made := make(map[string]int)
	for event, err := range service.Events() {
		if err != nil {
			return t, err
		}
		if event.Kind == workspaces.Created {
			made[event.Workspace.Reference]++
		}
	}
	jobs, err := submitter(store, api.Client{})
	if err != nil {
		return t, err
	}
	t = table{rows: make(map[string]map[consistency.Outcome]int), made: make(map[string]int)}
	for i := range n {
		fault := orderOf(i).Fault
		res, err := jobs.Lookup(ctx, keyOf(i))
		if errors.Is(err, submit.ErrNotFound) {
			t.lost++
			continue
		}
		if err != nil {
			return t, err
		}
		if t.rows[fault] == nil {
			t.rows[fault] = make(map[consistency.Outcome]int)
		}
		t.rows[fault][res.Outcome]++
		done := made[keyOf(i)]
		t.made[fault] += done
		if done > 1 {
			t.double++
		}
		if res.Outcome == consistency.Failed || (res.Outcome == consistency.Confirmed) != (done > 0) {
			t.wrong++
		}
	}
	return t, nil
}

func (t table) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "the service\tconfirmed\tunconfirmed\tfailed\tmade\t")
	for _, row := range faults {
		counts := t.rows[row.fault]
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t\n", row.title,
			counts[consistency.Confirmed], counts[consistency.Unconfirmed], counts[consistency.Failed], t.made[row.fault])
	}
	w.Flush()
	fmt.Fprintf(out, "lost %d, made twice %d, told wrong %d\n", t.lost, t.double, t.wrong)
}

func (t table) verdict() error {
	if t.lost+t.double+t.wrong > 0 {
		return errors.New("the outcomes do not agree with the service")
	}
	return nil
}
