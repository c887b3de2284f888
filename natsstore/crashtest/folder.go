package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"github.com/readback-go/readback/natsstore"
)

const (
	// shortLife is the longest life of most workers: they are killed while they
	// start, submit, send or record.
	shortLife = 250 * time.Millisecond

	// longLife is the longest life of every eighth worker: long enough to take over
	// the jobs of earlier ones.
	longLife = 3 * time.Second
)

// overFolder kills workers one after another, all with the same folder.
func (s settings) overFolder(ctx context.Context, out io.Writer, w *world, tmp string) error {
	if s.lease == 0 {
		s.lease = folderLease
	}
	dir := filepath.Join(tmp, "store")
	flags := []string{"-service", w.url, "-dir", dir, "-lease", s.lease.String()}

	began, draw := time.Now(), rand.New(rand.NewPCG(s.seed, 0))
	fmt.Fprintf(out, "seed %d\n", s.seed)
	var jobs, left []int
	var f faults
	for round := range s.rounds {
		for range s.jobs {
			jobs, left = append(jobs, len(jobs)), append(left, len(jobs))
		}
		life := shortLife
		if round%8 == 7 {
			life = longLife
		}
		full := noDisk
		if s.disk && round%4 == 3 {
			full = tmp
			f.full++
		}
		c, err := s.live(ctx, slices.Concat(flags, f.deploy(draw)), left, full, func() time.Duration { return time.Duration(draw.Int64N(int64(life))) })
		if err != nil {
			return err
		}
		f.heard(c)
		left = c.left(left)
		if (round+1)%50 == 0 {
			fmt.Fprintf(out, "%d rounds, %d jobs, %d not yet recorded, %v\n", round+1, len(jobs), len(left), time.Since(began).Round(time.Second))
		}
	}
	last, err := start(ctx, flags...)
	if err != nil {
		return err
	}
	last.give(left...)
	if err := last.finish(); err != nil {
		return fmt.Errorf("the last worker: %w", err)
	}
	f.heard(last)
	store, err := natsstore.Open(ctx, natsstore.Options{Dir: dir, Timeout: time.Minute})
	if err != nil {
		return err
	}
	defer store.Close()
	found, err := audit(ctx, w, store, jobs)
	if err != nil {
		return err
	}
	return errors.Join(found.report(out, fmt.Sprintf("rounds=%d %v", s.rounds, &f), began), f.missing(s))
}

const noDisk = ""

// live starts a worker, gives it jobs and kills it. If a disk is named, it is full either when
// the worker starts and for the first part of its life, or for the second part.
func (s settings) live(ctx context.Context, flags []string, jobs []int, disk string, draw func() time.Duration) (*child, error) {
	first, second := draw()/2, draw()/2
	free := func() error { return nil }
	fill := func() (err error) {
		if disk != noDisk {
			free, err = fillDisk(disk)
		}
		return err
	}
	early := first < second
	if early {
		if err := fill(); err != nil {
			return nil, err
		}
	}
	c, err := start(ctx, flags...)
	if err != nil {
		return nil, errors.Join(err, free())
	}
	c.give(jobs...)
	time.Sleep(first)
	if early {
		err = free()
	} else {
		err = fill()
	}
	time.Sleep(second)
	c.kill()
	if !early {
		err = errors.Join(err, free())
	}
	return c, err
}
