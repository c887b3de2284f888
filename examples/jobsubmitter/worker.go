package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/readback-go/readback/examples/internal/api"
	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

// work submits every job, and ends when all have an outcome. It is the same
// whether it is the first worker or the next: what was submitted before is
// joined.
func work(ctx context.Context, s settings, out io.Writer) error {
	store, err := natsstore.Open(ctx, natsstore.Options{Dir: s.dir, Timeout: time.Minute})
	if err != nil {
		return err
	}
	defer store.Close()
	jobs, err := submitter(store, api.Client{URL: s.service})
	if err != nil {
		return err
	}
	address, closePage, err := servePage(jobs)
	if err != nil {
		return err
	}
	defer closePage()
	fmt.Fprintln(os.Stderr, "The jobs as a page, as long as this worker lives:", address)
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { jobs.Run(ctx) })
	defer running.Wait()
	defer cancel()
	for n := range s.jobs {
		if err := jobs.Enqueue(ctx, keyOf(n), orderOf(n)); err != nil {
			return err
		}
	}
	for {
		pending, err := count(ctx, store)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, s.jobs-pending)
		if pending == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func count(ctx context.Context, store submit.Store) (n int, err error) {
	for _, err := range store.List(ctx, submit.KindJob) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}
