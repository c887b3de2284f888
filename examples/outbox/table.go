package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/examples/workspaces"
	"github.com/readback-go/readback/pgstore"
	"github.com/readback-go/readback/submit"
)

// line is what became of the orders of one fate.
type line struct {
	title                          string
	orders, jobs                   int // that are recorded
	confirmed, unconfirmed, failed int // jobs by outcome
	made                           int // workspaces, by the service's own log
}

// table is a line for each fate, and what is wrong.
type table struct {
	lines             []*line
	torn, twice, told int
}

// fates are the titles of lines, by what the service does to a write, or what
// became of the transaction.
var fates = []struct{ fate, title string }{
	{"", "answered"},
	{"503 at-once", "503, and carried out"},
	{"504 later 400ms", "504, and carried out later"},
	{"503 never", "503, and never carried out"},
	{"declined", "rolled back"},
	{"before", "killed before the commit"},
	{"after", "killed after the commit"},
}

func fateOf(n, orders int) string {
	switch before, after := killed(orders); {
	case n == before:
		return "before"
	case n == after:
		return "after"
	case orderOf(n).Declined:
		return "declined"
	}
	return orderOf(n).Fault
}

// compare holds the orders, their jobs and the service's log against each other.
func compare(ctx context.Context, orders int, pool *pgxpool.Pool, service *workspaces.Service) (t table, err error) {
	made := make(map[string]int)
	for event, err := range service.Events() {
		if err != nil {
			return t, err
		}
		if event.Kind == workspaces.Created {
			made[event.Workspace.Reference]++
		}
	}
	states, err := stateOf(ctx, pool)
	if err != nil {
		return t, err
	}
	store, err := pgstore.Open(ctx, pool, pgstore.Options{Notify: true})
	if err != nil {
		return t, err
	}
	defer store.Close()
	by := make(map[string]*line)
	for _, f := range fates {
		by[f.fate] = &line{title: f.title}
		t.lines = append(t.lines, by[f.fate])
	}
	for n := range orders {
		id, fate := orderOf(n).ID, fateOf(n, orders)
		state, ordered := states[id]
		r, err := store.Get(ctx, submit.KindJob, id)
		if err != nil && !errors.Is(err, submit.ErrNotFound) {
			return t, err
		}
		var res submit.Result[string]
		if err == nil {
			if res, err = submit.ResultOf[string](r); err != nil {
				return t, err
			}
		}
		t.count(by[fate], ordered, r.Key != "", made[id], res.Outcome, state)
		committed := fate != "declined" && fate != "before"
		if ordered != committed || (r.Key != "") != committed {
			t.torn++
		}
	}
	return t, nil
}

// stateOf returns the states of all orders.
func stateOf(ctx context.Context, pool *pgxpool.Pool) (map[string]string, error) {
	rows, err := pool.Query(ctx, "SELECT id, state FROM orders")
	if err != nil {
		return nil, err
	}
	states := make(map[string]string)
	var id, state string
	_, err = pgx.ForEachRow(rows, []any{&id, &state}, func() error {
		states[id] = state
		return nil
	})
	return states, err
}

// count counts one order.
func (t *table) count(l *line, ordered, queued bool, made int, outcome consistency.Outcome, state string) {
	if ordered {
		l.orders++
	}
	if queued {
		l.jobs++
	}
	switch outcome {
	case consistency.Confirmed:
		l.confirmed++
	case consistency.Unconfirmed:
		l.unconfirmed++
	case consistency.Failed:
		l.failed++
	}
	l.made += made
	if made > 1 {
		t.twice++
	}
	if queued && (state != outcome.String() || outcome == consistency.Failed || (outcome == consistency.Confirmed) != (made > 0)) {
		t.told++
	}
	if !queued && made > 0 {
		t.told++
	}
}

func (t table) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "the order\torders\tjobs\tconfirmed\tunconfirmed\tfailed\tmade\t")
	for _, l := range t.lines {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", l.title, l.orders, l.jobs, l.confirmed, l.unconfirmed, l.failed, l.made)
	}
	w.Flush()
	fmt.Fprintf(out, "an order without its job or a job without its order %d, made twice %d, told wrong %d\n", t.torn, t.twice, t.told)
}

func (t table) verdict() error {
	if t.torn+t.twice+t.told > 0 {
		return errors.New("the orders, their jobs and the service do not agree")
	}
	return nil
}
