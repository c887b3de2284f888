package workspaces

import (
	"context"
	"math/rand/v2"
	"time"
)

// projector tails the log and hands each event to its table when the lag has
// passed.
type projector struct {
	log    *eventLog
	table  table
	lag    time.Duration
	jitter time.Duration
	at     uint64 // the checkpoint: the last event that the table has
}

// table is what a projector writes. Events come in order, each once.
type table interface {
	apply(Event)
}

// run projects until ctx ends. It returns an error if the log cannot be read.
func (p *projector) run(ctx context.Context) error {
	for ctx.Err() == nil {
		appended := p.log.appended.wait()
		events, err := p.log.after(p.at, pageSize)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			select {
			case <-ctx.Done():
			case <-appended:
			}
			continue
		}
		for _, e := range events {
			if !sleep(ctx, p.wait(e)) {
				return nil
			}
			p.table.apply(e)
			p.at = e.Seq
		}
	}
	return nil
}

// wait returns how long e is still to be held back. The lag counts from the
// event, so that a projector which starts late catches up at once; it bounds
// the wait too, or a clock set back would stop the projector.
func (p *projector) wait(e Event) time.Duration {
	lag := p.lag
	if p.jitter > 0 {
		lag += rand.N(p.jitter)
	}
	return min(lag, time.Until(e.At.Add(lag)))
}
