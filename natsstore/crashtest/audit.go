package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// findings are the results of comparing the store with the service's own log.
type findings struct {
	jobs, confirmed, unconfirmed, failed int
	lost, double, wrong                  int
	details                              []string
}

// audit compares every job in the store with what the service has seen.
func audit(ctx context.Context, w *world, store submit.Store, jobs []int) (f findings, err error) {
	asking, err := client{url: w.url}.submitter(store, options{})
	if err != nil {
		return f, err
	}
	executed, err := w.executed()
	if err != nil {
		return f, err
	}
	written := w.written()
	for _, n := range jobs {
		f.jobs++
		key := keyOf(n)
		res, err := asking.Lookup(ctx, key)
		if errors.Is(err, submit.ErrNotFound) {
			f.lost++
			f.note("%s is lost; it was sent %d times", key, written[key])
			continue
		}
		if err != nil {
			return f, fmt.Errorf("%s: %w", key, err)
		}
		f.count(res.Outcome)
		if written[key] > 1 || len(executed[key]) > 1 {
			f.double++
			f.note("%s was sent %d times and carried out %d times", key, written[key], len(executed[key]))
		}
		if why := contradiction(res.Outcome, res.Ended, executed[key]); why != "" {
			f.wrong++
			f.note("%s is %v, but %s: sent %d times: %v", key, res.Outcome, why, written[key], res.Err)
		}
	}
	return f, nil
}

// inTime is how long before the outcome a write must have been carried out so that
// Unconfirmed would be wrong.
const inTime = time.Second

// contradiction returns what is wrong with an outcome, or "". The service refuses no job, so
// no job may be Failed, not even one that was never carried out.
func contradiction(outcome consistency.Outcome, ended time.Time, executed []time.Time) string {
	switch {
	case outcome == 0:
		return "it should have ended"
	case outcome == consistency.Failed:
		return "it was not refused"
	case outcome == consistency.Confirmed && len(executed) == 0:
		return "it was not carried out"
	case outcome == consistency.Unconfirmed && len(executed) > 0 && ended.Sub(executed[0]) > inTime:
		return "it was carried out " + ended.Sub(executed[0]).String() + " before"
	}
	return ""
}

func (f *findings) count(o consistency.Outcome) {
	switch o {
	case consistency.Confirmed:
		f.confirmed++
	case consistency.Unconfirmed:
		f.unconfirmed++
	case consistency.Failed:
		f.failed++
	}
}

func (f *findings) note(format string, args ...any) {
	f.details = append(f.details, fmt.Sprintf(format, args...))
}

// report prints the numbers, and returns an error if something is wrong.
func (f *findings) report(out io.Writer, what string, began time.Time) error {
	for _, line := range f.details {
		fmt.Fprintln(out, line)
	}
	fmt.Fprintf(out, "%s jobs=%d confirmed=%d unconfirmed=%d failed=%d lost=%d double-writes=%d wrong-outcome=%d seconds=%.0f\n",
		what, f.jobs, f.confirmed, f.unconfirmed, f.failed, f.lost, f.double, f.wrong, time.Since(began).Seconds())
	if f.lost+f.double+f.wrong > 0 {
		return errors.New("jobs were lost, sent twice or have a wrong outcome")
	}
	return nil
}
